"""What is kept of each chain: how far it was read, its nonces, and what of it could not be read."""

from datetime import timedelta
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connext_monitor.core.batch import ChainProgress, UnreadableLog
from connext_monitor.core.coverage import BlockRange, Coverage, Nonces, begin
from connext_monitor.core.events import BlockNumber
from connext_monitor.store.store import Store
from tests.store.conftest import NewStore
from tests.world.databases import open_store
from tests.world.examples import examples
from tests.world.recording import NAMES, NOW, commit, gone, put, seen
from tests.world.transfers import ALPHA, BETA, executed, info, sighting, xcalled

FRESH = begin(BlockNumber(7))
READ = Coverage(BlockNumber(7), BlockNumber(15), sighting(20).block)


def said(first: int | None, upcoming: int | None) -> ChainProgress:
    return ChainProgress(ALPHA, READ, first, upcoming)


async def unreadable(store: Store, *logs: UnreadableLog) -> None:
    await commit(store, unreadable=logs)


async def test_nothing_is_known_of_a_chain_that_was_never_read(store: Store) -> None:
    assert await store.chains.coverage(ALPHA) is None
    assert await store.chains.nonces(ALPHA) is None


async def test_what_proves_that_a_store_can_be_written_writes(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "monitor.db", NAMES)
    await put(store, progress=[ChainProgress(ALPHA, READ)])
    before = (tmp_path / "monitor.db-wal").read_bytes()
    await store.prove_writable()
    assert (tmp_path / "monitor.db-wal").read_bytes() != before
    assert await store.chains.coverage(ALPHA) == READ
    await store.close()


async def test_coverage_is_read_back_as_it_was_stored(store: Store) -> None:
    for coverage in (FRESH, READ):
        await put(store, progress=[ChainProgress(ALPHA, coverage)])
        assert await store.chains.coverage(ALPHA) == coverage
    assert await store.chains.coverage(BETA) is None


async def test_coverage_outlives_the_program(file: Path) -> None:
    first = await open_store(file, NAMES)
    await put(first, progress=[ChainProgress(ALPHA, READ)])
    await first.close()
    second = await open_store(file, NAMES)
    assert await second.chains.coverage(ALPHA) == READ
    await second.close()


async def test_progress_without_nonces_leaves_those_that_are_known(store: Store) -> None:
    await put(store, progress=[said(4, 4)])
    await put(store, progress=[said(None, None)])
    assert await store.chains.nonces(ALPHA) == Nonces(4, 4, 4)


@settings(examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 6), st.integers(0, 9), st.sets(st.integers(0, 9)))
async def test_nonces_are_contiguous_up_to_the_first_that_is_missing(
    new_store: NewStore, first: int, upcoming: int, nonces: set[int]
) -> None:
    async with new_store() as store:
        called = seen(*[xcalled(info(nonce), sighting(10)) for nonce in nonces])
        await put(store, called, progress=[said(first, upcoming)])
        known = await store.chains.nonces(ALPHA)
        hole = await store.chains.nonce_hole(ALPHA)
    assert known is not None
    reached = next(nonce for nonce in count(first) if nonce not in nonces or nonce >= upcoming)
    assert known.contiguous == reached
    assert (hole is None) == (reached >= upcoming)


async def test_the_first_nonce_is_set_once(store: Store) -> None:
    await put(store, progress=[said(4, 4)])
    await put(store, progress=[said(9, 4)])
    nonces = await store.chains.nonces(ALPHA)
    assert nonces is not None
    assert nonces.first == 4


async def test_nonces_from_before_the_watch_began_are_no_hole(store: Store) -> None:
    await put(store, seen(xcalled(info(5), sighting(10))), progress=[said(5, 6)])
    assert await store.chains.nonces(ALPHA) == Nonces(5, 6, 6)


async def test_a_nonce_known_from_its_destination_is_missing_on_its_origin(store: Store) -> None:
    await put(store, seen(executed(info(0), sighting(10))), progress=[said(0, 1)])
    assert await store.chains.nonces(ALPHA) == Nonces(0, 0, 1)


async def test_holes_are_found_one_after_the_other(store: Store) -> None:
    seen_nonces = [xcalled(info(nonce), sighting(10 * nonce)) for nonce in (0, 1, 4, 7)]
    await put(store, seen(*seen_nonces), progress=[said(0, 9)])
    holes, above = [], 0
    while hole := await store.chains.nonce_hole(ALPHA, above):
        holes.append((hole.first, hole.until, hole.blocks.first))
        above = hole.until
    assert holes == [(2, 4, 10), (5, 7, 40), (8, 9, 70)]


async def test_another_chains_nonces_fill_no_hole(store: Store) -> None:
    await put(store, seen(xcalled(info(0, BETA, ALPHA), sighting(10))), progress=[said(0, 1)])
    assert await store.chains.nonces(ALPHA) == Nonces(0, 0, 1)


async def test_what_is_stored_is_what_stands_on_the_chain_within_the_range(store: Store) -> None:
    called = [xcalled(info(number), sighting(number)) for number in (1, 2, 3, 4)]
    await put(store, seen(*called, executed(info(2), sighting(2))))
    await put(store, gone(called[2]))
    stored = await store.chains.stored(ALPHA, BlockRange(BlockNumber(2), BlockNumber(4)))
    assert stored.blocks == {(r.sighting.block.number, r.sighting.block.hash) for r in (called[1], called[3])}
    assert stored.events == {(r.sighting.block.hash, r.kind, r.event.transfer_id) for r in (called[1], called[3])}


async def test_a_log_that_cannot_be_read_is_counted_once_per_chain(store: Store) -> None:
    await unreadable(store, UnreadableLog(ALPHA, b"one", "bad"), UnreadableLog(ALPHA, b"one", "bad"))
    await unreadable(store, UnreadableLog(ALPHA, b"one", "bad"), UnreadableLog(ALPHA, b"two", "bad"))
    await unreadable(store, UnreadableLog(BETA, b"one", "bad"))
    assert await store.chains.malformed_counts() == {ALPHA: 2, BETA: 1}


async def test_an_unreadable_log_is_known_since_it_was_seen_first(store: Store) -> None:
    second, first = UnreadableLog(ALPHA, b"one", "bad"), UnreadableLog(ALPHA, b"two", "bad")
    for hours, logs in enumerate([(first,), (second, first), (second,)]):
        await commit(store, unreadable=logs, at=NOW + timedelta(hours=hours))
    assert await store.chains.malformed_since(ALPHA, [b"one", b"other"]) == NOW + timedelta(hours=1)
    assert await store.chains.malformed_since(ALPHA, [b"one", b"two"]) == NOW
    assert await store.chains.malformed_since(BETA, [b"one"]) is None


async def test_huge_logs_that_differ_only_at_the_end_are_distinct(store: Store) -> None:
    huge = b"x" * 200_000
    await unreadable(store, UnreadableLog(ALPHA, huge + b"1", "bad"), UnreadableLog(ALPHA, huge + b"2", "bad"))
    assert await store.chains.malformed_counts() == {ALPHA: 2}


async def test_events_outlive_many_times_being_seen(store: Store) -> None:
    called = xcalled(info(), sighting(10))
    for later in range(3):
        await put(store, seen(called), at=NOW + timedelta(seconds=later))
    watched = await store.transfers.by_id(called.event.transfer_id)
    assert watched is not None
    assert watched.transfer.xcalled == called.sighting
