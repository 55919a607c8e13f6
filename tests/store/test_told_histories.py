"""What channels are told of whatever opens and ends, with a server's database."""

import pytest
from hypothesis import HealthCheck, given, settings

from connext_monitor.store.store import Store
from tests.alerting.alert_history import HISTORIES, NAMES, History
from tests.alerting.known_histories import with_known
from tests.world.examples import examples
from tests.world.postgres import LentDatabases


@pytest.mark.server
@settings(examples(8), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(HISTORIES)
@with_known
async def test_at_rest_each_open_alert_is_read_once_from_a_server(
    lent: LentDatabases, steps: list[tuple[str, object]]
) -> None:
    with lent.database() as url:
        history = History(lambda: Store.open(url, NAMES))
        await history.live(steps)
        await history.check()
