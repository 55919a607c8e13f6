"""The alert desk on a real store: who gets an alert, what is kept, and when delivery is woken."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.alerting.standing_alerts import StandingAlerts
from connext_monitor.clock import SystemClock
from connext_monitor.core.alerts.alert import Alert, AlertState
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.deadline import Leg, TransferWithDeadlines
from connext_monitor.core.delivery import Change
from connext_monitor.core.events import TransferId
from connext_monitor.store.store import Store
from tests.alerting.inhibited import pause
from tests.store.grouped import counted
from tests.world.alerts import NOW, OPENED, TRANSFER_ID, UNOBSERVED
from tests.world.databases import open_store
from tests.world.kinds import overdue
from tests.world.transfers import ALPHA, BETA


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path / "monitor.db", {})
    yield opened
    await opened.close()


class Desk:
    """A desk, with what was woken and for whom something is queued."""

    def __init__(self, store: Store, is_silenced: Callable[[Alert], bool] = lambda _alert: False) -> None:
        self.store = store
        self.woken = 0
        self.desk = AlertDesk(store.alerts, lambda _alert: ["ops"], SystemClock(), is_silenced)
        self.desk.on_change(self._wake)

    def _wake(self) -> None:
        self.woken += 1

    async def queued(self) -> bool:
        return await self.store.outbox.next_delivery("ops") is not None


async def test_an_opened_alert_is_queued_and_wakes_delivery(store: Store) -> None:
    desk = Desk(store)
    assert await desk.desk.open(UNOBSERVED)
    assert (await desk.queued(), desk.woken) == (True, 1)
    assert not await desk.desk.open(UNOBSERVED)


async def test_a_silenced_alert_is_kept_and_queued_for_nobody(store: Store) -> None:
    desk = Desk(store, lambda alert: alert.kind is CHAIN_UNOBSERVED)
    assert await desk.desk.open(UNOBSERVED)
    assert await desk.desk.open_alerts(CHAIN_UNOBSERVED) == [UNOBSERVED]
    assert not await desk.queued()


async def test_a_decision_within_the_transaction_may_open_nothing(store: Store) -> None:
    desk, seen = Desk(store), list[TransferWithDeadlines | None]()

    def decide_against(watched: TransferWithDeadlines | None) -> None:
        seen.append(watched)

    assert await desk.desk.open_decided([(TRANSFER_ID, decide_against)]) == []
    assert (seen, desk.woken) == ([None], 0)
    assert await desk.desk.open_decided([(TRANSFER_ID, lambda _watched: OPENED)]) == [OPENED]
    assert desk.woken == 1


async def test_other_details_are_kept_and_wake_nobody(store: Store) -> None:
    desk = Desk(store)
    await desk.desk.open(UNOBSERVED)
    changed = await desk.desk.change_details(UNOBSERVED, UNOBSERVED.details.replace(waiting=9))
    assert await desk.desk.open_alerts(CHAIN_UNOBSERVED) == [changed]
    assert desk.woken == 1


async def test_an_alert_escalates_once_and_ends_once(store: Store) -> None:
    desk = Desk(store)
    await desk.desk.open(OPENED)
    reconcile = replace(OPENED, severity=Severity.WARNING)
    assert [await desk.desk.escalate(reconcile) for _ in range(2)] == [True, False]
    assert [await desk.desk.resolve(OPENED, Resolution.EXECUTED) for _ in range(2)] == [True, False]
    assert desk.woken == 3


async def test_an_alert_that_is_over_is_kept_without_being_delivered(store: Store) -> None:
    desk = Desk(store)
    ended = replace(UNOBSERVED, state=AlertState.RESOLVED, resolved_at=NOW, resolution=Resolution.OBSERVED)
    await desk.desk.keep_ended(ended)
    ((row, _),) = await store.alerts.listed(None, limit=2)
    assert row.alert == ended
    assert not await desk.queued()


async def test_standing_alerts_are_recalled_and_those_of_nothing_configured_end(store: Store) -> None:
    desk = Desk(store).desk
    await desk.open(UNOBSERVED)
    await desk.open(replace(UNOBSERVED, id="another", subject="base"))
    standing = StandingAlerts(desk, CHAIN_UNOBSERVED)
    await standing.recall({UNOBSERVED.subject})
    assert list(standing) == [UNOBSERVED.subject]
    assert await desk.open_alerts(CHAIN_UNOBSERVED) == [UNOBSERVED]
    await standing.resolve(UNOBSERVED.subject, Resolution.OBSERVED)
    assert UNOBSERVED.subject not in standing
    assert await desk.open_alerts(CHAIN_UNOBSERVED) == []


async def test_what_is_left_of_a_removed_cause_is_routed_as_usual(store: Store) -> None:
    late = [overdue(TransferId(bytes([n]) * 32), Leg.EXECUTE, 1, NOW, (ALPHA, BETA)) for n in range(2)]
    silenced = late[0].id
    desk = Desk(store, lambda alert: alert.id == silenced)
    for alert in (pause(NOW), *late):
        assert await store.alerts.open(alert, ["ops"])
    await counted(store)
    # The chain is called otherwise now: what is said of it by its name is removed, what is late is late.
    await desk.desk.end_removed({ALPHA: "alpha", BETA: "renamed"})
    assert [alert.id for alert in await store.alerts.every_open()] == [alert.id for alert in late]
    news = [(news.alert.id, news.change) for news in await store.outbox.next_deliveries("ops", 9)]
    assert news == [(pause(NOW).id, Change.RESOLVED), (late[1].id, Change.OPENED)]
