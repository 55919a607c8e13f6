"""Late legs are asked about again while their alerts are open, on a real store with a destination that answers."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import groupby
from math import ceil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from connext_monitor.alerting.arrival_watch import ArrivalWatch, pause_after
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import BlockNumber, BlockRef, Hash32, Timestamp, TransferId
from connext_monitor.store.store import Store
from tests.alerting.answering_chain import AnsweringChain, SetAnswers
from tests.alerting.scheduling import executed, id_of, xcalled
from tests.world.alerts import DESTINATION, DUE_AT, NOW, ORIGIN, SENT_AT
from tests.world.clocks import ManualClock
from tests.world.databases import open_store
from tests.world.kinds import overdue
from tests.world.recording import commit, put, seen
from tests.world.waiting import running, until

EVERY = 0.01


@dataclass
class Bench:
    """Late transfers in a store, and their destination."""

    store: Store
    destination: AnsweringChain = field(default_factory=AnsweringChain)
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW, running=True))
    recorded: set[TransferId] = field(default_factory=set)

    @property
    def answers(self) -> SetAnswers:
        """What the destination's endpoints answer."""
        return self.destination.answers

    def watch(self, every: float = EVERY) -> ArrivalWatch:
        chains = {DESTINATION: self.destination, ORIGIN: AnsweringChain("ethereum")}
        return ArrivalWatch(self.store.deadlines, chains, self.clock, every)

    async def covered(self, timestamp: int) -> None:
        """The destination is covered up to a block of this time."""
        block = BlockRef(BlockNumber(50), Hash32(bytes(32)), Timestamp(timestamp))
        reached = Coverage(BlockNumber(1), BlockNumber(1), block)
        await commit(self.store, progress=[ChainProgress(DESTINATION, reached)])

    async def late(self, *numbers: int, leg: Leg = Leg.EXECUTE) -> None:
        """A leg of these transfers is late, and alerted about."""
        await put(self.store, seen(*(xcalled(number, SENT_AT) for number in numbers)))
        for number in numbers:
            assert await self.store.alerts.open(overdue(id_of(number), leg, DUE_AT, NOW, (ORIGIN, DESTINATION)), ())

    def show_executed(self, *numbers: int) -> None:
        """Has a search for the events of each transfer find its Executed."""
        late = {id_of(number): executed(number, DUE_AT + 75) for number in numbers}

        async def record(transfer_id: TransferId) -> None:
            await put(self.store, seen(late[transfer_id]))
            self.recorded.add(transfer_id)

        self.answers.find = lambda asked: record(asked) if asked in late else None

    async def open_subjects(self) -> list[str]:
        return sorted(alert.subject for alert in await self.store.alerts.open_of_kinds([EXECUTE_OVERDUE]))


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    store = await open_store(tmp_path / "monitor.db", {ORIGIN: "ethereum", DESTINATION: "gnosis"})
    bench = Bench(store)
    await bench.covered(DUE_AT + 100)
    yield bench
    await store.close()


async def test_what_arrived_unseen_is_fetched_and_ends_the_alert(bench: Bench) -> None:
    await bench.late(1, 2)
    bench.answers.statuses[id_of(1)] = TransferStatus.EXECUTED
    bench.show_executed(1)
    async with running(bench.watch().run()):
        await until(lambda: bench.answers.fetched)
        await until(lambda: bench.answers.asked.count(id_of(2)) >= 2)
    assert await bench.open_subjects() == [f"0x{id_of(2).hex()}"]
    assert bench.answers.fetched == [id_of(1)]


async def test_a_reconcile_leg_is_asked_about_as_well(bench: Bench) -> None:
    await bench.late(1, leg=Leg.RECONCILE)
    bench.answers.status = TransferStatus.EXECUTED
    async with running(bench.watch().run()):
        await until(lambda: len(bench.answers.asked) >= 2)
        assert bench.answers.fetched == []
        bench.answers.status = TransferStatus.COMPLETED
        await until(lambda: bench.answers.fetched)


async def test_an_event_that_stays_missing_is_looked_for_seldom(bench: Bench) -> None:
    await bench.late(1, 2)
    bench.answers.statuses[id_of(1)] = TransferStatus.EXECUTED
    bench.clock = ManualClock(NOW)

    async def fetches_after(seconds: float) -> int:
        """How often its event has been looked for, some looks later."""
        bench.clock.advance(seconds)
        before = bench.answers.asked.count(id_of(2))
        await until(lambda: bench.answers.asked.count(id_of(2)) >= before + 2)
        return len(bench.answers.fetched)

    with capture_logs() as lines:
        async with running(bench.watch().run()):
            after = [await fetches_after(seconds) for seconds in (0.0, EVERY, EVERY, EVERY)]
    assert after == [1, 2, 2, 3]
    gaps = [line["event"] for line in lines if line["event"].startswith("gap.")]
    assert gaps == ["gap.found", *["gap.not_closed"] * 3]


@pytest.mark.parametrize("every", [1.0, 60.0, 300.0])
def test_an_event_that_no_endpoint_shows_is_looked_for_within_fifteen_minutes(every: float) -> None:
    between = [ceil(pause_after(fetches, every) / every) * every for fetches in range(1, 30)]
    assert between[0] == every
    assert between == sorted(between)
    assert 450 <= between[-1] <= 900


async def test_where_nobody_answers_each_leg_gets_its_turn(bench: Bench) -> None:
    await bench.late(1, 2, 3)
    bench.answers.status = None

    def turns() -> list[TransferId]:
        """Which legs were asked about first, with the others and then alone."""
        return [transfer_id for transfer_id, _ in groupby(bench.answers.asked)]

    async with running(bench.watch().run()):
        await until(lambda: len(turns()) >= 6)
    first, second = turns()[:3], turns()[3:6]
    assert set(first) == {id_of(1), id_of(2), id_of(3)}
    assert second == first


async def test_one_that_nobody_answers_for_keeps_no_other_from_its_turn(bench: Bench) -> None:
    await bench.late(1, 2, 3)
    bench.answers.nameless = id_of(1)
    bench.answers.statuses |= {id_of(2): TransferStatus.EXECUTED, id_of(3): TransferStatus.EXECUTED}
    bench.show_executed(2, 3)
    async with running(bench.watch().run()):
        await until(lambda: bench.recorded == {id_of(2), id_of(3)})
    assert await bench.open_subjects() == [f"0x{id_of(1).hex()}"]


async def test_a_fault_about_one_keeps_no_other_from_its_turn(bench: Bench) -> None:
    await bench.late(1, 2)
    bench.answers.statuses[id_of(2)] = TransferStatus.EXECUTED
    bench.show_executed(2)

    def fail() -> None:
        if bench.answers.asked[-1] == id_of(1):
            raise RuntimeError("a fault")

    bench.answers.while_asked = fail
    with capture_logs():
        async with running(bench.watch().run()):
            await until(lambda: bench.recorded)
    assert await bench.open_subjects() == [f"0x{id_of(1).hex()}"]


async def test_each_of_many_is_asked_about_in_turn(bench: Bench) -> None:
    numbers = range(1, 150)
    await bench.late(*numbers)
    in_look: Counter[int] = Counter()
    bench.answers.while_asked = lambda: in_look.update([bench.destination.history_asked])
    async with running(bench.watch().run()):
        await until(lambda: len(set(bench.answers.asked)) == len(numbers))
    assert max(in_look.values()) <= 64
    assert all(bench.answers.asked.count(id_of(number)) <= 2 for number in numbers)


async def test_while_history_is_read_nothing_is_asked(bench: Bench) -> None:
    """What has arrived may be in what is still to be read."""
    bench.destination.read_history_until(DUE_AT + 1000)
    await bench.late(1)
    async with running(bench.watch().run()):
        await until(lambda: bench.destination.history_asked >= 2)
        assert bench.answers.asked == []
        await bench.covered(DUE_AT + 1000)
        await until(lambda: bench.answers.asked)
