"""What the tests of covering take for a database behaves as the real store and the real checker do."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.bridge_events import BRIDGE_EVENTS
from connext_monitor.core.coverage import (
    BlockRange,
    Coverage,
    CoverageMoved,
    RecordedMeanwhile,
    SettledBlocks,
    StoredRange,
    begin,
)
from connext_monitor.core.decoding import encode_event
from connext_monitor.core.events import (
    Address,
    BlockNumber,
    BlockRef,
    EventKind,
    Executed,
    Hash32,
    RawLog,
    SeenLog,
    Timestamp,
    TransferEvent,
)
from connext_monitor.core.transfer import Sighting
from connext_monitor.monitoring.coverage_store import CoverageStore
from connext_monitor.monitoring.decoded_log import DecodedLog, decode_log
from connext_monitor.monitoring.observation import Observation, ObservationSink, record
from tests.monitoring.checking import checking
from tests.monitoring.covering import Memory
from tests.monitoring.made_up_logs import DESTINATION, ORIGIN
from tests.world.transfers import executed, info, reconciled, xcalled


@dataclass(frozen=True)
class Kept:
    """What reads, and what commits."""

    store: CoverageStore
    queue: ObservationSink

    async def commit(self, progress: ChainProgress) -> None:
        await self.see(Observation(ORIGIN, progress=progress))

    async def see(self, observation: Observation) -> None:
        async with asyncio.timeout(60):
            await record(self.queue, observation)


@pytest_asyncio.fixture(params=["memory", "store"])
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kept]:
    async with AsyncExitStack() as stack:
        if request.param == "memory":
            memory = Memory()
            yield Kept(memory, memory)
        else:
            real = await stack.enter_async_context(checking(tmp_path))
            yield Kept(real.store.chains, real.queue)


def block(number: int, fork: int = 0) -> BlockRef:
    return BlockRef(BlockNumber(number), Hash32(bytes([fork]) + number.to_bytes(31)), Timestamp(number))


def reached(checkpoint: int, covered: int, *, anchor: BlockRef | None = None) -> ChainProgress:
    coverage = Coverage(BlockNumber(1), BlockNumber(checkpoint), block(covered))
    return ChainProgress(ORIGIN, coverage, anchor=anchor)


async def test_of_a_new_chain_nothing_is_kept(kept: Kept) -> None:
    store = kept.store
    assert await store.coverage(ORIGIN) is None
    assert await store.anchors(ORIGIN) == []


async def test_the_coverage_is_that_of_the_last_commit(kept: Kept) -> None:
    store, commit = kept.store, kept.commit
    for progress in (reached(10, 15), reached(20, 25), reached(5, 25)):
        await commit(progress)
        assert await store.coverage(ORIGIN) == progress.coverage


async def test_anchors_come_newest_first_and_one_replaces_another_at_its_height(kept: Kept) -> None:
    store, commit = kept.store, kept.commit
    for anchor in (block(10), block(20), block(10, fork=1)):
        await commit(reached(anchor.number, 25, anchor=anchor))
    assert await store.anchors(ORIGIN) == [(20, block(20).hash), (10, block(10, fork=1).hash)]
    assert await store.anchors(ORIGIN, 1) == [(20, block(20).hash)]


async def test_a_replaced_block_takes_the_anchors_above_the_checkpoint_with_it(kept: Kept) -> None:
    store, commit = kept.store, kept.commit
    for number in (10, 20, 30):
        await commit(reached(number, 35, anchor=block(number)))
    rewound = Coverage(BlockNumber(1), BlockNumber(20), block(35))
    await commit(ChainProgress(ORIGIN, rewound, replaced=BlockNumber(30)))
    assert await store.anchors(ORIGIN) == [(20, block(20).hash), (10, block(10).hash)]


async def test_blocks_left_behind_take_all_anchors_with_them(kept: Kept) -> None:
    store, commit = kept.store, kept.commit
    await commit(reached(10, 15, anchor=block(10)))
    unread = BlockRange(BlockNumber(11), BlockNumber(99))
    await commit(ChainProgress(ORIGIN, begin(BlockNumber(100)), unread=unread))
    assert await store.anchors(ORIGIN) == []
    assert await store.coverage(ORIGIN) == begin(BlockNumber(100))


async def test_progress_from_where_the_chain_no_longer_stands_is_refused(kept: Kept) -> None:
    store, commit = kept.store, kept.commit
    for progress in (reached(10, 15), reached(20, 25)):
        await commit(progress)
    elsewhere = replace(reached(30, 35), since=reached(10, 15).coverage)
    with pytest.raises(CoverageMoved):
        await commit(elsewhere)
    assert await store.coverage(ORIGIN) == reached(20, 25).coverage
    onward = replace(reached(30, 35), since=reached(20, 25).coverage)
    await commit(onward)
    assert await store.coverage(ORIGIN) == onward.coverage


SENT, RECEIVED = info(1), info(1, origin=DESTINATION, destination=ORIGIN)
SENT_AT = Sighting(block(1), Hash32(b"\5" * 32), 0)


def stolen() -> TransferEvent:
    """A delivery of something else than was sent."""
    event = executed(RECEIVED, SENT_AT).event
    assert isinstance(event, Executed)
    return replace(event, params=replace(event.params, to=Address(b"\x99" * 20)))


SAYINGS = {
    "xcalled": encode_event(xcalled(SENT, SENT_AT).event),
    "executed": encode_event(executed(RECEIVED, SENT_AT).event),
    "reconciled": encode_event(reconciled(RECEIVED, SENT_AT).event),
    "stolen": encode_event(stolen()),
    "paused": BRIDGE_EVENTS["Paused"].encode(account="0x" + "5e" * 20),
    "unreadable": (encode_event(stolen())[0][:1], b""),
}
"""Logs' topics and data."""


def saying(what: str, where: BlockRef, log_index: int = 0) -> DecodedLog:
    topics, data = SAYINGS[what]
    raw = RawLog(Address(b"\x11" * 20), topics, data, where.number, where.hash, Hash32(bytes(32)), log_index)
    return decode_log(ORIGIN, raw, where)


async def vouched(_log: SeenLog) -> bool:
    return True


def standing(*blocks: BlockRef) -> set[tuple[BlockNumber, Hash32]]:
    return {(block.number, block.hash) for block in blocks}


ALL = BlockRange(BlockNumber(1), BlockNumber(9))


@pytest.mark.parametrize("what", SAYINGS)
async def test_a_block_is_stored_whose_log_says_something(kept: Kept, what: str) -> None:
    await kept.see(Observation(ORIGIN, [saying(what, block(5))], vouch=vouched))
    stored = await kept.store.stored(ORIGIN, ALL)
    assert stored.blocks == (set() if what == "unreadable" else standing(block(5)))
    kinds = {(block_hash, kind) for block_hash, kind, _ in stored.events}
    assert kinds == {(block(5).hash, kind) for kind in EventKind if kind == what}


async def test_a_delivery_nobody_vouches_for_is_not_stored(kept: Kept) -> None:
    await kept.see(Observation(ORIGIN, [saying("stolen", block(5))]))
    assert await kept.store.stored(ORIGIN, ALL) == StoredRange()


async def test_only_what_stands_in_the_range_is_answered(kept: Kept) -> None:
    for number in (4, 5, 6, 7):
        await kept.see(Observation(ORIGIN, [saying("xcalled", block(number))]))
    stored = await kept.store.stored(ORIGIN, BlockRange(BlockNumber(5), BlockNumber(6)))
    assert stored.blocks == standing(block(5), block(6))
    assert {block_hash for block_hash, _, _ in stored.events} == {block(5).hash, block(6).hash}


async def test_what_stood_in_a_block_goes_with_it(kept: Kept) -> None:
    for what in SAYINGS:
        await kept.see(Observation(ORIGIN, [saying(what, block(5)), saying(what, block(5, fork=1))], vouch=vouched))
    await kept.see(Observation(ORIGIN, gone=frozenset({block(5).hash})))
    stored = await kept.store.stored(ORIGIN, ALL)
    assert stored.blocks == standing(block(5, fork=1))
    assert {block_hash for block_hash, _, _ in stored.events} == {block(5, fork=1).hash}
    await kept.see(Observation(ORIGIN, [saying("paused", block(5))]))
    assert (await kept.store.stored(ORIGIN, ALL)).events == stored.events


async def test_no_block_becomes_final_with_what_was_not_known_there(kept: Kept) -> None:
    await kept.see(Observation(ORIGIN, [saying("xcalled", block(5))]))
    unaware = replace(reached(6, 9), settled=SettledBlocks(BlockRange(BlockNumber(1), BlockNumber(6)), frozenset()))
    with pytest.raises(RecordedMeanwhile):
        await kept.commit(unaware)
    assert await kept.store.coverage(ORIGIN) is None
    below = replace(reached(4, 9), settled=SettledBlocks(BlockRange(BlockNumber(1), BlockNumber(4)), frozenset()))
    aware = replace(unaware, settled=SettledBlocks(ALL, standing(block(5))))
    for progress in (below, aware):
        await kept.commit(progress)
        assert await kept.store.coverage(ORIGIN) == progress.coverage


BLOCKS = [block(number, fork) for number in (4, 5, 6) for fork in (0, 1)]


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    """Whatever may be said of these few blocks; a block in which something is seen is not gone."""
    said = draw(
        st.lists(st.tuples(st.sampled_from(list(SAYINGS)), st.sampled_from(BLOCKS), st.integers(0, 1)), max_size=3)
    )
    gone = draw(st.sets(st.sampled_from([block.hash for block in BLOCKS]), max_size=2))
    logs = [saying(what, where, index) for what, where, index in said]
    known = draw(st.sets(st.sampled_from(BLOCKS)))
    settled = SettledBlocks(BlockRange(BlockNumber(4), BlockNumber(5)), standing(*known))
    progress = replace(reached(5, 9), settled=settled) if draw(st.booleans()) else None
    gone_too = frozenset(gone - {decoded.block.hash for decoded in logs})
    return Observation(ORIGIN, logs, gone=gone_too, progress=progress, vouch=draw(st.sampled_from([None, vouched])))


@given(st.lists(observations(), max_size=6))
async def test_both_answer_the_same_whatever_was_seen(seen: Sequence[Observation]) -> None:
    memory = Memory()
    with TemporaryDirectory() as folder:
        async with checking(Path(folder)) as real:
            both = [Kept(memory, memory), Kept(real.store.chains, real.queue)]
            for observation in seen:
                assert len({await refused(each, observation) for each in both}) == 1
                for blocks in (ALL, BlockRange(BlockNumber(5), BlockNumber(5))):
                    ours, theirs = [await each.store.stored(ORIGIN, blocks) for each in both]
                    assert ours == theirs
                ours_of, theirs_of = [await each.store.coverage(ORIGIN) for each in both]
                assert ours_of == theirs_of


async def refused(kept: Kept, observation: Observation) -> bool:
    try:
        await kept.see(observation)
    except RecordedMeanwhile:
        return True
    return False
