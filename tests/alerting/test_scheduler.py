"""The scheduler on a real store: which legs are accused, and when (promise 5)."""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from connext_monitor.alerting.judging_pace import JudgingPace
from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.deadline import Awaited, Leg
from connext_monitor.core.events import (
    Timestamp,
)
from tests.alerting.scheduling import DUE, T0, UNSETTLED, block_hash, executed, id_of, scheduling, xcalled
from tests.world.alerts import DESTINATION, NOW
from tests.world.kinds import overdue_id
from tests.world.waiting import until


async def test_an_absent_leg_is_accused_once(tmp_path: Path) -> None:
    opened: list[int] = []
    async with scheduling(tmp_path, opened=lambda: opened.append(1)) as bench:
        await bench.record(xcalled(1))
        await until(lambda: DUE in bench.destination.looks)
        bench.covered(DUE + 1)
        await bench.accuses(id_of(1))
        bench.covered(DUE + 2)
        await bench.record(xcalled(2))
        await until(lambda: len(bench.destination.looks) >= 2)
        bench.covered(DUE + 3)
        await bench.accuses(id_of(1), id_of(2))
        await until(lambda: len(opened) == 2)
        assert bench.answers.asked == [id_of(1), id_of(2)]


async def test_a_watermark_of_the_deadline_itself_accuses_nobody(tmp_path: Path) -> None:
    async with scheduling(tmp_path) as bench:
        await bench.record(xcalled(1), xcalled(2, at=T0 - 1))
        await until(lambda: set(bench.destination.looks) == {DUE - 1, DUE})
        bench.covered(DUE)
        await bench.accuses(id_of(2))
        assert bench.answers.asked == [id_of(2)]
        bench.covered(DUE + 1)
        await bench.accuses(id_of(1), id_of(2))


async def test_catching_up_accuses_only_what_is_late_at_its_end(
    tmp_path: Path,
) -> None:
    async with scheduling(tmp_path) as bench:
        bench.destination.read_history_until(DUE + 1000)
        await bench.record(xcalled(1), xcalled(2))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 2)
        bench.covered(DUE + 500)
        await bench.record(executed(2, DUE + 900))
        bench.covered(DUE + 1000)
        await bench.accuses(id_of(1))
        assert bench.answers.asked == [id_of(1)]


async def test_nobody_is_asked_before_the_destination_is_covered(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=T0) as before:
        await before.record(xcalled(1))
    async with scheduling(tmp_path) as bench:
        # Once it has been loaded: a load between a commit and its news would have the same leg asked about twice.
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        bench.covered(DUE - 5)
        await bench.record(xcalled(2, at=T0 - 20))
        await bench.accuses(id_of(2))
        assert bench.answers.asked == [id_of(2)]
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)


async def test_a_destination_that_does_not_answer_accuses_nobody(tmp_path: Path) -> None:
    async with scheduling(tmp_path) as bench:
        bench.answers.status = None
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        bench.covered(DUE + 1)
        await until(lambda: len(bench.answers.asked) == 1)
        assert await bench.accused() == []
        bench.answers.status = TransferStatus.NONE
        await bench.accuses(id_of(1))


async def test_reconciled_alone_does_not_excuse_a_missing_execution(tmp_path: Path) -> None:
    async with scheduling(tmp_path) as bench:
        bench.answers.status = TransferStatus.RECONCILED
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        bench.covered(DUE + 1)
        await bench.accuses(id_of(1))


async def test_a_leg_that_arrives_during_the_question_is_not_accused(tmp_path: Path) -> None:
    async with scheduling(tmp_path) as bench:
        bench.answers.while_asked = lambda: bench.record(executed(1, at=DUE))
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        bench.covered(DUE + 1)
        await until(lambda: bench.answers.asked == [id_of(1)])
        bench.answers.while_asked = lambda: None
        await bench.record(xcalled(2, at=T0 - 5))
        bench.covered(DUE + 1)
        await bench.accuses(id_of(2))


async def test_an_xcalled_that_goes_during_the_question_accuses_nobody(tmp_path: Path) -> None:
    async with scheduling(tmp_path) as bench:
        bench.answers.while_asked = lambda: bench.record(gone=block_hash(7))
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        bench.covered(DUE + 1)
        await until(lambda: bench.answers.asked == [id_of(1)])
        bench.answers.while_asked = lambda: None
        await bench.record(xcalled(2, at=T0 - 5, block=8))
        bench.covered(DUE + 1)
        await bench.accuses(id_of(2))


async def test_a_leg_that_arrives_in_time_is_never_asked_about(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=T0) as bench:
        await bench.record(xcalled(1))
        await bench.record(executed(1, at=T0 + 3))
        bench.clock.at = NOW + timedelta(seconds=60)
        await bench.record(xcalled(2, at=T0 + 1))
        bench.covered(T0 + 60)
        await bench.accuses(id_of(2))
        assert bench.answers.asked == [id_of(2)]


async def test_a_leg_that_came_due_while_stopped_is_judged(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=T0) as before:
        await before.record(xcalled(1))
    async with scheduling(tmp_path) as bench:
        await until(lambda: DUE in bench.destination.looks)
        bench.covered(DUE + 1)
        await bench.accuses(id_of(1))


async def test_a_leg_accused_before_a_restart_is_not_asked_about(tmp_path: Path) -> None:
    async with scheduling(tmp_path) as before:
        await before.record(xcalled(1))
        await until(lambda: before.scheduler.waiting(DESTINATION) == 1)
        before.covered(DUE + 1)
        await before.accuses(id_of(1))
    async with scheduling(tmp_path) as bench:
        await bench.record(xcalled(2))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        bench.covered(DUE + 1)
        await bench.accuses(id_of(1), id_of(2))
        assert bench.answers.asked == [id_of(2)]


class Busy(JudgingPace):
    """As on a machine on which each leg takes a moment."""

    def pause_until_read(self, before: int) -> float:
        time.sleep(0.001)
        return super().pause_until_read(before)


@pytest.mark.parametrize("pace", [UNSETTLED, Busy(settles=0.0)], ids=["idle", "busy"])
async def test_many_late_legs_are_accused_in_one_transaction(tmp_path: Path, pace: JudgingPace) -> None:
    opened: list[int] = []
    async with scheduling(tmp_path, opened=lambda: opened.append(1), pace=pace) as bench:
        await bench.record(*(xcalled(number) for number in range(1, 41)))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 40)
        bench.covered(DUE + 1)
        await bench.accuses(*map(id_of, range(1, 41)))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 0 and len(opened) > 0)
        assert opened == [1]


async def test_a_leg_that_was_overlooked_is_judged_after_all(tmp_path: Path) -> None:
    legs = [Awaited(id_of(number), Leg.EXECUTE, Timestamp(DUE), DESTINATION) for number in (1, 2)]
    async with scheduling(tmp_path, now=DUE - 500) as bench:
        await bench.record(xcalled(1), xcalled(2))
        await until(lambda: bench.scheduler.armed == 2)
        bench.covered(DUE + 1)
        bench.scheduler.overlooked(legs[1:])
        await bench.accuses(id_of(2))
        # That it was alerted about is noted, and no longer so.
        ended = ResolveAlert(EXECUTE_OVERDUE, overdue_id(id_of(2), Leg.EXECUTE), Resolution.REORGED)
        await bench.store.alerts.resolve(ended, NOW)
        bench.scheduler.overlooked(legs)
        await bench.accuses(id_of(1), id_of(2))
