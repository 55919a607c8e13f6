"""Deadlines in the database: what is awaited, and what another config changes."""

from connext_monitor.core.deadline import Awaited, Durations, Leg
from connext_monitor.core.events import BlockNumber, DomainId
from connext_monitor.core.transfer import EventRecord
from connext_monitor.store.store import Store
from tests.world.databases import awaited_in
from tests.world.recording import commit, gone, put, seen
from tests.world.transfers import ALPHA, BETA, GAMMA, durations, executed, info, reconciled, sighting, xcalled

XCALLED = xcalled(info(), sighting(10))
EXECUTED = executed(info(), sighting(20))
RECONCILED = reconciled(info(), sighting(30))
ID = XCALLED.event.transfer_id
STARTED = XCALLED.sighting.block.timestamp
WATCHED = {ALPHA: BlockNumber(0), BETA: BlockNumber(0), GAMMA: BlockNumber(0)}
OTHER = Durations(execute=1, reconcile=2)


def other(_origin: DomainId, _destination: DomainId) -> Durations:
    return OTHER


def nobody_watches(_origin: DomainId, _destination: DomainId) -> None:
    return None


async def put_unwatched(store: Store, *records: EventRecord) -> None:
    """Record events while their destination is no configured chain."""
    await commit(store, seen(*records), durations=nobody_watches)


async def due(store: Store) -> tuple[int, int] | None:
    """The transfer's deadlines, in seconds from its start."""
    watched = await store.transfers.by_id(ID)
    assert watched is not None
    return (watched.due.execute - STARTED, watched.due.reconcile - STARTED) if watched.due else None


async def awaited(store: Store) -> list[tuple[Leg, int]]:
    return [(leg.leg, leg.due_at - STARTED) for leg in await awaited_in(store, due_until=2**62)]


async def test_both_legs_are_awaited_until_they_arrive(store: Store) -> None:
    await put(store, seen(XCALLED))
    assert await awaited(store) == [(Leg.EXECUTE, 300), (Leg.RECONCILE, 10_800)]
    await put(store, seen(EXECUTED))
    assert await awaited(store) == [(Leg.RECONCILE, 10_800)]
    await put(store, seen(RECONCILED))
    assert await awaited(store) == []


async def test_a_leg_taken_back_is_awaited_again(store: Store) -> None:
    await put(store, seen(XCALLED, EXECUTED))
    await put(store, gone(EXECUTED))
    assert await awaited(store) == [(Leg.EXECUTE, 300), (Leg.RECONCILE, 10_800)]


async def test_nothing_is_awaited_of_an_xcalled_that_is_taken_back(store: Store) -> None:
    await put(store, seen(XCALLED, EXECUTED))
    await put(store, gone(XCALLED))
    assert await awaited(store) == []
    assert await due(store) is None


async def test_a_leg_is_awaited_on_the_chain_that_owes_it(store: Store) -> None:
    await put(store, seen(XCALLED, xcalled(info(1, BETA, ALPHA), sighting(10))))
    assert {(leg.transfer_id, leg.destination) for leg in await awaited_in(store, due_until=2**62)} == {
        (ID, BETA),
        (xcalled(info(1, BETA, ALPHA), sighting(10)).event.transfer_id, ALPHA),
    }


async def test_a_leg_due_at_the_instant_asked_for_is_among_the_awaited(store: Store) -> None:
    await put(store, seen(XCALLED))
    assert [leg.leg for leg in await awaited_in(store, due_until=STARTED + 300)] == [Leg.EXECUTE]
    assert await awaited_in(store, due_until=STARTED + 299) == []


async def test_nothing_is_awaited_where_nobody_watches(store: Store) -> None:
    await put(store, seen(xcalled(info(destination=GAMMA), sighting(10))))
    assert await awaited_in(store, due_until=2**62) == []


async def test_another_config_gives_another_deadline_to_legs_that_have_not_arrived(store: Store) -> None:
    await put(store, seen(XCALLED))
    await store.deadlines.recompute(other, WATCHED)
    assert await due(store) == (1, 2)


async def test_another_config_leaves_the_deadline_of_a_leg_that_has_arrived(store: Store) -> None:
    await put(store, seen(XCALLED, EXECUTED))
    await store.deadlines.recompute(other, WATCHED)
    assert await due(store) == (300, 2)


async def test_another_config_leaves_transfers_that_are_complete(store: Store) -> None:
    await put(store, seen(XCALLED, EXECUTED, RECONCILED, xcalled(info(1), sighting(11))))
    await store.deadlines.recompute(other, WATCHED)
    assert await due(store) == (300, 10_800)


async def test_a_chain_taken_out_of_the_config_is_awaited_no_more(store: Store) -> None:
    await put(store, seen(XCALLED))
    await store.deadlines.recompute(nobody_watches, WATCHED)
    assert await awaited(store) == []
    assert await due(store) is None


async def test_a_chain_new_in_the_config_is_awaited(store: Store) -> None:
    await put_unwatched(store, XCALLED)
    await store.deadlines.recompute(durations, WATCHED)
    assert await awaited(store) == [(Leg.EXECUTE, 300), (Leg.RECONCILE, 10_800)]
    assert await due(store) == (300, 10_800)


async def test_a_leg_arrived_before_the_watch_hides_no_other_deadline(store: Store) -> None:
    await put_unwatched(store, XCALLED, EXECUTED)
    await store.deadlines.recompute(durations, WATCHED)
    assert await awaited(store) == [(Leg.RECONCILE, 10_800)]
    assert await due(store) == (300, 10_800)


async def test_a_chain_back_in_the_config_is_awaited_as_before(store: Store) -> None:
    await put(store, seen(XCALLED, EXECUTED))
    await store.deadlines.recompute(nobody_watches, WATCHED)
    await store.deadlines.recompute(durations, WATCHED)
    assert await awaited(store) == [(Leg.RECONCILE, 10_800)]
    assert await due(store) == (300, 10_800)


async def test_a_pathways_deadlines_are_its_own(store: Store) -> None:
    back = xcalled(info(1, BETA, ALPHA), sighting(10))
    await put(store, seen(XCALLED, back))
    await store.deadlines.recompute(
        lambda origin, destination: OTHER if origin == BETA else durations(origin, destination), WATCHED
    )
    assert await due(store) == (300, 10_800)
    watched = await store.transfers.by_id(back.event.transfer_id)
    assert watched is not None
    assert watched.due is not None
    assert watched.due.execute - STARTED == 1


async def test_what_is_awaited_can_be_read_in_parts_that_leave_nothing_out(store: Store) -> None:
    called = [xcalled(info(nonce), sighting(1, timestamp=STARTED + nonce // 3)) for nonce in range(10)]
    await put(store, seen(*called))
    for size in (1, 3, 4, 100):
        in_parts: list[Awaited] = []
        while part := await store.deadlines.awaited(
            Leg.EXECUTE, due_until=2**62, after=in_parts[-1] if in_parts else None, limit=size
        ):
            assert len(part) <= size
            in_parts += part
        assert in_parts == sorted(in_parts, key=lambda leg: (leg.due_at, leg.transfer_id))
        assert {leg.transfer_id for leg in in_parts} == {record.event.transfer_id for record in called}
        assert len(in_parts) == len(called)
