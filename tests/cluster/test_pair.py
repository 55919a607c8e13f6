"""A primary and its replica, as other tests and the demo run them."""

from collections.abc import Iterator

import psycopg
import pytest

from scripts.postgres_pair import Pair, replicated
from tests.world.postgres import programs

pytestmark = pytest.mark.server


@pytest.fixture
def pair() -> Iterator[Pair]:
    installed = programs()
    if installed is None:
        pytest.skip("no PostgreSQL: scripts/postgres installs it")
    with replicated(installed) as pair:
        yield pair


def test_what_was_committed_is_on_the_promoted_replica(pair: Pair) -> None:
    pair.make_synchronous()
    pair.primary.run("CREATE TABLE kept AS SELECT 7 AS number")
    pair.kill_primary()
    pair.promote()
    url = pair.url("postgres").get_secret_value()
    with psycopg.connect(url, target_session_attrs="read-write") as connection:
        connection.execute("INSERT INTO kept VALUES (8)")
        assert connection.execute("SELECT sum(number) FROM kept").fetchone() == (15,)
