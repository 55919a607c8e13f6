"""What the database keeps of backfills, and what it never does with what they found."""

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.alerts.kinds.monitor_started_blind import MONITOR_STARTED_BLIND
from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import BlockRange, begin
from connext_monitor.core.deadline import ArmDeadline
from connext_monitor.core.events import BlockNumber, DomainId
from connext_monitor.core.history import HistoryRead
from connext_monitor.store.store import Store
from tests.world.databases import awaited_in
from tests.world.recording import commit, put, seen
from tests.world.transfers import ALPHA, BETA, durations, executed, info, sighting, xcalled

FAR = 2**40
XCALLED = xcalled(info(), sighting(10))
EXECUTED = executed(info(), sighting(20))
ID = XCALLED.event.transfer_id


def blocks(first: int, last: int) -> BlockRange:
    return BlockRange(BlockNumber(first), BlockNumber(last))


def nothing(_origin: DomainId, _destination: DomainId) -> None:
    return None


async def backfilled(store: Store, *read: BlockRange, domain: DomainId = ALPHA) -> None:
    """Commit that these blocks were read, and XCalled with them."""
    await commit(store, seen(XCALLED), history=[HistoryRead(domain, blocks) for blocks in read], durations=nothing)


async def watch_from(store: Store, block: int) -> None:
    """The monitor's own reading of alpha begins there."""
    progress = ChainProgress(ALPHA, begin(BlockNumber(block)))
    await commit(store, progress=[progress])


async def test_ranges_that_touch_are_kept_as_one(store: Store) -> None:
    await backfilled(store, blocks(5, 9), blocks(20, 29), blocks(10, 12), blocks(25, 40))
    assert await store.chains.backfilled(ALPHA) == [blocks(5, 12), blocks(20, 40)]


async def test_another_chains_ranges_are_its_own(store: Store) -> None:
    await backfilled(store, blocks(5, 9))
    await backfilled(store, blocks(10, 12), domain=BETA)
    assert await store.chains.backfilled(ALPHA) == [blocks(5, 9)]


async def test_the_next_start_gives_no_deadlines_to_what_began_before_the_watch(store: Store) -> None:
    await backfilled(store, blocks(5, 15))
    await watch_from(store, 16)
    await store.deadlines.recompute(durations, {})
    assert await awaited_in(store, due_until=FAR) == []


async def test_the_next_start_gives_none_where_the_watch_has_not_begun(store: Store) -> None:
    await backfilled(store, blocks(5, 15))
    await store.deadlines.recompute(durations, {})
    assert await awaited_in(store, due_until=FAR) == []


async def test_what_began_in_the_first_block_watched_is_given_its_deadlines(store: Store) -> None:
    await backfilled(store, blocks(5, 15))
    await watch_from(store, 10)
    await store.deadlines.recompute(durations, {})
    assert [leg.transfer_id for leg in await awaited_in(store, due_until=FAR)] == [ID, ID]


async def test_a_leg_that_arrives_gives_no_deadline_to_the_other_one(store: Store) -> None:
    await backfilled(store, blocks(5, 15))
    changes, _ = await put(store, seen(EXECUTED))
    assert not [effect for effect in changes.effects if isinstance(effect, ArmDeadline)]
    assert await awaited_in(store, due_until=FAR) == []


async def lose(store: Store, first: int, last: int) -> str:
    """No endpoint has these blocks of alpha any more; the id of the alert that says so."""
    progress = ChainProgress(ALPHA, begin(BlockNumber(last + 1)), unread=blocks(first, last))
    _, (alert_id,) = await commit(store, progress=[progress], providers=["ops"])
    return alert_id


async def test_a_lost_past_moves_the_first_watched_block_and_no_deadline(store: Store) -> None:
    await watch_from(store, 5)
    await put(store, seen(XCALLED))
    await store.deadlines.recompute(durations, {})
    await lose(store, 16, 99)
    await store.deadlines.recompute(durations, {})
    assert await store.chains.coverage(ALPHA) == begin(BlockNumber(100))
    assert await store.chains.anchors(ALPHA) == []
    assert len(await awaited_in(store, due_until=FAR)) == 2


async def test_a_lost_past_is_caught_up_once_backfills_have_read_it(store: Store) -> None:
    await watch_from(store, 5)
    await lose(store, 16, 99)
    await backfilled(store, blocks(16, 50))
    await backfilled(store, blocks(16, 99), domain=BETA)
    assert len(await store.alerts.open_of_kinds([MONITOR_STARTED_BLIND])) == 1
    await backfilled(store, blocks(51, 120))
    assert await store.alerts.open_of_kinds([MONITOR_STARTED_BLIND]) == []
    rows = await store.alerts.listed(AlertState.RESOLVED, limit=9)
    assert [row.alert.resolution for row, _ in rows] == ["caught_up"]
