"""What keeps a leg from being judged holds up no other, and is named."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from connext_monitor.core.alerts.cause import Cause
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import (
    Timestamp,
    TransferId,
)
from connext_monitor.core.hindrance import Hindrance, Obstacle
from connext_monitor.core.transfer import Transfer
from tests.alerting.answering_chain import SetAnswers
from tests.alerting.scheduling import DUE, T0, UNSETTLED, executed, id_of, scheduling, xcalled
from tests.world.alerts import DESTINATION, ORIGIN
from tests.world.waiting import until


@pytest.mark.parametrize("status", [TransferStatus.EXECUTED, TransferStatus.COMPLETED])
async def test_an_event_that_the_destination_has_is_fetched(tmp_path: Path, status: TransferStatus) -> None:
    async with scheduling(tmp_path) as bench:
        bench.answers.status = status
        bench.answers.find = lambda _: bench.record(executed(1, at=DUE - 1))
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        bench.covered(DUE + 1)
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 0)
        assert bench.answers.fetched == [id_of(1)]
        assert max(bench.answers.since) < T0
        assert await bench.accused() == []


async def test_no_leg_is_late_until_its_call_has_been_looked_at_again(tmp_path: Path) -> None:
    async with scheduling(tmp_path, pace=replace(UNSETTLED, ask_again=0.01, read_within=0.0)) as bench:
        bench.origin.state.caught_up = False
        bench.origin.state.trouble = "node.example is slow"
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        bench.covered(DUE + 1)
        await until(lambda: bench.scheduler.hindered(DESTINATION))
        assert bench.scheduler.hindrance(DESTINATION, Timestamp(DUE)) == Hindrance(
            Obstacle.ORIGIN_NOT_READ,
            "ethereum has not been read again since they were due, and a reorg may have taken their calls back "
            "(node.example is slow)",
            ORIGIN,
        )
        assert (bench.answers.asked, await bench.accused()) == ([], [])
        bench.origin.state.caught_up = True
        await bench.accuses(id_of(1))


async def test_no_leg_is_late_until_its_call_was_read_again_since(tmp_path: Path) -> None:
    async with scheduling(tmp_path, pace=replace(UNSETTLED, read_within=0.0)) as bench:
        bench.origin.mute = True
        await bench.record(xcalled(1))
        bench.covered(DUE + 1)
        await until(lambda: bench.scheduler.hindered(DESTINATION))
        assert bench.scheduler.hindrance(DESTINATION, Timestamp(DUE)).obstacle is Obstacle.ORIGIN_NOT_READ
        assert (bench.answers.asked, await bench.accused()) == ([], [])
        bench.origin.mute = False
        await bench.accuses(id_of(1))


async def test_a_short_wait_for_an_origin_hinders_nobody(tmp_path: Path) -> None:
    async with scheduling(tmp_path, pace=replace(UNSETTLED, read_at_first=0.01)) as bench:
        bench.origin.mute = True
        await bench.record(xcalled(1))
        bench.covered(DUE + 1)
        await until(lambda: bench.origin.rereads_asked > 2)
        assert not bench.scheduler.hindered(DESTINATION)


async def test_what_hinders_the_leg_that_has_waited_longest_is_told(tmp_path: Path) -> None:
    async with scheduling(tmp_path, pace=replace(UNSETTLED, ask_again=0.01, read_within=0.0)) as bench:
        bench.answers.status = TransferStatus.EXECUTED
        bench.answers.find = lambda _: asyncio.sleep(0)
        await bench.record(xcalled(1))
        bench.covered(DUE + 2)
        await until(lambda: bench.scheduler.hindered(DESTINATION))
        bench.origin.mute, before = True, bench.origin.rereads_asked
        await bench.record(xcalled(2, at=T0 + 1))
        await until(lambda: bench.origin.rereads_asked > before + 2)
        assert bench.scheduler.hindrance(DESTINATION, Timestamp(DUE)).obstacle is Obstacle.EVENT_MISSING
        await bench.record(xcalled(3, at=T0 - 1))
        await until(lambda: bench.scheduler.hindrance(DESTINATION, Timestamp(DUE)).obstacle is Obstacle.ORIGIN_NOT_READ)


async def test_an_event_that_stays_missing_is_fetched_seldom(tmp_path: Path) -> None:
    async with scheduling(tmp_path, pace=replace(UNSETTLED, ask_again=0.01)) as bench:
        bench.answers.status = TransferStatus.EXECUTED
        bench.answers.find = lambda _: asyncio.sleep(0)
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        bench.covered(DUE + 1)
        await until(lambda: len(bench.answers.fetched) == 2)
        asked = len(bench.answers.asked)
        bench.covered(DUE + 2)
        await asyncio.sleep(0.1)
        assert (len(bench.answers.fetched), len(bench.answers.asked)) == (2, asked)
        assert await bench.accused() == []


async def test_a_gap_that_stays_is_found_once(tmp_path: Path) -> None:
    pace = replace(UNSETTLED, ask_again=0.01, look_again=0.01, longest_look_again=0.01)
    async with scheduling(tmp_path, pace=pace) as bench:
        bench.answers.status = TransferStatus.EXECUTED
        bench.answers.find = lambda _: asyncio.sleep(0)
        with capture_logs() as lines:
            await bench.record(xcalled(1))
            await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
            bench.covered(DUE + 1)
            await until(lambda: len(bench.answers.fetched) >= 4)
        assert [line["event"] for line in lines].count("gap.found") == 1


async def test_a_fault_of_ours_delays_only_its_leg(tmp_path: Path) -> None:
    async with scheduling(tmp_path) as bench:
        await bench.record(xcalled(1), xcalled(2))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 2)
        bench.answers.while_asked = lambda: fail_for(bench.answers, id_of(1))
        bench.covered(DUE + 1)
        await bench.accuses(id_of(2))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        assert bench.scheduler.hindrance(DESTINATION, Timestamp(DUE)).obstacle is Obstacle.FAULT


def fail_for(answers: SetAnswers, transfer_id: TransferId) -> None:
    if answers.asked[-1] == transfer_id:
        raise OSError("the disk is full")


async def test_without_answers_one_leg_is_asked_about_ever_more_seldom(
    tmp_path: Path,
) -> None:
    async with scheduling(tmp_path, pace=replace(UNSETTLED, ask_again=0.1)) as bench:
        bench.answers.status = None
        await bench.record(*(xcalled(number) for number in range(100)))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 100)
        bench.covered(DUE + 1)
        await until(lambda: len(bench.answers.asked) >= 64)
        began = len(bench.answers.asked)
        for later in range(2, 40):
            bench.covered(DUE + later)
            await asyncio.sleep(0.01)
        await until(lambda: len(bench.answers.asked) >= began + 2)
        assert len(bench.answers.asked) < began + 8
        assert len(set(bench.answers.asked[began:])) == len(bench.answers.asked[began:])
        assert bench.scheduler.hindered(DESTINATION)
        met = bench.scheduler.hindrance(DESTINATION, Timestamp(DUE))
        assert met == Hindrance(Obstacle.NOT_ANSWERED, "transferStatus is not answered: node.example refused eth_call")
        bench.answers.status = TransferStatus.NONE
        await bench.accuses(*(id_of(number) for number in range(100)))
        assert not bench.scheduler.hindered(DESTINATION)


async def test_one_unanswered_leg_holds_up_no_other(
    tmp_path: Path,
) -> None:
    async with scheduling(tmp_path, pace=replace(UNSETTLED, ask_again=0.01)) as bench:
        bench.answers.nameless = id_of(1)
        await bench.record(*(xcalled(number) for number in range(1, 6)))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 5)
        bench.covered(DUE + 1)
        await bench.accuses(*(id_of(number) for number in range(2, 6)))
        await bench.record(xcalled(6))
        await bench.accuses(*(id_of(number) for number in range(2, 7)))
        bench.answers.nameless = None
        await bench.accuses(*(id_of(number) for number in range(1, 7)))


async def test_a_slow_search_for_an_event_holds_up_no_leg(tmp_path: Path) -> None:
    async with scheduling(tmp_path) as bench:
        forever = asyncio.Event()
        bench.answers.statuses[id_of(1)] = TransferStatus.EXECUTED
        bench.answers.find = lambda _: forever.wait()
        await bench.record(xcalled(1), xcalled(2))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 2)
        bench.covered(DUE + 1)
        await bench.accuses(id_of(2))
        bench.covered(DUE + 2)
        await bench.record(xcalled(3))
        await bench.accuses(id_of(2), id_of(3))
        assert bench.answers.fetched == [id_of(1)]
        met = bench.scheduler.hindrance(DESTINATION, Timestamp(DUE))
        assert met.obstacle is Obstacle.EVENT_MISSING


@pytest.mark.parametrize("fails", [False, True])
async def test_a_search_for_causes_never_keeps_an_alert(tmp_path: Path, fails: bool) -> None:
    async def find_causes(_transfer: Transfer, _leg: Leg) -> tuple[Cause, ...]:
        if fails:
            raise ValueError("nobody knows")
        await asyncio.Event().wait()
        return ()

    async with scheduling(tmp_path, find_causes=find_causes, pace=replace(UNSETTLED, causes_within=0.05)) as bench:
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        with capture_logs() as lines:
            bench.covered(DUE + 1)
            await bench.accuses(id_of(1))
    said = next(line for line in lines if line["event"] == "alert.causes_not_found")
    assert (said["log_level"], said.get("exc_info", False)) == (("error", True) if fails else ("warning", False))


async def test_an_endpoint_that_hangs_is_named_as_the_obstacle(tmp_path: Path) -> None:
    async with scheduling(tmp_path) as bench:
        answers = asyncio.Event()
        bench.answers.while_asked = answers.wait
        await bench.record(xcalled(1))
        bench.covered(DUE + 1)
        await until(lambda: bench.answers.asked)

        def why() -> Hindrance:
            return bench.scheduler.hindrance(DESTINATION, Timestamp(DUE))

        await until(lambda: why().obstacle is Obstacle.NOT_ANSWERED)
        assert why().words.startswith("transferStatus was asked ")
        answers.set()
        await bench.accuses(id_of(1))
        await until(lambda: why().obstacle is Obstacle.NOT_LOOKED_AT)
