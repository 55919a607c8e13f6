"""Ranges that are on their way to a database which refuses, fails and delays whatever it likes."""

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import Aim, BlockRange, Coverage, CoverageMoved, begin
from connext_monitor.core.database_trouble import DatabaseTrouble, StoreUnavailable, TroubleKind
from connext_monitor.core.events import BlockNumber, BlockRef, Hash32, Timestamp
from connext_monitor.core.range_pace import RangePace
from connext_monitor.monitoring.chain_data import to_hex
from connext_monitor.monitoring.intervals import USUAL
from connext_monitor.monitoring.observation import Observation, record
from connext_monitor.monitoring.observation_queue import MOST_BYTES, ObservationQueue
from tests.monitoring.checking import Checking, checking
from tests.monitoring.coverers_store import CoverersStore
from tests.monitoring.covering import covering
from tests.monitoring.made_up_chain import Chain
from tests.monitoring.made_up_logs import DESTINATION, ORIGIN, xcalled_log, xcalled_raw
from tests.world.examples import examples
from tests.world.waiting import within_bound

HEAD, SPAN = 60, 4
TROUBLES = ("none", "none", "fails", "refuses", "delays", "cannot be used")


class Bridge(Chain):
    """A chain with another transfer in each log."""

    def log(self, number: int) -> dict[str, Any]:
        raw = xcalled_raw(number)
        return super().log(number) | {"topics": [to_hex(topic) for topic in raw.topics], "data": to_hex(raw.data)}


class Kept(CoverersStore):
    """A real store and the queue of a real checker, as what covers sees them."""

    def __init__(self, real: Checking) -> None:
        super().__init__(real)
        self.waiting = 0
        self.most_waiting = 0

    async def put(self, observation: Observation) -> "asyncio.Future[None]":
        done = await super().put(observation)
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        done.add_done_callback(self._ended)
        return done

    def _ended(self, _: object) -> None:
        self.waiting -= 1


async def missing(real: Checking, node: Chain) -> list[int]:
    """The blocks with logs that are said to be covered, and of which none is stored."""
    coverage = await real.store.chains.coverage(ORIGIN)
    if coverage is None:
        return []
    last = coverage.covered.number if coverage.covered else coverage.checkpoint
    stored = await real.store.chains.stored(ORIGIN, BlockRange(BlockNumber(0), BlockNumber(HEAD)))
    held = {number for number, _ in stored.blocks}
    return [number for number in node.logs if number <= last and number not in held]


async def suffer(trouble: str) -> None:
    match trouble:
        case "fails":
            raise OSError("the disk is odd")
        case "refuses":
            raise CoverageMoved("not from here")
        case "delays":
            await asyncio.sleep(0.005)
        case "cannot be used":
            raise StoreUnavailable(DatabaseTrouble(TroubleKind.DISK, "the disk fails"))


async def cover_against(troubles: Sequence[str], node: Chain, folder: Path) -> None:
    """Cover all of a chain, and look before each commit and at the end."""
    left: Iterator[str] = iter(troubles)
    async with checking(folder) as real:
        kept = Kept(real)

        async def before() -> None:
            assert await missing(real, node) == []
            await suffer(next(left, "none"))

        async with covering(node, kept, intervals=replace(USUAL, retry=0.001)) as (coverer, announce):
            await announce(HEAD)
            real.failing.before = before
            pooled = coverer.state.in_use
            assert pooled is not None
            pooled.pace = RangePace(span=SPAN, limit=SPAN)
            while coverer.state.covered is None or coverer.state.covered.number < HEAD:
                with contextlib.suppress(OSError, StoreUnavailable, CoverageMoved):
                    await coverer.cover_for(Aim.CONFIRM)
                    continue
                # As the observer does with what it cannot explain.
                with contextlib.suppress(OSError, StoreUnavailable, CoverageMoved):
                    await coverer.begin()
        assert await missing(real, node) == []
        stored = await real.store.chains.stored(ORIGIN, BlockRange(BlockNumber(0), BlockNumber(HEAD)))
        assert {number for number, _ in stored.blocks} == set(node.logs)


@examples(20)
@given(st.lists(st.sampled_from(TROUBLES), max_size=25), st.sets(st.integers(1, HEAD), max_size=30))
def test_promise_2_no_range_is_overtaken_whatever_the_database_does(troubles: list[str], logs: set[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        node = Bridge(HEAD, logs=sorted(logs))
        asyncio.run(within_bound(cover_against(troubles, node, Path(folder))))


async def test_history_is_read_on_while_what_was_read_is_committed(tmp_path: Path) -> None:
    node = Bridge(HEAD, logs=[*range(1, HEAD)])
    async with checking(tmp_path) as real:
        kept = Kept(real)
        held = asyncio.Event()

        async def hold() -> None:
            await held.wait()

        async with covering(node, kept) as (coverer, announce):
            await announce(HEAD)
            real.failing.before = hold
            pooled = coverer.state.in_use
            assert pooled is not None
            pooled.pace = RangePace(span=SPAN, limit=SPAN)
            cover = asyncio.create_task(coverer.cover_for(Aim.CONFIRM))
            async with asyncio.timeout(60):
                while kept.waiting < HEAD / SPAN:  # noqa: ASYNC110 - it rises by itself
                    await asyncio.sleep(0.001)
            assert coverer.state.covered is None
            held.set()
            await within_bound(cover)
            assert coverer.state.covered is not None
            assert coverer.state.covered.number == HEAD
        assert real.failing.batches < HEAD / SPAN


def progress(since: Coverage | None, last: int) -> ChainProgress:
    block = BlockRef(BlockNumber(last), Hash32(last.to_bytes(32)), Timestamp(1_000_000 + last))
    return ChainProgress(ORIGIN, Coverage(BlockNumber(1), BlockNumber(last), block), since=since)


async def test_progress_is_refused_unless_it_starts_from_what_is_stored(tmp_path: Path) -> None:
    async with checking(tmp_path) as real:
        first = progress(begin(BlockNumber(1)), 5)
        overtaking = progress(progress(None, 9).coverage, 12)
        await record(real.queue, Observation(ORIGIN, progress=first))
        with pytest.raises(CoverageMoved):
            await record(real.queue, Observation(ORIGIN, progress=overtaking))
        assert await real.store.chains.coverage(ORIGIN) == first.coverage
        next_one = progress(first.coverage, 9)
        await record(real.queue, Observation(ORIGIN, progress=next_one))
        await record(real.queue, Observation(ORIGIN, progress=overtaking))
        assert await real.store.chains.coverage(ORIGIN) == overtaking.coverage


async def test_nothing_is_covered_on_where_nothing_is_stored(tmp_path: Path) -> None:
    async with checking(tmp_path) as real:
        with pytest.raises(CoverageMoved):
            await record(real.queue, Observation(ORIGIN, progress=progress(progress(None, 4).coverage, 5)))
        assert await real.store.chains.coverage(ORIGIN) is None


async def test_what_is_read_waits_for_room_and_what_is_pushed_does_not() -> None:
    queue = ObservationQueue()
    log = xcalled_log(1)
    large = [replace(log, log=replace(xcalled_raw(1), data=bytes(MOST_BYTES)))]
    await queue.put(Observation(ORIGIN, logs=large, progress=progress(None, 1)))
    second = asyncio.create_task(queue.put(Observation(ORIGIN, logs=large, progress=progress(None, 2))))
    await within_bound(queue.put(Observation(ORIGIN, logs=[log])))
    elsewhere = replace(progress(None, 1), domain=DESTINATION)
    await within_bound(queue.put(Observation(DESTINATION, logs=large, progress=elsewhere)))
    assert not second.done()
    for part in queue.take(10):
        part.outcome.stored()
    await within_bound(second)


async def test_what_is_pushed_waits_while_much_of_it_is_not_stored() -> None:
    queue = ObservationQueue()
    large = [replace(xcalled_log(1), log=replace(xcalled_raw(1), data=bytes(MOST_BYTES)))]
    await queue.put(Observation(ORIGIN, logs=large))
    second = asyncio.create_task(queue.put(Observation(ORIGIN, logs=large)))
    await within_bound(queue.put(Observation(ORIGIN, logs=large, progress=progress(None, 1))))
    await within_bound(queue.put(Observation(DESTINATION, logs=large)))
    assert not second.done()
    for part in queue.take(10):
        part.outcome.stored()
    await within_bound(second)


async def test_who_gives_up_queueing_leaves_the_room_to_others() -> None:
    queue = ObservationQueue()
    log = xcalled_log(1)
    large = [replace(log, log=replace(xcalled_raw(1), data=bytes(MOST_BYTES)))]
    for _ in range(1000):
        await queue.put(Observation(ORIGIN, logs=[log]))
    given_up = asyncio.create_task(queue.put(Observation(ORIGIN, logs=large, progress=progress(None, 1))))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    queue.take(10**6)
    for last in (2, 3):
        waiting = queue.put(Observation(ORIGIN, logs=[log], progress=progress(None, last)))
        await within_bound(waiting)
