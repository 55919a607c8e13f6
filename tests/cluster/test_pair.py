"""A primary and its replica, as other tests and the demo run them."""

import psycopg
import pytest

from tests.world.postgres import Pair

pytestmark = pytest.mark.server


def test_what_was_committed_is_on_the_promoted_replica(pair: Pair) -> None:
    pair.make_synchronous()
    pair.primary.run("CREATE TABLE kept AS SELECT 7 AS number")
    pair.kill_primary()
    pair.promote()
    url = pair.url("postgres").get_secret_value()
    with psycopg.connect(url, target_session_attrs="read-write") as connection:
        connection.execute("INSERT INTO kept VALUES (8)")
        assert connection.execute("SELECT sum(number) FROM kept").fetchone() == (15,)
