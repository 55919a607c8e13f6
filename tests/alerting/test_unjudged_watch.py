"""The watch over unjudged legs on a real store, with a judge that says what a test wants it to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from connext_monitor.alerting.unjudged_watch import UnjudgedWatch
from connext_monitor.core.deadline import Awaited, Durations, Leg
from connext_monitor.core.events import DomainId, Timestamp
from connext_monitor.core.transfer import ObservedChange
from connext_monitor.core.unjudged import Hindrance, Obstacle, Unjudged
from connext_monitor.store.store import Store
from tests.alerting.scheduling import DUE, T0, id_of, xcalled
from tests.world.alerts import DESTINATION, NOW, ORIGIN
from tests.world.clocks import ManualClock
from tests.world.databases import open_store
from tests.world.desks import desk_on
from tests.world.kinds import chain_unjudged, overdue
from tests.world.recording import commit
from tests.world.waiting import until

PATIENCE = 1.0
REFUSED = Hindrance(Obstacle.NOT_ANSWERED, "transferStatus is not answered: it is refused")
DURATIONS = Durations(execute=10, reconcile=100_000)


@dataclass
class Judging:
    """A judge that judges nothing."""

    hinders: Hindrance = REFUSED
    clock: ManualClock | None = None
    ahead: int = 0
    handed_over: list[Awaited] = field(default_factory=list)

    def time(self, domain: DomainId) -> float:
        assert self.clock is not None
        return self.clock.now().timestamp() + (self.ahead if domain == DESTINATION else 0)

    def hindered(self, domain: DomainId) -> bool:
        return domain == DESTINATION and self.hinders is REFUSED

    def hindrance(self, domain: DomainId, first_due: Timestamp) -> Hindrance:
        assert (domain, first_due) == (DESTINATION, DUE)
        return self.hinders

    def overlooked(self, legs: list[Awaited]) -> None:
        self.handed_over += legs


@dataclass
class Bench:
    store: Store
    watch: UnjudgedWatch
    judging: Judging
    clock: ManualClock
    deliveries: dict[DomainId, Unjudged]
    changes: list[Unjudged | None]
    settled_at_changes: list[bool]

    async def sent(self, *numbers: int) -> None:
        """These transfers begin, and are due at DUE."""
        step = ObservedChange(tuple(xcalled(number) for number in numbers))
        await commit(self.store, step, durations=lambda _origin, _destination: DURATIONS, at=NOW)

    async def accuse(self, number: int) -> None:
        """The leg's alert opens."""
        await self.store.alerts.open(overdue(id_of(number), Leg.EXECUTE, DUE, NOW, (ORIGIN, DESTINATION)), [])


@asynccontextmanager
async def watching(folder: Path, *, now: int = DUE + 5, judging: Judging | None = None) -> AsyncIterator[Bench]:
    names = {DESTINATION: "gnosis", ORIGIN: "ethereum"}
    store = await open_store(folder / "monitor.db", names)
    clock = ManualClock(NOW + timedelta(seconds=now - T0), running=True)
    judging = judging or Judging()
    judging.clock = clock
    deliveries: dict[DomainId, Unjudged] = {}
    changes: list[Unjudged | None] = []
    settled_at_changes: list[bool] = []

    def changed() -> None:
        changes.append(watch.of(DESTINATION))
        settled_at_changes.append(watch.settled(DESTINATION))

    watch = UnjudgedWatch(
        store.unjudged,
        desk_on(store.alerts),
        judging,
        deliveries.get,
        names,
        PATIENCE,
        clock,
    )
    running = asyncio.create_task(watch.run(changed))
    try:
        yield Bench(store, watch, judging, clock, deliveries, changes, settled_at_changes)
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.close()


async def test_a_leg_counts_as_unjudged_until_it_is_judged(tmp_path: Path) -> None:
    async with watching(tmp_path) as bench:
        await bench.sent(1)
        await until(lambda: bench.watch.of(DESTINATION))
        assert bench.watch.of(DESTINATION) == Unjudged(1, 5, REFUSED)
        assert not bench.watch.settled(DESTINATION)
        assert bench.watch.settled(ORIGIN)
        await bench.accuse(1)
        await until(lambda: bench.watch.settled(DESTINATION))
        assert bench.changes == [Unjudged(1, 5, REFUSED), None]


async def test_while_others_wait_it_goes_on_counting_them(tmp_path: Path) -> None:
    async with watching(tmp_path) as bench:
        await bench.sent(1, 2)
        await until(lambda: bench.watch.of(DESTINATION) == Unjudged(2, 5, REFUSED))
        await bench.accuse(1)
        await until(lambda: bench.watch.of(DESTINATION) == Unjudged(1, 5, REFUSED))


async def test_a_leg_is_past_due_by_the_chains_clock_too(tmp_path: Path) -> None:
    async with watching(tmp_path, now=DUE - 3000, judging=Judging(ahead=3001)) as bench:
        await bench.sent(1)
        await until(lambda: bench.watch.of(DESTINATION) == Unjudged(1, 1, REFUSED))


async def test_legs_without_an_obstacle_are_handed_to_the_judge(tmp_path: Path) -> None:
    overlooked = Hindrance(Obstacle.NOT_LOOKED_AT, "nobody looked")
    async with watching(tmp_path, judging=Judging(overlooked)) as bench:
        await bench.sent(1)
        await until(lambda: bench.judging.handed_over)
        assert bench.judging.handed_over[0] == Awaited(id_of(1), Leg.EXECUTE, Timestamp(DUE), DESTINATION)


async def test_an_alert_from_before_a_restart_stands_while_legs_wait(tmp_path: Path) -> None:
    async with watching(tmp_path) as bench:
        await bench.sent(1)
        await bench.store.alerts.open(chain_unjudged("gnosis", NOW, Unjudged(1, 5, REFUSED)), [])
    async with watching(tmp_path) as bench:
        assert not bench.watch.settled(DESTINATION)
        await until(lambda: bench.watch.settled(ORIGIN))
        await until(lambda: bench.watch.of(DESTINATION))
        await bench.accuse(1)
        await until(lambda: bench.watch.settled(DESTINATION))


async def test_an_unconfirmed_delivery_counts_after_the_same_time(tmp_path: Path) -> None:
    async with watching(tmp_path) as bench:
        bench.deliveries[ORIGIN] = Unjudged(0, 0, REFUSED, deliveries=1)
        await until(lambda: bench.watch.settled(ORIGIN))
        held = bench.deliveries[ORIGIN] = Unjudged(0, 1, REFUSED, deliveries=1)
        await until(lambda: bench.watch.of(ORIGIN) == held)
        bench.deliveries.clear()
        await until(lambda: bench.watch.settled(ORIGIN))


async def test_it_is_settled_once_nothing_has_waited_for_a_while(tmp_path: Path) -> None:
    async with watching(tmp_path) as bench:
        await bench.sent(1)
        await until(lambda: bench.watch.of(DESTINATION))
        await bench.accuse(1)
        await until(lambda: not bench.watch.of(DESTINATION))
        await bench.sent(2)
        await until(lambda: bench.watch.of(DESTINATION))
        await bench.accuse(2)
        await until(lambda: bench.watch.settled(DESTINATION))
        assert [unjudged is None for unjudged in bench.changes] == [False, True, False, True]
        assert bench.settled_at_changes == [False] * 4


async def test_an_unreadable_store_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with watching(tmp_path) as bench:
        await bench.sent(1)
        await until(lambda: bench.watch.of(DESTINATION))
        failed: list[int] = []

        async def failing(*_: object) -> dict[DomainId, object]:
            failed.append(1)
            raise OSError("the disk is gone")

        monkeypatch.setattr(bench.store.unjudged, "count", failing)
        await until(lambda: len(failed) == 2)
        assert bench.watch.of(DESTINATION) == Unjudged(1, 5, REFUSED)
