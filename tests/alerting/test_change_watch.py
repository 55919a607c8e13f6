"""Alerts about changes of a bridge end when somebody acknowledges them, and after a day."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from connext_monitor.alerting.active_silences import ActiveSilences
from connext_monitor.alerting.change_watch import ChangeWatch
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.kinds.bridge_changed import BRIDGE_CHANGED, BridgeChangedDetails
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.silence import Silence
from connext_monitor.store.store import Store
from tests.world.bridge import TX
from tests.world.clocks import ManualClock
from tests.world.databases import open_store
from tests.world.desks import desk_on
from tests.world.two_chains import AT, LABELS, NAMES, ORIGIN
from tests.world.waiting import running, until

TX_TEXT = f"0x{TX.hex()}"
ALERT = BRIDGE_CHANGED.open(
    "here",
    AT,
    BridgeChangedDetails(domain=ORIGIN, tx_hash=TX_TEXT, changed_at=1, what="The bridge's code was changed."),
    key=TX_TEXT,
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path / "monitor.db", NAMES)
    await opened.alerts.open(ALERT, ["ops"])
    yield opened
    await opened.close()


async def ended_as(store: Store, clock: ManualClock) -> Resolution | None:
    """How the alert has ended once the watch, after a restart, has looked."""
    silences = ActiveSilences(store.silences, LABELS, clock)
    await silences.load()
    looked: list[Alert] = []

    def acknowledged(alert: Alert) -> bool:
        looked.append(alert)
        return silences.acknowledge(alert)

    async def settled() -> bool:
        return len(looked) > 1 or not await store.alerts.open_of_kinds([BRIDGE_CHANGED])

    async with running(ChangeWatch(desk_on(store.alerts, clock=clock), acknowledged, clock, 0.01).run()):
        await until(settled)
    [(row, _)] = await store.alerts.listed(None, limit=10)
    return row.alert.resolution


async def test_it_ends_when_somebody_acknowledges_it(store: Store) -> None:
    clock = ManualClock(AT)
    assert await ended_as(store, clock) is None
    other = Silence(0, AT + timedelta(hours=1), subject=ALERT.id, made_at=AT)
    await store.silences.make(other, AT)
    assert await ended_as(store, clock) is None
    await store.silences.make(Silence(0, AT + timedelta(hours=1), subject=ALERT.id, ack=True, made_at=AT), AT)
    assert await ended_as(store, clock) is Resolution.ACKNOWLEDGED


async def test_after_a_day_it_counts_as_noted(store: Store) -> None:
    clock = ManualClock(AT + timedelta(days=1, seconds=-1))
    assert await ended_as(store, clock) is None
    assert await ended_as(store, ManualClock(AT + timedelta(days=1))) is Resolution.NOTED
