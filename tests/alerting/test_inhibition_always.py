"""Whatever opens and ends in whatever order: what is open is to be read somewhere, and once (promises 6, 7 and 11)."""

import pytest
from hypothesis import HealthCheck, given, settings

from connext_monitor.store.executor import Inline
from tests.alerting.alert_history import HISTORIES, NAMES, History
from tests.alerting.known_histories import with_known
from tests.world.databases import open_store
from tests.world.examples import examples


@settings(examples(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(HISTORIES)
@with_known
async def test_at_rest_each_open_alert_is_to_be_read_in_one_message(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, object]]
) -> None:
    file = tmp_path_factory.mktemp("history") / "monitor.db"
    history = History(lambda: open_store(file, NAMES, Inline))
    await history.live(steps)
    await history.check()
