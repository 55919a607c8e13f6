"""What a reorg took away stays nowhere below the checkpoint, whatever is pushed while blocks are read and committed."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import Aim, BlockRange, Coverage, RecordedMeanwhile, SettledBlocks
from connext_monitor.core.events import BlockNumber, BlockRef, Hash32, RawLog, Timestamp
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.decoded_log import DecodedLog, decode_log
from connext_monitor.monitoring.observation import Observation, record
from tests.monitoring.checking import Checking, checking
from tests.monitoring.coverers_store import CoverersStore
from tests.monitoring.covering import covering
from tests.monitoring.following import follow
from tests.monitoring.made_up_chain import Chain, hash_at
from tests.monitoring.made_up_logs import ORIGIN, TIME, xcalled_raw

ALL = BlockRange(BlockNumber(1), BlockNumber(100))
LOST = (BlockNumber(30), hash_at(30, branch=1))
"""A block that was replaced."""


def raw_in(block: tuple[BlockNumber, Hash32]) -> RawLog:
    number, block_hash = block
    return replace(xcalled_raw(1), block_number=number, block_hash=block_hash)


def log_in(block: tuple[BlockNumber, Hash32]) -> DecodedLog:
    return decode_log(ORIGIN, raw_in(block), BlockRef(*block, TIME))


class StoreAndQueue(CoverersStore):
    """A real store, and the queue of a real checker on it; ``held`` is what a cover's commits wait for."""

    def __init__(self, real: Checking) -> None:
        super().__init__(real)
        self.held = asyncio.Event()
        self.held.set()
        self.waits = asyncio.Event()

    async def put(self, observation: Observation) -> "asyncio.Future[None]":
        done = await super().put(observation)
        if observation.progress is not None:
            self.waits.set()
            await self.held.wait()
        return done


async def test_what_is_pushed_while_its_block_is_read_does_not_outlive_it(tmp_path: Path) -> None:
    node = Chain(20)
    async with checking(tmp_path) as real, covering(node, StoreAndQueue(real)) as (coverer, announce):
        await coverer.cover_for(Aim.CONFIRM)
        pushed: list[asyncio.Task[None]] = []

        def push() -> None:
            # The range's logs are asked for, so that what was stored of its blocks has been read.
            if not pushed:
                pushed.append(asyncio.create_task(record(real.queue, Observation(ORIGIN, logs=[log_in(LOST)]))))

        node.at_logs = push
        await announce(40)
        await coverer.cover_for(Aim.CONFIRM, hinted=True)
        await asyncio.gather(*pushed)
        assert coverer.state.begun.checkpoint == 35
        assert (await real.store.chains.stored(ORIGIN, ALL)).blocks == set()


async def test_what_is_pushed_while_its_block_becomes_final_is_looked_at(tmp_path: Path) -> None:
    node = Chain(20)
    async with checking(tmp_path) as real:
        kept = StoreAndQueue(real)
        async with covering(node, kept) as (coverer, announce):
            await coverer.cover_for(Aim.CONFIRM)
            await announce(40)
            coverer.state.headers.add(Header(*LOST, hash_at(29), Timestamp(1_000_030), None))
            coverer.state.verified.add(LOST[1])
            kept.held.clear()
            kept.waits.clear()
            cover = asyncio.create_task(coverer.cover_for(Aim.CONFIRM, hinted=True))
            await kept.waits.wait()
            await follow(coverer, real.queue, raw_in(LOST))
            kept.held.set()
            await cover
            await record(real.queue, Observation(ORIGIN))
            assert (await real.store.chains.stored(ORIGIN, ALL)).blocks == set()


def settling(*known: tuple[BlockNumber, Hash32]) -> Observation:
    """Blocks up to 35 become final, in which only these were known to hold anything."""
    blocks = BlockRange(BlockNumber(16), BlockNumber(35))
    progress = ChainProgress(
        ORIGIN, Coverage(BlockNumber(1), BlockNumber(35)), settled=SettledBlocks(blocks, frozenset(known))
    )
    return Observation(ORIGIN, progress=progress)


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "two batches"])
async def test_no_block_becomes_final_with_what_its_reader_did_not_know(tmp_path: Path, *, together: bool) -> None:
    async with checking(tmp_path, run=False) as real:
        with capture_logs() as lines:
            seen = await real.queue.put(Observation(ORIGIN, logs=[log_in(LOST)]))
            if not together:
                await real.checker.drain()
            settled = await real.queue.put(settling())
            await real.checker.drain()
            await seen
            with pytest.raises(RecordedMeanwhile):
                await settled
            assert await real.store.chains.coverage(ORIGIN) is None
            known = await real.queue.put(settling(LOST))
            await real.checker.drain()
            await known
        assert [line for line in lines if line["event"] == "observation.not_stored"] == []
        assert await real.store.chains.coverage(ORIGIN) == Coverage(BlockNumber(1), BlockNumber(35))
