"""What is due, by our clock and by the chain's, whatever either of them does."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.deadline import Awaited, Leg
from connext_monitor.core.events import (
    BlockNumber,
    BlockRef,
    Hash32,
    Timestamp,
)
from tests.alerting.scheduling import DUE, FOLLOWS_CLOCKS_EVERY, T0, id_of, scheduling, xcalled
from tests.world.alerts import NOW, ORIGIN
from tests.world.waiting import until

HOUR = timedelta(hours=1)


async def test_setting_the_clock_past_a_deadline_makes_it_due(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=T0 - 3000) as bench:
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.armed == 1)
        bench.clock.at = NOW + timedelta(seconds=11)
        await until(lambda: DUE in bench.destination.looks)


async def test_setting_the_clock_reaches_beyond_the_horizon(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=T0 - 36_000) as bench:
        await bench.record(xcalled(1))
        bench.clock.at = NOW + timedelta(seconds=11)
        await until(lambda: DUE in bench.destination.looks)


async def test_block_times_past_a_deadline_make_it_due(
    tmp_path: Path,
) -> None:
    async with scheduling(tmp_path, now=T0 - 36_000) as bench:
        await bench.record(xcalled(1))
        bench.chain_time = DUE - 10
        await until(lambda: bench.scheduler.armed == 1)
        bench.chain_time = DUE + 1
        await until(lambda: DUE in bench.destination.looks)


async def test_a_slow_clock_of_ours_does_not_delay_an_accusation(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=T0 - 36_000) as bench:
        await bench.record(xcalled(1))
        bench.chain_time = DUE + 1
        bench.covered(DUE + 1)
        await bench.accuses(id_of(1))


async def test_a_watermark_from_the_future_accuses_nothing_early(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=DUE - 3000) as bench:
        await bench.record(xcalled(1))
        bench.covered(DUE + 86_400)
        await asyncio.sleep(10 * FOLLOWS_CLOCKS_EVERY)  # what must not happen has no event
        assert bench.destination.looks == []
        assert await bench.accused() == []


async def test_jitter_in_block_times_loads_nothing_again(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=DUE - 3000) as bench:
        await bench.record(xcalled(1))
        bench.chain_time = DUE - 10
        await asyncio.sleep(10 * FOLLOWS_CLOCKS_EVERY)
        loads, load = [], bench.store.deadlines.awaited

        async def counted(leg: Leg, **more: Any) -> list[Awaited]:
            loads.append(leg)
            return await load(leg, **more)

        bench.store.deadlines.awaited = counted  # type: ignore[method-assign]
        for before_due in (20, 10, 20):
            bench.chain_time = DUE - before_due
            await asyncio.sleep(4 * FOLLOWS_CLOCKS_EVERY)  # what must not happen has no event
        assert len(loads) <= len(Leg), "at most the sweep's own"
        bench.chain_time = DUE + 1
        await until(lambda: DUE in bench.destination.looks)


async def test_another_chains_time_makes_nothing_due(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=T0 - 3000) as bench:
        await bench.record(xcalled(1))
        block = BlockRef(BlockNumber(9), Hash32(bytes(32)), Timestamp(DUE + 1_000_000))
        coverage = Coverage(BlockNumber(1), BlockNumber(1), block)
        bench.scheduler.committed([], [ChainProgress(ORIGIN, coverage)])
        await asyncio.sleep(10 * FOLLOWS_CLOCKS_EVERY)  # what must not happen has no event
        assert bench.destination.looks == []


async def test_setting_the_clock_back_delays_no_deadline(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=T0) as bench:
        bench.chain_time = T0
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.armed == 1)
        bench.clock.at = NOW - HOUR
        await asyncio.sleep(10 * FOLLOWS_CLOCKS_EVERY)
        bench.chain_time = DUE + 1
        await until(lambda: DUE in bench.destination.looks)
