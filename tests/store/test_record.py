"""What is recorded, in one transaction or not at all (promise 1), and the same whatever the order (promise 4)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.deadline import Durations, Leg
from connext_monitor.core.events import Address, BlockNumber
from connext_monitor.core.selection import TransferFilter
from connext_monitor.store import event_records
from connext_monitor.store.connection import Connection
from connext_monitor.store.store import Store
from tests.store.transfer_rows import COLUMNS, rows_of
from tests.world.databases import awaited_in
from tests.world.recording import NOW, accuse, gone, put, seen
from tests.world.transfers import ALPHA, BETA, executed, info, reconciled, sighting, xcalled

INFO = info()
XCALLED = xcalled(INFO, sighting(10))
EXECUTED = executed(INFO, sighting(20))
ID = XCALLED.event.transfer_id


def reached(number: int) -> ChainProgress:
    end = sighting(number).block
    return ChainProgress(BETA, Coverage(BlockNumber(0), BlockNumber(number), end))


async def test_what_is_recorded_is_read_back(store: Store) -> None:
    await put(store, seen(XCALLED), seen(EXECUTED), progress=[reached(30)])
    watched = await store.transfers.by_id(ID)
    assert watched is not None
    assert (watched.transfer.xcalled, watched.transfer.executed) == (XCALLED.sighting, EXECUTED.sighting)
    assert await store.chains.coverage(BETA) == reached(30).coverage


async def test_a_leg_that_arrives_resolves_its_alert_in_the_same_commit(store: Store) -> None:
    await put(store, seen(XCALLED))
    opened = await accuse(store, XCALLED, "ops")
    assert opened is not None
    _, resolved = await put(store, seen(EXECUTED))
    assert resolved == [opened.id]
    [(row, view)] = await store.alerts.listed(None, limit=10)
    assert (row.alert.state, row.alert.resolution) == (AlertState.RESOLVED, "executed")
    assert view is not None


async def test_an_xcalled_that_is_gone_resolves_its_alert_as_reorged(store: Store) -> None:
    await put(store, seen(XCALLED))
    await accuse(store, XCALLED, "ops")
    await put(store, gone(XCALLED))
    [(row, view)] = await store.alerts.listed(None, limit=10)
    assert (row.alert.resolution, view) == ("reorged", None)
    assert await store.transfers.by_id(ID) is None


async def test_an_alert_opens_once_and_is_told_once_to_each_provider(store: Store) -> None:
    await put(store, seen(XCALLED))
    assert await accuse(store, XCALLED, "ops", "desk") is not None
    assert await accuse(store, XCALLED, "ops", "desk") is None
    assert {channel.provider: channel.waiting for channel in await store.outbox.channels()} == {"desk": 1, "ops": 1}


async def test_only_providers_that_got_an_opening_get_its_end(store: Store) -> None:
    await put(store, seen(XCALLED))
    await accuse(store, XCALLED, "ops")
    await put(store, seen(EXECUTED))
    changes = []
    while (delivery := await store.outbox.next_delivery("ops")) is not None:
        changes.append(delivery.change.value)
        await store.outbox.delivery_sent(delivery.id, "m1", NOW)
    assert changes == ["opened", "resolved"]
    assert await store.outbox.next_delivery("desk") is None


async def test_the_end_of_an_alert_knows_the_message_of_its_opening(store: Store) -> None:
    await put(store, seen(XCALLED))
    await accuse(store, XCALLED, "ops")
    opening = await store.outbox.next_delivery("ops")
    assert opening is not None
    await store.outbox.delivery_sent(opening.id, "message 1", NOW)
    await put(store, seen(EXECUTED))
    ending = await store.outbox.next_delivery("ops")
    assert ending is not None
    assert ending.reference == "message 1"


async def test_a_leg_taken_back_may_be_accused_again(store: Store) -> None:
    await put(store, seen(XCALLED))
    first = await accuse(store, XCALLED, "ops")
    await put(store, seen(EXECUTED))
    await put(store, gone(EXECUTED))
    second = await accuse(store, XCALLED, "ops")
    assert first is not None
    assert second is not None
    assert first.id == second.id
    assert len(await store.alerts.listed(AlertState.OPEN, limit=10)) == 1


async def test_other_deadlines_in_the_config_count_for_what_has_not_arrived(store: Store) -> None:
    await put(store, seen(XCALLED), seen(EXECUTED))
    await store.deadlines.recompute(lambda _origin, _destination: Durations(1, 2), {})
    watched = await store.transfers.by_id(ID)
    assert watched is not None
    assert watched.due is not None
    started = XCALLED.sighting.block.timestamp
    assert (watched.due.execute - started, watched.due.reconcile - started) == (300, 2)


async def test_awaited_legs_come_the_earliest_first_and_only_those_due(store: Store) -> None:
    later = xcalled(info(1), sighting(50))
    await put(store, seen(later, XCALLED))
    due = [leg.due_at for leg in await awaited_in(store, due_until=XCALLED.sighting.block.timestamp + 340)]
    assert due == [XCALLED.sighting.block.timestamp + 300, later.sighting.block.timestamp + 300]


async def test_nonces_with_a_hole_are_not_contiguous(store: Store) -> None:
    def said(upcoming: int) -> ChainProgress:
        return ChainProgress(ALPHA, Coverage(BlockNumber(0), BlockNumber(9)), first_nonce=0, next_nonce=upcoming)

    records = [xcalled(info(nonce), sighting(10 + nonce)) for nonce in range(4)]
    await put(store, seen(records[0], records[2], records[3]), progress=[said(4)])
    holed = await store.chains.nonces(ALPHA)
    await put(store, seen(records[1]), progress=[said(4)])
    whole = await store.chains.nonces(ALPHA)
    assert holed is not None
    assert whole is not None
    assert (holed.contiguous, holed.complete, whole.contiguous, whole.complete) == (1, False, 4, True)


async def test_every_old_transfer_is_listed_once_while_new_ones_come(store: Store) -> None:
    old = [xcalled(info(nonce), sighting(nonce)) for nonce in range(20)]
    await put(store, seen(*old))
    listed, after = [], None
    for page in range(7):
        views = await store.transfers.listed(TransferFilter(), limit=3, after=after)
        listed += [view.transfer.transfer_id for view in views]
        after = views[-1].cursor
        await put(store, seen(xcalled(info(100 + page), sighting(100 + page))))
    assert sorted(listed) == sorted(record.event.transfer_id for record in old)


async def test_a_transfer_is_found_by_its_id_and_by_its_transaction(store: Store) -> None:
    await put(store, seen(XCALLED))
    by_id = await store.transfers.by_id_or_tx(ID)
    by_tx = await store.transfers.by_id_or_tx(XCALLED.sighting.tx_hash)
    assert [view.transfer.transfer_id for view in (*by_id, *by_tx)] == [ID, ID]


async def test_what_takes_an_xcalled_back_may_show_it_where_it_cannot_count(store: Store) -> None:
    await put(store, seen(XCALLED))
    await put(store, gone(XCALLED), seen(replace(XCALLED, domain=BETA)))
    assert await rows_of(store) == {}


async def test_what_takes_an_event_back_may_show_it_otherwise_in_its_block(store: Store) -> None:
    otherwise = executed(INFO, EXECUTED.sighting, (Address(b"\x77" * 20),))
    await put(store, seen(XCALLED), seen(EXECUTED))
    await put(store, gone(EXECUTED), seen(otherwise))
    stored = await store.transfers.by_id(ID)
    assert stored is not None
    assert stored.transfer.routers == (Address(b"\x77" * 20),)


async def test_the_nonce_is_kept_of_a_transfer_whose_reconciled_came_first(store: Store) -> None:
    for leg in (reconciled(info(7), sighting(30)), executed(info(7), sighting(31))):
        await put(store, seen(leg))
    [kept] = (await rows_of(store)).values()
    assert dict(zip(COLUMNS, kept[1:], strict=True))["nonce"] == 7


@pytest.mark.parametrize("leg", Leg)
async def test_an_overdue_leg_is_seen_as_such_until_it_arrives(store: Store, leg: Leg) -> None:
    await put(store, seen(XCALLED))
    await accuse(store, XCALLED, "ops", leg=leg)
    [view] = await store.transfers.listed(TransferFilter(), limit=1)
    assert view.overdue == {leg}


async def test_alerts_are_dated_to_the_millisecond(store: Store) -> None:
    await put(store, seen(XCALLED))
    await accuse(store, XCALLED)
    await put(store, seen(EXECUTED), at=NOW + timedelta(milliseconds=1234))
    [(row, _)] = await store.alerts.listed(None, limit=1)
    assert row.alert.resolved_at == NOW + timedelta(milliseconds=1234)


async def test_an_event_that_is_stored_already_is_not_passed_over(store: Store) -> None:
    """What inserts events has read what is there: one that is there all the same is a mistake, and not done."""
    await put(store, seen(XCALLED))

    def again(connection: Connection) -> None:
        event_records.add(connection, {ID: 1}, (XCALLED,))

    with pytest.raises(Exception, match=r"(?i)unique constraint"):
        await store.database.write(again)
    assert await store.transfers.by_id(ID) is not None


async def test_a_transfer_is_not_deleted_from_under_its_events(store: Store) -> None:
    """Its number may become another's, which would have them."""
    await put(store, seen(XCALLED))
    with pytest.raises(Exception, match=r"(?i)foreign key|has events"):
        await store.database.write(lambda connection: connection.run("DELETE FROM transfers").rowcount)
    assert await store.transfers.by_id(ID) is not None
