"""The scheduler on a real store, with destinations that say what a test wants them to."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connext_monitor.alerting.accusations import FindCauses
from connext_monitor.alerting.judging_pace import JudgingPace
from connext_monitor.alerting.scheduler import AlertScheduler
from connext_monitor.core.alert import AlertKind
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.cause import Cause
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.deadline import Awaited, Durations, Leg
from connext_monitor.core.events import (
    BlockNumber,
    BlockRef,
    DomainId,
    Executed,
    Hash32,
    Timestamp,
    TransferEvent,
    TransferId,
    XCalled,
)
from connext_monitor.core.recording import ChainProgress, record
from connext_monitor.core.transfer import EventRecord, ObservedChange, Sighting, Transfer
from connext_monitor.core.unjudged import Hindrance, Obstacle
from connext_monitor.store.store import Store
from tests.world.alerts import DESTINATION, INFO, NOW, ORIGIN, RECIPIENT, ROUTER, SENDER, TOKEN, no_causes
from tests.world.clocks import ManualClock
from tests.world.databases import open_store
from tests.world.desks import desk_on
from tests.world.waiting import until

T0 = Timestamp(int(NOW.timestamp()))
DURATIONS = Durations(execute=10, reconcile=100_000)
DUE = T0 + DURATIONS.execute
UNSETTLED = JudgingPace(settles=0.0)


@dataclass
class Answering:
    """A destination that answers from memory; ``status`` None is one that cannot be asked."""

    name: str = "gnosis"
    observed: bool = True
    silent_for: float = 0.0
    trouble: str | None = None
    unanswered: str | None = None
    history_until: int = 0
    status: TransferStatus | None = TransferStatus.NONE
    statuses: dict[TransferId, TransferStatus] = field(default_factory=dict)
    nameless: TransferId | None = None
    looks: list[Timestamp] = field(default_factory=list)
    asked: list[TransferId] = field(default_factory=list)
    fetched: list[TransferId] = field(default_factory=list)
    while_asked: Callable[[], object] = lambda: None
    fetch: Callable[[TransferId], object] = lambda _: None

    def reads_history(self, watermark: Timestamp) -> bool:
        return watermark < self.history_until

    def look(self, past: Timestamp) -> None:
        self.looks.append(past)

    async def transfer_status(self, transfer_id: TransferId) -> TransferStatus | None:
        self.asked.append(transfer_id)
        happened = self.while_asked()
        if asyncio.iscoroutine(happened):
            await happened
        return None if transfer_id == self.nameless else self.statuses.get(transfer_id, self.status)

    async def fetch_events(self, transfer_id: TransferId, since: Timestamp) -> bool | None:
        assert since < T0
        self.fetched.append(transfer_id)
        happened = self.fetch(transfer_id)
        if asyncio.iscoroutine(happened):
            await happened
        return happened is not None


@dataclass
class Bench:
    """A running scheduler and what is around it."""

    store: Store
    scheduler: AlertScheduler
    destination: Answering
    clock: ManualClock
    chain_time: float = 0.0

    def latest(self, domain: DomainId) -> float:
        """The later of its clock and of what the destination's newest block says."""
        chain = self.chain_time if domain == DESTINATION else 0.0
        return max(chain, self.clock.now().timestamp())

    async def record(self, *events: EventRecord, gone: bytes | None = None, on: DomainId = ORIGIN) -> None:
        """Store events (or a block proven gone ``on`` a chain), and tell the scheduler as the transfer checker does."""
        lost = frozenset({(on, Hash32(gone))}) if gone else frozenset[tuple[DomainId, Hash32]]()
        steps = [ObservedChange(events, lost)]
        ids = {one.event.transfer_id for one in events}
        changes, _ = await self.store.record(
            ids,
            lost,
            lambda known: record(known, steps, lambda _origin, _destination: DURATIONS),
            progress=[],
            unreadable=[],
            at=self.clock.now(),
        )
        self.scheduler.committed(changes.effects, [])

    def covered(self, timestamp: int, number: int = 50) -> None:
        """The destination is covered up to a block of this time."""
        block = BlockRef(BlockNumber(number), Hash32(bytes(32)), Timestamp(timestamp))
        self.scheduler.committed([], [ChainProgress(DESTINATION, Coverage(BlockNumber(1), BlockNumber(1), block))])

    async def accused(self) -> list[str]:
        """The subjects of the open execute_overdue alerts."""
        return sorted(alert.subject for alert in await self.store.open_alerts(AlertKind.EXECUTE_OVERDUE))

    async def accuses(self, *ids: TransferId) -> None:
        """Wait until exactly these are accused."""
        wanted = sorted(f"0x{one.hex()}" for one in ids)
        async with asyncio.timeout(10):
            while await self.accused() != wanted:  # noqa: ASYNC110 - a fact about the store, no event
                await asyncio.sleep(0.01)


def place(at: int, block: int) -> Sighting:
    return Sighting(BlockRef(BlockNumber(block), block_hash(block), Timestamp(at)), Hash32(b"\xcd" * 32), 0)


def block_hash(block: int) -> Hash32:
    return Hash32(block.to_bytes(32))


def record_of(domain: DomainId, event: TransferEvent, at: int, block: int) -> EventRecord:
    return EventRecord(domain, event, place(at, block))


def id_of(number: int) -> TransferId:
    return TransferId(bytes([number]) * 32)


def xcalled(number: int, at: int = T0, block: int = 7) -> EventRecord:
    info = replace(INFO, nonce=number)
    event = XCalled(id_of(number), number, Hash32(bytes(32)), info, TOKEN, 5, TOKEN, b"")
    return record_of(ORIGIN, event, at, block)


def executed(number: int, at: int, block: int = 9) -> EventRecord:
    info = replace(INFO, nonce=number)
    event = Executed(id_of(number), RECIPIENT, TOKEN, info, (ROUTER,), TOKEN, 5, SENDER)
    return record_of(DESTINATION, event, at, block)


@asynccontextmanager
async def scheduling(
    folder: Path,
    *,
    now: int = DUE + 1,
    opened: Callable[[], None] = lambda: None,
    find_causes: FindCauses = no_causes,
    pace: JudgingPace = UNSETTLED,
) -> AsyncIterator[Bench]:
    store = await open_store(folder / "monitor.db", {DESTINATION: "gnosis", ORIGIN: "ethereum"})
    clock = ManualClock(NOW + timedelta(seconds=now - T0), running=True)
    destination = Answering()
    chains = {DESTINATION: destination, ORIGIN: Answering()}

    def latest(domain: DomainId) -> float:
        return bench.latest(domain)

    desk = desk_on(store, "p", woken=opened, clock=clock)
    scheduler = AlertScheduler(store.deadlines, chains, desk, find_causes, clock, pace, latest)
    bench = Bench(store, scheduler, destination, clock)
    running = asyncio.create_task(scheduler.run())
    try:
        yield bench
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.close()


async def test_a_leg_that_is_absent_past_its_deadline_is_accused_once(tmp_path: Path) -> None:
    opened: list[int] = []
    async with scheduling(tmp_path, opened=lambda: opened.append(1)) as bench:
        await bench.record(xcalled(1))
        await until(lambda: bench.destination.looks == [DUE])
        bench.covered(DUE + 1)
        await bench.accuses(id_of(1))
        bench.covered(DUE + 2)
        await bench.record(xcalled(2))
        await until(lambda: bench.destination.looks == [DUE, DUE])
        bench.covered(DUE + 3)
        await bench.accuses(id_of(1), id_of(2))
        await until(lambda: len(opened) == 2)
        assert bench.destination.asked == [id_of(1), id_of(2)]


async def test_a_watermark_of_the_deadline_itself_accuses_nobody(tmp_path: Path) -> None:
    async with scheduling(tmp_path) as bench:
        await bench.record(xcalled(1), xcalled(2, at=T0 - 1))
        await until(lambda: len(bench.destination.looks) == 2)
        bench.covered(DUE)
        await bench.accuses(id_of(2))
        assert bench.destination.asked == [id_of(2)]
        bench.covered(DUE + 1)
        await bench.accuses(id_of(1), id_of(2))


async def test_while_history_is_read_nobody_is_asked_about_and_what_is_late_then_is_told_at_its_end(
    tmp_path: Path,
) -> None:
    async with scheduling(tmp_path) as bench:
        bench.destination.history_until = DUE + 1000
        await bench.record(xcalled(1), xcalled(2))
        await until(lambda: len(bench.destination.looks) == 2)
        bench.covered(DUE + 500)
        await bench.record(executed(2, DUE + 900))
        bench.covered(DUE + 1000)
        await bench.accuses(id_of(1))
        assert bench.destination.asked == [id_of(1)]


async def test_before_the_destination_has_been_covered_nobody_is_even_asked_about(tmp_path: Path) -> None:
    async with scheduling(tmp_path) as bench:
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        bench.covered(DUE - 5)
        await bench.record(xcalled(2, at=T0 - 20))
        await bench.accuses(id_of(2))
        assert bench.destination.asked == [id_of(2)]
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)


async def test_a_destination_that_cannot_be_asked_accuses_nobody_until_it_can(tmp_path: Path) -> None:
    async with scheduling(tmp_path) as bench:
        bench.destination.status = None
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        bench.covered(DUE + 1)
        await until(lambda: len(bench.destination.asked) == 1)
        assert await bench.accused() == []
        bench.destination.status = TransferStatus.NONE
        await bench.accuses(id_of(1))


@pytest.mark.parametrize("status", [TransferStatus.EXECUTED, TransferStatus.COMPLETED])
async def test_where_the_destination_says_done_the_event_is_fetched_and_nobody_accused(
    tmp_path: Path, status: TransferStatus
) -> None:
    async with scheduling(tmp_path) as bench:
        bench.destination.status = status
        bench.destination.fetch = lambda _: bench.record(executed(1, at=DUE - 1))
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        bench.covered(DUE + 1)
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 0)
        assert bench.destination.fetched == [id_of(1)]
        assert await bench.accused() == []


async def test_a_gap_that_stays_is_not_fetched_all_the_time(tmp_path: Path) -> None:
    async with scheduling(tmp_path, pace=replace(UNSETTLED, ask_again=0.01)) as bench:
        bench.destination.status = TransferStatus.EXECUTED
        bench.destination.fetch = lambda _: "a log that cannot be read"
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        bench.covered(DUE + 1)
        await until(lambda: len(bench.destination.fetched) == 2)
        asked = len(bench.destination.asked)
        bench.covered(DUE + 2)
        await asyncio.sleep(0.1)
        assert (len(bench.destination.fetched), len(bench.destination.asked)) == (2, asked)
        assert await bench.accused() == []


async def test_reconciled_alone_does_not_excuse_a_missing_execution(tmp_path: Path) -> None:
    async with scheduling(tmp_path) as bench:
        bench.destination.status = TransferStatus.RECONCILED
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        bench.covered(DUE + 1)
        await bench.accuses(id_of(1))


async def test_a_leg_that_arrives_while_the_destination_is_asked_is_not_accused(tmp_path: Path) -> None:
    async with scheduling(tmp_path) as bench:
        bench.destination.while_asked = lambda: bench.record(executed(1, at=DUE))
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        bench.covered(DUE + 1)
        await until(lambda: bench.destination.asked == [id_of(1)])
        bench.destination.while_asked = lambda: None
        await bench.record(xcalled(2, at=T0 - 5))
        bench.covered(DUE + 1)
        await bench.accuses(id_of(2))


async def test_an_xcalled_that_goes_while_the_destination_is_asked_is_not_accused(tmp_path: Path) -> None:
    async with scheduling(tmp_path) as bench:
        bench.destination.while_asked = lambda: bench.record(gone=block_hash(7))
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        bench.covered(DUE + 1)
        await until(lambda: bench.destination.asked == [id_of(1)])
        bench.destination.while_asked = lambda: None
        await bench.record(xcalled(2, at=T0 - 5, block=8))
        bench.covered(DUE + 1)
        await bench.accuses(id_of(2))


async def test_a_leg_that_arrives_before_its_deadline_is_never_asked_about(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=T0) as bench:
        await bench.record(xcalled(1))
        await bench.record(executed(1, at=T0 + 3))
        bench.clock.at = NOW + timedelta(seconds=60)
        await bench.record(xcalled(2, at=T0 + 1))
        bench.covered(T0 + 60)
        await bench.accuses(id_of(2))
        assert bench.destination.asked == [id_of(2)]


HOUR = timedelta(hours=1)


async def test_a_deadline_is_looked_at_when_the_clock_is_set_past_it(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=T0 - 3000) as bench:
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.armed == 1)
        bench.clock.at = NOW + timedelta(seconds=11)
        await until(lambda: bench.destination.looks == [DUE])


async def test_what_was_beyond_the_horizon_is_looked_at_when_the_clock_is_set_past_it(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=T0 - 36_000) as bench:
        await bench.record(xcalled(1))
        bench.clock.at = NOW + timedelta(seconds=11)
        await until(lambda: bench.destination.looks == [DUE])


async def test_a_deadline_is_looked_at_when_the_destinations_blocks_are_past_it_whatever_our_clock_says(
    tmp_path: Path,
) -> None:
    async with scheduling(tmp_path, now=T0 - 36_000) as bench:
        await bench.record(xcalled(1))
        bench.chain_time = DUE - 10
        await until(lambda: bench.scheduler.armed == 1)
        bench.chain_time = DUE + 1
        await until(lambda: bench.destination.looks == [DUE])


async def test_a_watermark_past_the_deadline_accuses_whatever_our_clock_says(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=T0 - 36_000) as bench:
        await bench.record(xcalled(1))
        bench.chain_time = DUE + 1
        bench.covered(DUE + 1)
        await bench.accuses(id_of(1))


async def test_a_watermark_in_the_future_accuses_nothing_that_is_not_due_by_the_time_there(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=DUE - 3000) as bench:
        await bench.record(xcalled(1))
        bench.covered(DUE + 86_400)
        await asyncio.sleep(1.5)  # what must not happen has no event
        assert bench.destination.looks == []
        assert await bench.accused() == []


async def test_block_times_that_come_and_go_by_seconds_have_nothing_loaded_again(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=DUE - 3000) as bench:
        await bench.record(xcalled(1))
        bench.chain_time = DUE - 10
        await asyncio.sleep(2.2)
        loads, load = [], bench.store.deadlines.awaited

        async def counted(leg: Leg, **more: Any) -> list[Awaited]:
            loads.append(leg)
            return await load(leg, **more)

        bench.store.deadlines.awaited = counted  # type: ignore[method-assign]
        for before_due in (20, 10, 20):
            bench.chain_time = DUE - before_due
            await asyncio.sleep(1.2)  # what must not happen has no event
        assert len(loads) <= len(Leg), "at most the sweep's own"
        bench.chain_time = DUE + 1
        await until(lambda: bench.destination.looks == [DUE])


async def test_another_chains_time_makes_nothing_due(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=T0 - 3000) as bench:
        await bench.record(xcalled(1))
        block = BlockRef(BlockNumber(9), Hash32(bytes(32)), Timestamp(DUE + 1_000_000))
        coverage = Coverage(BlockNumber(1), BlockNumber(1), block)
        bench.scheduler.committed([], [ChainProgress(ORIGIN, coverage)])
        await asyncio.sleep(1.5)  # what must not happen has no event
        assert bench.destination.looks == []


async def test_a_clock_that_is_set_back_keeps_no_deadline_waiting_that_the_chain_is_past(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=T0) as bench:
        bench.chain_time = T0
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.armed == 1)
        bench.clock.at = NOW - HOUR
        await asyncio.sleep(1.5)
        bench.chain_time = DUE + 1
        await until(lambda: bench.destination.looks == [DUE])


async def test_what_came_due_before_the_start_is_armed_from_the_store(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=T0) as before:
        await before.record(xcalled(1))
    async with scheduling(tmp_path) as bench:
        await until(lambda: bench.destination.looks == [DUE])
        bench.covered(DUE + 1)
        await bench.accuses(id_of(1))


async def test_what_was_accused_before_the_start_is_not_asked_about_again(tmp_path: Path) -> None:
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
        assert bench.destination.asked == [id_of(2)]


async def test_an_xcalled_that_comes_back_after_a_reorg_is_judged_again(tmp_path: Path) -> None:
    async with scheduling(tmp_path) as bench:
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        bench.covered(DUE + 1)
        await bench.accuses(id_of(1))
        await bench.record(gone=block_hash(7))
        await bench.accuses()
        await bench.record(xcalled(1, block=8))
        await bench.accuses(id_of(1))


async def test_a_leg_that_comes_and_goes_with_reorgs_opens_its_alert_once(tmp_path: Path) -> None:
    opened: list[int] = []
    async with scheduling(tmp_path, opened=lambda: opened.append(1), pace=JudgingPace(settles=0.5)) as bench:
        await bench.record(xcalled(1))
        bench.covered(DUE + 1)
        await bench.accuses(id_of(1))
        for _ in range(3):
            await bench.record(executed(1, at=DUE + 1))
            asked = len(bench.destination.asked)
            await bench.record(gone=block_hash(9), on=DESTINATION)
            await until(lambda asked=asked: len(bench.destination.asked) > asked)  # type: ignore[misc] # as in bursts
        await bench.record(executed(1, at=DUE + 1))
        await bench.accuses()
        assert opened == [1]


async def test_a_leg_that_stays_away_after_a_reorg_opens_its_alert_again(tmp_path: Path) -> None:
    async with scheduling(tmp_path, pace=JudgingPace(settles=0.3)) as bench:
        await bench.record(xcalled(1))
        bench.covered(DUE + 1)
        await bench.accuses(id_of(1))
        await bench.record(executed(1, at=DUE + 1))
        await bench.record(gone=block_hash(9), on=DESTINATION)
        await until(lambda: len(bench.destination.asked) == 2)
        assert await bench.accused() == []
        bench.clock.at += timedelta(seconds=1)
        await bench.accuses(id_of(1))


async def test_many_that_are_late_at_once_are_accused_in_one_transaction(
    tmp_path: Path,
) -> None:
    opened: list[int] = []
    async with scheduling(tmp_path, opened=lambda: opened.append(1)) as bench:
        await bench.record(*(xcalled(number) for number in range(1, 41)))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 40)
        bench.covered(DUE + 1)
        await bench.accuses(*map(id_of, range(1, 41)))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 0 and len(opened) > 0)
        assert opened == [1]


async def test_an_xcalled_that_moves_to_a_later_block_is_judged_by_its_new_deadline(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=DUE + 30) as bench:
        await bench.record(xcalled(1))
        await until(lambda: bench.destination.looks == [DUE])
        await bench.record(xcalled(1, at=T0 + 20, block=8), gone=block_hash(7))
        await until(lambda: bench.destination.looks == [DUE, DUE + 20])
        bench.covered(DUE + 20)
        await bench.record(xcalled(2, at=T0 + 1, block=9))
        await bench.accuses(id_of(2))
        bench.covered(DUE + 21)
        await bench.accuses(id_of(1), id_of(2))


async def test_a_fault_of_ours_in_one_judgement_delays_only_that_deadline(tmp_path: Path) -> None:
    async with scheduling(tmp_path) as bench:
        await bench.record(xcalled(1), xcalled(2))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 2)
        bench.destination.while_asked = lambda: fail_for(bench.destination, id_of(1))
        bench.covered(DUE + 1)
        await bench.accuses(id_of(2))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        assert bench.scheduler.hindrance(DESTINATION, Timestamp(DUE)).obstacle is Obstacle.FAULT


def fail_for(destination: Answering, transfer_id: TransferId) -> None:
    if destination.asked[-1] == transfer_id:
        raise OSError("the disk is full")


async def test_while_nobody_answers_a_single_leg_is_asked_about_ever_more_seldom_and_then_all(
    tmp_path: Path,
) -> None:
    async with scheduling(tmp_path, pace=replace(UNSETTLED, ask_again=0.1)) as bench:
        bench.destination.status, bench.destination.unanswered = None, "node.example refused eth_call"
        await bench.record(*(xcalled(number) for number in range(100)))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 100)
        bench.covered(DUE + 1)
        await until(lambda: len(bench.destination.asked) >= 64)
        began = len(bench.destination.asked)
        for later in range(2, 40):
            bench.covered(DUE + later)
            await asyncio.sleep(0.01)
        await until(lambda: len(bench.destination.asked) >= began + 2)
        assert len(bench.destination.asked) < began + 8
        assert len(set(bench.destination.asked[began:])) == len(bench.destination.asked[began:])
        assert bench.scheduler.hindered(DESTINATION)
        found = bench.scheduler.hindrance(DESTINATION, Timestamp(DUE))
        assert found == Hindrance(
            Obstacle.NOT_ANSWERED, "transferStatus is not answered: node.example refused eth_call"
        )
        bench.destination.status = TransferStatus.NONE
        await bench.accuses(*(id_of(number) for number in range(100)))
        assert not bench.scheduler.hindered(DESTINATION)


async def test_a_leg_that_alone_is_not_answered_for_keeps_no_other_waiting(
    tmp_path: Path,
) -> None:
    async with scheduling(tmp_path, pace=replace(UNSETTLED, ask_again=0.01)) as bench:
        bench.destination.nameless = id_of(1)
        await bench.record(*(xcalled(number) for number in range(1, 6)))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 5)
        bench.covered(DUE + 1)
        await bench.accuses(*(id_of(number) for number in range(2, 6)))
        await bench.record(xcalled(6))
        await bench.accuses(*(id_of(number) for number in range(2, 7)))
        bench.destination.nameless = None
        await bench.accuses(*(id_of(number) for number in range(1, 7)))


async def test_an_event_that_takes_long_to_be_looked_for_holds_up_no_other_leg(tmp_path: Path) -> None:
    async with scheduling(tmp_path) as bench:
        forever = asyncio.Event()
        bench.destination.statuses[id_of(1)] = TransferStatus.EXECUTED
        bench.destination.fetch = lambda _: forever.wait()
        await bench.record(xcalled(1), xcalled(2))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 2)
        bench.covered(DUE + 1)
        await bench.accuses(id_of(2))
        bench.covered(DUE + 2)
        await bench.record(xcalled(3))
        await bench.accuses(id_of(2), id_of(3))
        assert bench.destination.fetched == [id_of(1)]
        found = bench.scheduler.hindrance(DESTINATION, Timestamp(DUE))
        assert found.obstacle is Obstacle.EVENT_MISSING


@pytest.mark.parametrize("fails", [False, True])
async def test_what_an_alert_could_say_beside_the_bare_facts_never_keeps_it(tmp_path: Path, fails: bool) -> None:
    async def find_causes(_transfer: Transfer, _leg: Leg) -> tuple[Cause, ...]:
        if fails:
            raise ValueError("nobody knows")
        await asyncio.Event().wait()
        return ()

    async with scheduling(tmp_path, find_causes=find_causes, pace=replace(UNSETTLED, causes_within=0.05)) as bench:
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.waiting(DESTINATION) == 1)
        bench.covered(DUE + 1)
        await bench.accuses(id_of(1))


async def test_what_the_store_calls_unjudged_is_judged_whatever_timers_and_notes_say(tmp_path: Path) -> None:
    async with scheduling(tmp_path, now=DUE - 500) as bench:
        await bench.record(xcalled(1))
        await until(lambda: bench.scheduler.armed == 1)
        bench.scheduler._alerted.add((id_of(2), Leg.EXECUTE))
        await bench.record(xcalled(2))
        bench.scheduler._alerted.add((id_of(2), Leg.EXECUTE))
        bench.covered(DUE + 1)
        bench.scheduler.overlooked(
            Awaited(id_of(number), Leg.EXECUTE, Timestamp(DUE), DESTINATION) for number in (1, 2)
        )
        await bench.accuses(id_of(1), id_of(2))


async def test_while_an_endpoint_hangs_it_is_said_that_it_was_asked_and_does_not_answer(tmp_path: Path) -> None:
    async with scheduling(tmp_path) as bench:
        answers = asyncio.Event()
        bench.destination.while_asked = answers.wait
        await bench.record(xcalled(1))
        bench.covered(DUE + 1)
        await until(lambda: bench.destination.asked)

        def why() -> Hindrance:
            return bench.scheduler.hindrance(DESTINATION, Timestamp(DUE))

        await until(lambda: why().obstacle is Obstacle.NOT_ANSWERED)
        assert why().words.startswith("transferStatus was asked ")
        answers.set()
        await bench.accuses(id_of(1))
        await until(lambda: why().obstacle is Obstacle.NOT_LOOKED_AT)
