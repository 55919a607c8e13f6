"""The transfer checker on a real store: batches, faults, and what cannot be read."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.database_trouble import DatabaseTrouble, StoreUnavailable, TroubleKind
from connext_monitor.core.deadline import ArmDeadline
from connext_monitor.core.events import (
    BlockNumber,
    BlockRef,
    DomainId,
    Hash32,
    RawLog,
)
from connext_monitor.monitoring.chain_data import MalformedEntry
from connext_monitor.monitoring.decoded_log import DecodedLog, decode_log
from connext_monitor.monitoring.observation import Observation
from tests.monitoring.checking import checking
from tests.monitoring.covering import manual_clock
from tests.monitoring.made_up_logs import BLOCK, DESTINATION, ORIGIN, TIME, xcalled_log, xcalled_raw
from tests.world.waiting import until


def seen(*logs: DecodedLog, progress: ChainProgress | None = None) -> Observation:
    return Observation(ORIGIN, logs=logs, progress=progress)


async def test_what_is_put_is_stored_and_armed_when_its_future_is_done(tmp_path: Path) -> None:
    async with checking(tmp_path) as checking_:
        await (await checking_.queue.put(seen(xcalled_log(1))))
        assert await checking_.count() == 1
        armed = [effect for news in checking_.commits for effect in news.effects if isinstance(effect, ArmDeadline)]
        assert [deadline.awaited.due_at for deadline in armed] == [TIME + 10, TIME + 20]


async def test_whoever_waits_for_it_hears_before_lines_are_logged(tmp_path: Path) -> None:
    heard: list[bool] = []
    async with checking(tmp_path) as checking_:
        with capture_logs() as lines:
            done = await checking_.queue.put(seen(xcalled_log(1)))
            done.add_done_callback(lambda _: heard.append(bool(lines)))
            await done
            await until(lambda: [line for line in lines if line["event"] == "event.recorded"])
    assert heard == [False]


async def test_events_and_progress_are_committed_together_or_not_at_all(tmp_path: Path) -> None:
    block = BlockRef(BlockNumber(7), Hash32(b"\7" * 32), TIME)
    progress = ChainProgress(ORIGIN, Coverage(BlockNumber(1), BlockNumber(5), block))
    async with checking(tmp_path) as checking_:
        checking_.failing.fails = lambda batch: bool(batch.progress)
        with pytest.raises(OSError, match="disk is full"):
            await (await checking_.queue.put(seen(xcalled_log(1), progress=progress)))
        assert (await checking_.count(), await checking_.store.chains.coverage(ORIGIN), checking_.commits) == (
            0,
            None,
            [],
        )
        checking_.failing.fails = lambda _: False
        await (await checking_.queue.put(seen(xcalled_log(1), progress=progress)))
        assert (await checking_.count(), await checking_.store.chains.coverage(ORIGIN)) == (1, progress.coverage)


async def test_what_waits_together_is_committed_at_once(tmp_path: Path) -> None:
    async with checking(tmp_path, run=False) as checking_:
        waiting = [await checking_.queue.put(seen(xcalled_log(nonce))) for nonce in range(50)]
        await checking_.checker.drain()
        assert (checking_.failing.batches, await checking_.count()) == (1, 50)
        assert all(done.done() for done in waiting)


async def test_a_burst_of_pushed_logs_is_committed_at_once(tmp_path: Path) -> None:
    async with checking(tmp_path) as checking_:
        waiting = []
        for nonce in range(3):
            waiting.append(await checking_.queue.put(seen(xcalled_log(nonce))))
            await asyncio.sleep(0)  # as between two messages of one connection
        await asyncio.gather(*waiting)
        assert (checking_.failing.batches, await checking_.count()) == (1, 3)


async def test_a_covered_range_waits_for_nothing_that_may_be_pushed(tmp_path: Path) -> None:
    block = BlockRef(BlockNumber(7), Hash32(b"\7" * 32), TIME)
    progress = ChainProgress(ORIGIN, Coverage(BlockNumber(1), BlockNumber(5), block))
    async with checking(tmp_path) as checking_:
        await asyncio.sleep(0)  # the checker waits
        waiting = await checking_.queue.put(seen(xcalled_log(1), progress=progress))
        await asyncio.sleep(0)
        assert checking_.failing.batches == 1
        await waiting


async def test_observations_of_a_chain_are_checked_in_their_order(tmp_path: Path) -> None:
    block = BlockRef(BlockNumber(7), Hash32(b"\7" * 32), TIME)
    progress = ChainProgress(ORIGIN, Coverage(BlockNumber(1), BlockNumber(5), block))
    async with checking(tmp_path, run=False) as checking_:
        large = asyncio.create_task(checking_.queue.put(seen(*[xcalled_log(1)] * 2000, progress=progress)))
        # Proof that the block is gone, put right after its logs: what stands must not depend on how long they take.
        gone = asyncio.create_task(checking_.queue.put(Observation(ORIGIN, gone=frozenset({block.hash}))))
        await asyncio.gather(large, gone)
        await checking_.checker.drain()
        assert await checking_.count() == 0


async def test_one_observation_that_cannot_be_stored_takes_no_other_with_it(tmp_path: Path) -> None:
    async with checking(tmp_path, run=False) as checking_:
        checking_.failing.fails = lambda batch: bool(batch.unreadable)
        bad = Observation(ORIGIN, malformed=[MalformedEntry(b"{}", "it is nothing")])
        first = await checking_.queue.put(seen(xcalled_log(1)))
        broken = await checking_.queue.put(bad)
        last = await checking_.queue.put(seen(xcalled_log(2)))
        await checking_.checker.drain()
        assert isinstance(broken.exception(), OSError)
        assert (first.exception(), last.exception(), await checking_.count()) == (None, None, 2)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: replace(raw, data=raw.data[:-32]),
        lambda raw: replace(raw, topics=raw.topics[:2]),
        lambda raw: replace(raw, topics=(raw.topics[0], b"\x99" * 32, *raw.topics[2:])),
        lambda _: xcalled_raw(5, origin=DomainId(9999)),
    ],
    ids=["short data", "too few topics", "an id that the params do not hash to", "another chain's"],
)
async def test_what_is_no_event_of_this_chain_is_kept_and_stops_nothing(
    tmp_path: Path, spoil: Callable[[RawLog], RawLog]
) -> None:
    good, bad = xcalled_log(1), xcalled_raw(2)
    async with checking(tmp_path) as checking_:
        await (await checking_.queue.put(seen(decode_log(ORIGIN, spoil(bad), BLOCK), good)))
        assert await checking_.count() == 1
        assert checking_.malformed == {ORIGIN: 1}
        assert await checking_.store.chains.malformed_counts() == {ORIGIN: 1}


async def test_a_failure_that_nobody_awaits_does_not_end_the_checker(tmp_path: Path) -> None:
    async with checking(tmp_path) as checking_:
        checking_.failing.fails = lambda _: True
        await checking_.queue.put(seen(xcalled_log(1)))
        await until(lambda: checking_.failing.batches == 1)
        checking_.failing.fails = lambda _: False
        await (await checking_.queue.put(seen(xcalled_log(2))))
        assert await checking_.count() == 1


@pytest.mark.parametrize(("seconds", "stored"), [(9.0, 2), (10.0, 0)])
async def test_what_waited_through_an_outage_is_not_stored_as_it_was_seen(
    tmp_path: Path, seconds: float, stored: int
) -> None:
    clock, fails, tries = manual_clock(TIME), True, 0

    async def before() -> None:
        nonlocal tries
        tries += 1
        await asyncio.sleep(0)
        if fails:
            raise StoreUnavailable(DatabaseTrouble(TroubleKind.FULL, "the disk is full"))

    async with checking(tmp_path, clock=clock, patient=True) as checking_:
        checking_.failing.before = before
        first = await checking_.queue.put(seen(xcalled_log(1)))
        await until(lambda: tries)
        behind = await checking_.queue.put(seen(xcalled_log(2)))
        clock.advance(seconds)
        begun = tries
        await until(lambda: tries > begun + 3)
        assert not first.done()
        fails = False
        await asyncio.wait({first, behind})
        assert await checking_.count() == stored
        assert all(isinstance(each.exception(), StoreUnavailable) for each in (first, behind)) is (stored == 0)
        await (await checking_.queue.put(seen(xcalled_log(3))))
        assert await checking_.count() == stored + 1


def progress_of(domain: DomainId, covered: int) -> ChainProgress:
    block = BlockRef(BlockNumber(covered), Hash32(b"\7" * 32), TIME)
    return ChainProgress(domain, Coverage(BlockNumber(1), BlockNumber(5), block))


async def test_a_chain_with_a_flood_of_logs_does_not_hold_up_another(tmp_path: Path) -> None:
    async with checking(tmp_path, run=False) as checking_:
        flood = await checking_.queue.put(seen(*[xcalled_log(nonce) for nonce in range(12_000)]))
        other = await checking_.queue.put(Observation(DESTINATION, progress=progress_of(DESTINATION, 7)))
        batches: list[int] = []
        other.add_done_callback(lambda _: batches.append(checking_.failing.batches))
        flood.add_done_callback(lambda _: batches.append(checking_.failing.batches))
        await checking_.checker.drain()
        await asyncio.sleep(0)
        # A future's callback runs when the next batch has begun.
        assert batches[0] <= 2 < batches[1]
        assert await checking_.count() == 1000


async def test_a_large_observation_of_which_a_part_cannot_be_stored_moves_nothing(tmp_path: Path) -> None:
    async with checking(tmp_path, run=False) as checking_:
        checking_.failing.fails = lambda batch: bool(batch.unreadable)
        malformed = [MalformedEntry(b"{}", "it is nothing")]
        logs = [xcalled_log(nonce) for nonce in range(6_500)]
        large = Observation(ORIGIN, logs=logs, malformed=malformed, progress=progress_of(ORIGIN, 7))
        done = await checking_.queue.put(large)
        await checking_.checker.drain()
        assert isinstance(done.exception(), OSError)
        assert await checking_.store.chains.coverage(ORIGIN) is None
        checking_.failing.fails = lambda _: False
        done = await checking_.queue.put(large)
        await checking_.checker.drain()
        assert done.exception() is None
        assert await checking_.store.chains.coverage(ORIGIN) == progress_of(ORIGIN, 7).coverage


async def test_junk_is_told_in_one_line_and_kept_up_to_a_bound(tmp_path: Path) -> None:
    junk = [MalformedEntry(b"%d" % number, "it is nothing") for number in range(3_000)]
    with capture_logs() as lines:
        async with checking(tmp_path, run=False) as checking_:
            await checking_.queue.put(Observation(ORIGIN, malformed=junk))
            await checking_.checker.drain()
            assert checking_.malformed == {ORIGIN: 3_000}
            assert await checking_.store.chains.malformed_counts() == {ORIGIN: 1_000}
    logged = [(line["chain"], line["logs"], line["reason"]) for line in lines if line["event"] == "log.malformed"]
    assert logged == [("alpha", 3_000, "it is nothing")]
