"""Deadlines that reorgs move, withdraw and bring back."""

from datetime import timedelta
from pathlib import Path

from connext_monitor.alerting.judging_pace import JudgingPace
from tests.alerting.scheduling import DUE, T0, block_hash, executed, id_of, scheduling, xcalled
from tests.world.alerts import DESTINATION
from tests.world.waiting import until


async def test_an_xcalled_that_a_reorg_brings_back_is_judged_again(tmp_path: Path) -> None:
    async with scheduling(tmp_path) as bench:
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        bench.covered(DUE + 1)
        await bench.accuses(id_of(1))
        await bench.record(gone=block_hash(7))
        await bench.accuses()
        await bench.record(xcalled(1, block=8))
        await bench.accuses(id_of(1))


async def test_a_leg_that_comes_and_goes_is_one_alert(tmp_path: Path) -> None:
    opened: list[int] = []
    async with scheduling(tmp_path, opened=lambda: opened.append(1), pace=JudgingPace(settles=0.5)) as bench:
        await bench.record(xcalled(1))
        bench.covered(DUE + 1)
        await bench.accuses(id_of(1))
        for _ in range(3):
            await bench.record(executed(1, at=DUE + 1))
            asked = len(bench.answers.asked)
            await bench.record(gone=block_hash(9), on=DESTINATION)
            await until(lambda asked=asked: len(bench.answers.asked) > asked)  # type: ignore[misc] # as in bursts
        await bench.record(executed(1, at=DUE + 1))
        await bench.accuses()
        assert opened == [1]


async def test_a_leg_that_stays_away_is_alerted_about_again(tmp_path: Path) -> None:
    async with scheduling(tmp_path, pace=JudgingPace(settles=0.3)) as bench:
        await bench.record(xcalled(1))
        bench.covered(DUE + 1)
        await bench.accuses(id_of(1))
        await bench.record(executed(1, at=DUE + 1))
        await bench.record(gone=block_hash(9), on=DESTINATION)
        await until(lambda: len(bench.answers.asked) == 2)
        assert await bench.accused() == []
        bench.clock.at += timedelta(seconds=1)
        await bench.accuses(id_of(1))


async def test_an_xcalled_that_moves_has_a_new_deadline(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=DUE + 30) as bench:
        await bench.record(xcalled(1))
        await until(lambda: DUE in bench.destination.looks)
        await bench.record(xcalled(1, at=T0 + 20, block=8), gone=block_hash(7))
        await until(lambda: DUE + 20 in bench.destination.looks)
        bench.covered(DUE + 20)
        await bench.record(xcalled(2, at=T0 + 1, block=9))
        await bench.accuses(id_of(2))
        bench.covered(DUE + 21)
        await bench.accuses(id_of(1), id_of(2))
