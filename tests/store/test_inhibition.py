"""The marks of alerts that have a cause, and what is left of them when that ends, in whatever way."""

import pytest

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.removed import ended_by_removal
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.deadline import Leg
from connext_monitor.core.delivery import Change
from connext_monitor.core.events import TransferId
from connext_monitor.store.store import Store
from tests.alerting.inhibited import pause, stall
from tests.store.grouped import LATER, counted, look
from tests.world.kinds import overdue
from tests.world.recording import NOW
from tests.world.transfers import ALPHA, BETA, GAMMA

PAUSE, STALL = pause(NOW), stall(NOW)
LATE = [overdue(TransferId(bytes([n]) * 32), Leg.EXECUTE, 1, NOW, (ALPHA, BETA)) for n in range(3)]


async def open_all(store: Store, *alerts: Alert) -> None:
    for alert in alerts:
        assert await store.alerts.open(alert, ["ops"])


async def marks(store: Store) -> dict[str, str | None]:
    return {alert.id: alert.inhibited_by for alert in await store.alerts.every_open()}


async def test_every_alert_names_its_cause_whichever_came_first(store: Store) -> None:
    await open_all(store, LATE[0], STALL, LATE[1], PAUSE, LATE[2])
    expected: dict[str, str | None] = {late.id: PAUSE.id for late in LATE}
    assert await marks(store) == expected | {PAUSE.id: None, STALL.id: PAUSE.id}


async def test_what_explains_less_is_named_once_the_other_has_ended(store: Store) -> None:
    await open_all(store, PAUSE, STALL, LATE[0])
    before = await store.alerts.newest()
    assert await store.alerts.resolve(ResolveAlert.of(PAUSE, Resolution.UNPAUSED), LATER)
    assert await marks(store) == {STALL.id: None, LATE[0].id: STALL.id}
    assert {row.alert.id for row in await store.alerts.changed(before, limit=9)} == {PAUSE.id, STALL.id, LATE[0].id}


@pytest.mark.parametrize("how", [Resolution.UNPAUSED, Resolution.REORGED, Resolution.REMOVED])
async def test_however_a_cause_ends_what_is_left_waits_to_be_told(store: Store, how: Resolution) -> None:
    await open_all(store, PAUSE, *LATE)
    await counted(store)
    ended = ResolveAlert.of_transfer(LATE[0].kind, TransferId(bytes(32)), Resolution.EXECUTED)
    assert await store.alerts.resolve(ended, LATER)
    assert await store.alerts.resolve(ResolveAlert.of(PAUSE, how), LATER)
    queue = await look(store)
    assert [(waiting.count, waiting.cause) for waiting in queue.waiting] == [(2, None)]
    assert queue.groups == []
    [end] = [queued for queued in await store.outbox.next_deliveries("ops", 9) if queued.change is Change.RESOLVED]
    assert (end.alert.id, end.reference) == (PAUSE.id, "m1")


async def test_an_end_that_waits_when_its_cause_ends_changes_its_own_message(store: Store) -> None:
    await open_all(store, PAUSE, LATE[0])
    assert await store.alerts.escalate(LATE[0].id, lambda _: ["ops"], NOW)
    ended = ResolveAlert.of_transfer(LATE[0].kind, TransferId(bytes(32)), Resolution.EXECUTED)
    assert await store.alerts.resolve(ended, LATER)
    await counted(store)
    critical, _ = await store.outbox.next_deliveries("ops", 9)
    await store.outbox.delivery_sent(critical.id, "m2", NOW)
    assert await store.alerts.resolve(ResolveAlert.of(PAUSE, Resolution.UNPAUSED), LATER)
    ends = {
        queued.alert.id: (queued.change, queued.reference) for queued in await store.outbox.next_deliveries("ops", 9)
    }
    assert ends == {LATE[0].id: (Change.RESOLVED, "m2"), PAUSE.id: (Change.RESOLVED, "m1")}


async def test_a_chain_that_is_removed_takes_along_what_was_counted(store: Store) -> None:
    await open_all(store, PAUSE, *LATE)
    await counted(store)
    await store.alerts.resolve_decided(lambda alerts: ended_by_removal(alerts, {ALPHA: "alpha"}), LATER)
    assert (await look(store)).waiting == []
    assert [queued.alert.id for queued in await store.outbox.next_deliveries("ops", 9)] == [PAUSE.id]


async def test_only_those_are_told_afterwards_who_still_get_such_alerts(store: Store) -> None:
    await open_all(store, PAUSE, *LATE)
    await counted(store)
    assert await store.alerts.resolve(ResolveAlert.of(PAUSE, Resolution.UNPAUSED), LATER, lambda _: ["desk"])
    assert (await look(store)).waiting == []


async def test_a_provider_that_is_new_knows_of_no_cause(store: Store) -> None:
    await open_all(store, PAUSE)
    assert await store.alerts.open(LATE[0], ["ops", "new"])
    assert [(waiting.count, waiting.cause) for waiting in (await look(store, "new")).waiting] == [(1, None)]
    # The other one is about to be told of the cause, and waits for that.
    assert [waiting.topic.kind for waiting in (await look(store)).waiting] == [PAUSE.kind]


async def test_who_is_told_of_each_by_its_key_has_none_left_out(store: Store) -> None:
    await open_all(store, PAUSE, *LATE)
    waiting = (await store.outbox.queue("ops", 0.0, counts_with_cause=False)).waiting
    assert sorted(topic.count for topic in waiting) == [1, 3]


async def test_another_pathway_has_nothing_to_do_with_a_stall(store: Store) -> None:
    elsewhere = overdue(TransferId(bytes([9]) * 32), Leg.EXECUTE, 1, NOW, (GAMMA, BETA))
    await open_all(store, STALL, elsewhere)
    assert (await marks(store))[elsewhere.id] is None
