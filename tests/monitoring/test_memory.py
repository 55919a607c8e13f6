"""What the tests of covering take for a database behaves as the real store and the real checker do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import BlockRange, Coverage, CoverageMoved, begin
from connext_monitor.core.events import BlockNumber, BlockRef, Hash32, Timestamp
from connext_monitor.monitoring.coverage_store import CoverageStore
from connext_monitor.monitoring.observation import Observation, ObservationSink, record
from tests.monitoring.checking import checking
from tests.monitoring.covering import Memory
from tests.monitoring.made_up_logs import ORIGIN

Kept = tuple[CoverageStore, Callable[[ChainProgress], Awaitable[None]]]
"""What reads, and what commits a chain's progress."""


@pytest_asyncio.fixture(params=["memory", "store"])
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kept]:
    async with AsyncExitStack() as stack:
        if request.param == "memory":
            memory = Memory()
            store: CoverageStore = memory
            queue: ObservationSink = memory
        else:
            real = await stack.enter_async_context(checking(tmp_path))
            store, queue = real.store.chains, real.queue

        async def commit(progress: ChainProgress) -> None:
            async with asyncio.timeout(60):
                await record(queue, Observation(ORIGIN, progress=progress))

        yield store, commit


def block(number: int, fork: int = 0) -> BlockRef:
    return BlockRef(BlockNumber(number), Hash32(bytes([fork]) + number.to_bytes(31)), Timestamp(number))


def reached(checkpoint: int, covered: int, *, anchor: BlockRef | None = None) -> ChainProgress:
    coverage = Coverage(BlockNumber(1), BlockNumber(checkpoint), block(covered))
    return ChainProgress(ORIGIN, coverage, anchor=anchor)


async def test_of_a_new_chain_nothing_is_kept(kept: Kept) -> None:
    store, _ = kept
    assert await store.coverage(ORIGIN) is None
    assert await store.anchors(ORIGIN) == []


async def test_the_coverage_is_that_of_the_last_commit(kept: Kept) -> None:
    store, commit = kept
    for progress in (reached(10, 15), reached(20, 25), reached(5, 25)):
        await commit(progress)
        assert await store.coverage(ORIGIN) == progress.coverage


async def test_anchors_come_newest_first_and_one_replaces_another_at_its_height(kept: Kept) -> None:
    store, commit = kept
    for anchor in (block(10), block(20), block(10, fork=1)):
        await commit(reached(anchor.number, 25, anchor=anchor))
    assert await store.anchors(ORIGIN) == [(20, block(20).hash), (10, block(10, fork=1).hash)]
    assert await store.anchors(ORIGIN, 1) == [(20, block(20).hash)]


async def test_a_replaced_block_takes_the_anchors_above_the_checkpoint_with_it(kept: Kept) -> None:
    store, commit = kept
    for number in (10, 20, 30):
        await commit(reached(number, 35, anchor=block(number)))
    rewound = Coverage(BlockNumber(1), BlockNumber(20), block(35))
    await commit(ChainProgress(ORIGIN, rewound, replaced=BlockNumber(30)))
    assert await store.anchors(ORIGIN) == [(20, block(20).hash), (10, block(10).hash)]


async def test_blocks_left_behind_take_all_anchors_with_them(kept: Kept) -> None:
    store, commit = kept
    await commit(reached(10, 15, anchor=block(10)))
    unread = BlockRange(BlockNumber(11), BlockNumber(99))
    await commit(ChainProgress(ORIGIN, begin(BlockNumber(100)), unread=unread))
    assert await store.anchors(ORIGIN) == []
    assert await store.coverage(ORIGIN) == begin(BlockNumber(100))


async def test_progress_from_where_the_chain_no_longer_stands_is_refused(kept: Kept) -> None:
    store, commit = kept
    for progress in (reached(10, 15), reached(20, 25)):
        await commit(progress)
    elsewhere = replace(reached(30, 35), since=reached(10, 15).coverage)
    with pytest.raises(CoverageMoved):
        await commit(elsewhere)
    assert await store.coverage(ORIGIN) == reached(20, 25).coverage
    onward = replace(reached(30, 35), since=reached(20, 25).coverage)
    await commit(onward)
    assert await store.coverage(ORIGIN) == onward.coverage
