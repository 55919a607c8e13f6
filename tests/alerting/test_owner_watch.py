"""That another instance owns the work is said once, and is over after an hour or with the next change."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from unittest.mock import patch

import pytest

from connext_monitor.alerting.owner_watch import OwnerWatch
from connext_monitor.core.alerts.alert import Alert, AlertKind, AlertState
from connext_monitor.core.alerts.kinds.owner_changed import OWNER_CHANGED, OwnerChangedDetails
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.store.store import Store
from tests.world.clocks import ManualClock
from tests.world.databases import open_store
from tests.world.desks import desk_on
from tests.world.two_chains import AT, NAMES
from tests.world.waiting import running, until

TO_RIGHT, TO_LEFT = OwnerChangedDetails(before="left", now="right"), OwnerChangedDetails(before="right", now="left")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path / "monitor.db", NAMES)
    yield opened
    await opened.close()


class Watched:
    """A term's watch, and the alerts that there are while it runs, the newest first."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = ManualClock(AT)

    async def alerts(self) -> list[tuple[str, Resolution | None]]:
        listed = await self.store.alerts.listed(None, limit=10)
        return [(OWNER_CHANGED.details_of(row.alert).now, row.alert.resolution) for row, _ in listed]

    async def term(self, change: OwnerChangedDetails | None, *expected: tuple[str, Resolution | None]) -> None:
        async def is_so() -> bool:
            return await self.alerts() == list(expected)

        desk, looks = desk_on(self.store.alerts, clock=self.clock), 0
        open_alerts = desk.open_alerts

        async def counted(*kinds: AlertKind) -> Sequence[Alert]:
            nonlocal looks
            looks += 1
            return await open_alerts(*kinds)

        # With the second look the first one is over, and with it all that it changes.
        with patch.object(desk, "open_alerts", counted):
            async with running(OwnerWatch(desk, change, self.clock, 0.01).run()):
                await until(lambda: looks > 1)
                await until(is_so)


async def test_a_takeover_is_told_once_and_noted_after_an_hour(store: Store) -> None:
    watched = Watched(store)
    await watched.term(TO_RIGHT, ("right", None))
    watched.clock.advance(3599)
    await watched.term(None, ("right", None))
    watched.clock.advance(2)
    await watched.term(None, ("right", Resolution.NOTED))


async def test_the_next_takeover_ends_the_one_before(store: Store) -> None:
    watched = Watched(store)
    await watched.term(TO_RIGHT, ("right", None))
    watched.clock.advance(60)
    await watched.term(TO_LEFT, ("left", None), ("right", Resolution.NOTED))


async def test_a_term_of_the_same_instance_is_no_news(store: Store) -> None:
    watched = Watched(store)
    await watched.term(None)
    assert await store.alerts.listed(AlertState.OPEN, limit=1) == []
