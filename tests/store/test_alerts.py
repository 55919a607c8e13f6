"""Whom an alert's changes are told, and lists of alerts."""

from dataclasses import replace
from datetime import timedelta

import pytest

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE, RECONCILE_OVERDUE
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.deadline import Leg
from connext_monitor.core.delivery import Change
from connext_monitor.core.delivery_records import ChannelState
from connext_monitor.core.selection import TransferFilter
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.store.store import Store
from tests.world.kinds import chain_unobserved
from tests.world.recording import NOW, accuse, gone, put, seen
from tests.world.transfers import executed, info, reconciled, sighting, xcalled

XCALLED = xcalled(info(), sighting(10))
EXECUTED = executed(info(), sighting(20))
RECONCILED = reconciled(info(), sighting(30))
ID = XCALLED.event.transfer_id
BETA_UNSEEN = chain_unobserved("beta", NOW, silent_for=120, waiting=1, why="it refused the connection")


async def changes_for(store: Store, provider: str) -> list[Change]:
    """Deliver all that waits for a provider; what it was."""
    changes = []
    while (delivery := await store.outbox.next_delivery(provider)) is not None:
        changes.append(delivery.change)
        await store.outbox.delivery_sent(delivery.id, None, NOW)
    return changes


async def only_view(store: Store) -> TransferView:
    [view] = await store.transfers.listed(TransferFilter(), limit=10)
    return view


async def test_a_provider_is_sent_one_end_per_opening(store: Store) -> None:
    await put(store, seen(XCALLED))
    await accuse(store, XCALLED, "desk")
    await put(store, seen(EXECUTED))
    await put(store, gone(EXECUTED))
    await accuse(store, XCALLED, "ops")
    await put(store, seen(EXECUTED))
    assert await changes_for(store, "desk") == [Change.OPENED, Change.RESOLVED]
    assert await changes_for(store, "ops") == [Change.OPENED, Change.RESOLVED]


@pytest.mark.parametrize("others", [0, 5, 500], ids=["none open beside", "few open beside", "more open than end"])
async def test_many_legs_at_once_end_those_alerts_that_are_open(store: Store, others: int) -> None:
    calls = [xcalled(info(nonce), sighting(10)) for nonce in range(600)]
    await put(store, seen(*calls))
    for accused in (*calls[100 : 100 + others], calls[90], calls[30]):
        await accuse(store, accused, "desk")
    _, ended = await put(store, seen(*(executed(info(nonce), sighting(20)) for nonce in range(100))))
    assert ended == [EXECUTE_OVERDUE.alert_id(calls[nonce].event.transfer_id) for nonce in (90, 30)]


async def test_an_alert_opening_and_ending_twice_is_sent_in_order(store: Store) -> None:
    await put(store, seen(XCALLED))
    for _ in range(2):
        await accuse(store, XCALLED, "ops")
        await put(store, seen(EXECUTED))
        await put(store, gone(EXECUTED))
    assert await changes_for(store, "ops") == [Change.OPENED, Change.RESOLVED] * 2


async def test_a_reopened_alerts_end_refers_to_its_last_opening(store: Store) -> None:
    await put(store, seen(XCALLED))
    references = []
    for message in ("first", "second"):
        await accuse(store, XCALLED, "ops")
        opening = await store.outbox.next_delivery("ops")
        assert opening is not None
        await store.outbox.delivery_sent(opening.id, message, NOW)
        await put(store, seen(EXECUTED))
        ending = await store.outbox.next_delivery("ops")
        assert ending is not None
        references.append(ending.reference)
        await store.outbox.delivery_sent(ending.id, None, NOW)
        await put(store, gone(EXECUTED))
    assert references == ["first", "second"]


async def test_an_alert_without_providers_is_still_open(store: Store) -> None:
    await put(store, seen(XCALLED))
    assert await accuse(store, XCALLED) is not None
    assert (await only_view(store)).overdue == {Leg.EXECUTE}
    assert await store.outbox.channels() == []


async def test_only_the_leg_that_arrived_ends_its_alert(store: Store) -> None:
    await put(store, seen(XCALLED))
    await accuse(store, XCALLED, "ops", leg=Leg.EXECUTE)
    await accuse(store, XCALLED, "ops", leg=Leg.RECONCILE)
    await put(store, seen(RECONCILED))
    assert (await only_view(store)).overdue == {Leg.EXECUTE}
    assert await store.alerts.count_open() == {(EXECUTE_OVERDUE, Severity.CRITICAL): 1}
    ends = {alert.kind: alert.resolution for alert in await store.alerts.of_transfer(ID)}
    assert ends == {EXECUTE_OVERDUE: None, RECONCILE_OVERDUE: "reconciled"}


async def test_an_xcalled_moved_later_withdraws_its_alert_in_one_commit(store: Store) -> None:
    await put(store, seen(XCALLED))
    await accuse(store, XCALLED, "ops")
    await put(store, gone(XCALLED), seen(xcalled(info(), sighting(11))))
    [alert] = await store.alerts.of_transfer(ID)
    assert (alert.state, alert.resolution) == (AlertState.RESOLVED, "reorged")


async def test_an_alert_is_read_back_as_it_was_opened(store: Store) -> None:
    await store.alerts.open(BETA_UNSEEN, ["ops"])
    assert await store.alerts.open_of_kinds([CHAIN_UNOBSERVED]) == [BETA_UNSEEN]


async def test_an_alert_is_not_opened_twice_nor_ended_twice(store: Store) -> None:
    assert await store.alerts.open(BETA_UNSEEN, ["ops"])
    assert not await store.alerts.open(BETA_UNSEEN, ["ops"])
    assert await store.alerts.resolve(ResolveAlert.of(BETA_UNSEEN, Resolution.OBSERVED), NOW)
    assert not await store.alerts.resolve(ResolveAlert.of(BETA_UNSEEN, Resolution.OBSERVED), NOW)
    assert await changes_for(store, "ops") == [Change.OPENED, Change.RESOLVED]


async def test_an_alert_that_was_never_opened_cannot_end(store: Store) -> None:
    assert not await store.alerts.resolve(ResolveAlert(CHAIN_UNOBSERVED, "no such alert", Resolution.OBSERVED), NOW)


async def test_a_transfer_is_unobserved_while_its_destinations_alert_is_open(store: Store) -> None:
    await put(store, seen(XCALLED))
    await store.alerts.open(BETA_UNSEEN, [])
    assert not (await only_view(store)).observed
    await store.alerts.resolve(ResolveAlert.of(BETA_UNSEEN, Resolution.OBSERVED), NOW)
    assert (await only_view(store)).observed


async def test_every_old_alert_is_listed_once_while_new_ones_come(store: Store) -> None:
    def alert(number: int) -> str:
        return f"chain {number}"

    for number in range(10):
        await store.alerts.open(chain_unobserved(alert(number), NOW, silent_for=1, waiting=0, why=""), [])
    listed: list[str] = []
    after: int | None = None
    while page := await store.alerts.listed(None, limit=3, after=after):
        listed += [row.alert.subject for row, _ in page]
        after = page[-1][0].row
        await store.alerts.open(chain_unobserved(alert(100 + len(listed)), NOW, silent_for=1, waiting=0, why=""), [])
    assert listed == [alert(number) for number in reversed(range(10))]


@pytest.mark.parametrize(("state", "subjects"), [(AlertState.OPEN, ["b"]), (AlertState.RESOLVED, ["a"])])
async def test_alerts_are_listed_by_state(store: Store, state: AlertState, subjects: list[str]) -> None:
    first, second = (chain_unobserved(name, NOW, silent_for=1, waiting=0, why="") for name in "ab")
    await store.alerts.open(first, [])
    await store.alerts.open(second, [])
    await store.alerts.resolve(ResolveAlert.of(first, Resolution.OBSERVED), NOW)
    assert [row.alert.subject for row, _ in await store.alerts.listed(state, limit=10)] == subjects


# Deliveries


async def test_a_delivery_that_is_postponed_is_still_the_next_and_says_when(store: Store) -> None:
    await store.alerts.open(BETA_UNSEEN, ["ops"])
    first = await store.outbox.next_delivery("ops")
    assert first is not None
    await store.outbox.delivery_postponed(first.id, 3, 1234.5, "it is busy")
    again = await store.outbox.next_delivery("ops")
    assert again is not None
    assert (again.id, again.attempts, again.next_attempt_at) == (first.id, 3, 1234.5)


async def test_a_tried_delivery_holds_up_only_its_own_alert(store: Store) -> None:
    other = chain_unobserved("alpha", NOW, silent_for=1, waiting=0, why="")
    await store.alerts.open(BETA_UNSEEN, ["ops"])
    await store.alerts.resolve(ResolveAlert.of(BETA_UNSEEN, Resolution.OBSERVED), NOW)
    await store.alerts.open(other, ["ops"])
    first = await store.outbox.next_delivery("ops")
    assert first is not None
    await store.outbox.delivery_postponed(first.id, 1, 1234.5, "too long")
    queued = [(delivery.alert.id, delivery.change) for delivery in await store.outbox.next_deliveries("ops", 50)]
    assert queued == [(BETA_UNSEEN.id, Change.OPENED), (other.id, Change.OPENED)]


async def test_the_newest_critical_opening_that_was_not_tried_is_known(store: Store) -> None:
    await store.alerts.open(BETA_UNSEEN, ["ops"])
    assert await store.outbox.newest_critical("ops") is None
    later = NOW + timedelta(minutes=1)
    await store.alerts.open(replace(BETA_UNSEEN, id="worse", severity=Severity.CRITICAL, opened_at=later), ["ops"])
    assert await store.outbox.newest_critical("ops") == later
    assert await store.outbox.newest_critical("desk") is None
    _, worse = await store.outbox.next_deliveries("ops", 50)
    await store.outbox.delivery_postponed(worse.id, 1, 1234.5, "it is busy")
    assert await store.outbox.newest_critical("ops") is None


async def test_a_delivery_brings_the_transfer_as_it_is_now(store: Store) -> None:
    await put(store, seen(XCALLED))
    await accuse(store, XCALLED, "ops")
    await put(store, seen(EXECUTED))
    delivery = await store.outbox.next_delivery("ops")
    assert delivery is not None
    assert delivery.transfer is not None
    assert delivery.transfer.transfer.executed == EXECUTED.sighting


async def test_each_providers_deliveries_are_its_own(store: Store) -> None:
    await store.alerts.open(BETA_UNSEEN, ["ops", "desk"])
    assert await changes_for(store, "ops") == [Change.OPENED]
    assert {channel.provider: channel.waiting for channel in await store.outbox.channels()} == {"desk": 1}


async def test_a_channels_health_is_the_last_one_stored(store: Store) -> None:
    await store.outbox.channel_state("ops", ChannelState.FAILING, "it is busy", NOW)
    await store.outbox.channel_state("ops", ChannelState.DEAD, "its key is wrong", NOW + timedelta(seconds=1))
    [channel] = await store.outbox.channels()
    assert (channel.state, channel.reason) == (ChannelState.DEAD, "its key is wrong")
    assert channel.since == NOW + timedelta(seconds=1)
