"""The watch over unjudged legs on a real store, with a scheduler whose destination answers what a test sets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import pytest

from connext_monitor.alerting.judging_pace import JudgingPace
from connext_monitor.alerting.unjudged_watch import UnjudgedWatch
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId
from connext_monitor.core.hindrance import Hindrance, Obstacle
from connext_monitor.core.transfer import ObservedChange
from connext_monitor.core.unjudged import Unjudged
from tests.alerting.scheduling import DUE, DURATIONS, UNSETTLED, Bench, id_of, scheduling, xcalled
from tests.world.alerts import DESTINATION, NOW, ORIGIN
from tests.world.desks import desk_on
from tests.world.kinds import chain_unjudged, overdue
from tests.world.recording import commit
from tests.world.waiting import running, until

PATIENCE = 1.0
REFUSED = Hindrance(Obstacle.NOT_ANSWERED, "transferStatus is not answered: node.example refused eth_call")
NAMES = {DESTINATION: "gnosis", ORIGIN: "ethereum"}


@dataclass
class WatchedLegs:
    """A running watch, a running scheduler whose destination does not answer, and their store."""

    bench: Bench
    watch: UnjudgedWatch
    deliveries: dict[DomainId, Unjudged]
    changes: list[Unjudged | None]
    settled_at_changes: list[bool]

    async def sent(self, *numbers: int) -> None:
        """These transfers begin, and are due at DUE."""
        await self.bench.record(*(xcalled(number) for number in numbers))

    async def accuse(self, number: int) -> None:
        """The leg's alert opens."""
        await self.bench.store.alerts.open(overdue(id_of(number), Leg.EXECUTE, DUE, NOW, (ORIGIN, DESTINATION)), [])


@asynccontextmanager
async def watching(
    folder: Path,
    *,
    now: int = DUE + 5,
    chain_time: float = 0.0,
    pace: JudgingPace = UNSETTLED,
    patience: float = PATIENCE,
) -> AsyncIterator[WatchedLegs]:
    """The destination is covered past DUE, and nobody answers about what was due there."""
    deliveries: dict[DomainId, Unjudged] = {}
    changes: list[Unjudged | None] = []
    settled_at_changes: list[bool] = []

    def changed() -> None:
        if watch.of(DESTINATION) != (changes[-1] if changes else None):
            changes.append(watch.of(DESTINATION))
            settled_at_changes.append(watch.settled(DESTINATION))

    async with scheduling(folder, now=now, pace=pace) as bench:
        bench.answers.status, bench.chain_time = None, chain_time
        bench.covered(DUE + 1)
        store, desk = bench.store, desk_on(bench.store.alerts)
        watch = UnjudgedWatch(store.unjudged, desk, bench.scheduler, deliveries.get, NAMES, patience, bench.clock)
        async with running(watch.run(changed)) as task:
            yield WatchedLegs(bench, watch, deliveries, changes, settled_at_changes)
            assert not task.done()


async def test_a_leg_counts_as_unjudged_until_it_is_judged(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        await watched.sent(1)
        await until(lambda: watched.watch.of(DESTINATION) == Unjudged(1, 5, REFUSED))
        assert not watched.watch.settled(DESTINATION)
        assert watched.watch.settled(ORIGIN)
        await watched.accuse(1)
        await until(lambda: watched.watch.settled(DESTINATION))
        # The watch may look before the judge has asked about it.
        assert watched.changes[-2:] == [Unjudged(1, 5, REFUSED), None]
        assert None not in watched.changes[:-1]


async def test_while_others_wait_it_goes_on_counting_them(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        await watched.sent(1, 2)
        await until(lambda: watched.watch.of(DESTINATION) == Unjudged(2, 5, REFUSED))
        await watched.accuse(1)
        await until(lambda: watched.watch.of(DESTINATION) == Unjudged(1, 5, REFUSED))


async def test_a_leg_is_past_due_by_the_chains_clock_too(tmp_path: Path) -> None:
    async with watching(tmp_path, now=DUE - 3000, chain_time=DUE + 1) as watched:
        await watched.sent(1)
        await until(lambda: watched.watch.of(DESTINATION) == Unjudged(1, 1, REFUSED))


async def test_legs_without_an_obstacle_are_handed_to_the_judge(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        watched.bench.answers.status = TransferStatus.NONE
        # The scheduler is not told of them. The first it may find itself as it begins; then it looks in half a minute.
        for number in (1, 2):
            change = ObservedChange((xcalled(number),))
            await commit(watched.bench.store, change, durations=lambda *_: DURATIONS, at=NOW)
            await watched.bench.accuses(*map(id_of, range(1, number + 1)))
        handed_over = watched.changes[0]
        assert handed_over is not None
        assert handed_over.hindrance.obstacle is Obstacle.NOT_LOOKED_AT


async def test_an_alert_from_before_a_restart_stands_while_legs_wait(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        await watched.sent(1)
        await watched.bench.store.alerts.open(chain_unjudged("gnosis", NOW, Unjudged(1, 5, REFUSED)), [])
    async with watching(tmp_path) as watched:
        assert not watched.watch.settled(DESTINATION)
        await until(lambda: watched.watch.settled(ORIGIN))
        await until(lambda: watched.watch.of(DESTINATION))
        await watched.accuse(1)
        await until(lambda: watched.watch.settled(DESTINATION))


async def test_an_unconfirmed_delivery_counts_after_the_same_time(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        watched.deliveries[ORIGIN] = Unjudged(0, 0, REFUSED, deliveries=1)
        await until(lambda: watched.watch.settled(ORIGIN))
        held = watched.deliveries[ORIGIN] = Unjudged(0, 1, REFUSED, deliveries=1)
        await until(lambda: watched.watch.of(ORIGIN) == held)
        watched.deliveries.clear()
        await until(lambda: watched.watch.settled(ORIGIN))


async def test_legs_that_wait_for_their_origin_count_as_its_own(tmp_path: Path) -> None:
    # Of which a quarter is the time that judging takes, on a busy machine too.
    async with watching(tmp_path, pace=replace(UNSETTLED, read_within=0.0), patience=6.0) as watched:
        watched.bench.origin.mute = True
        await watched.sent(1)
        await until(lambda: watched.watch.of(ORIGIN))
        held = watched.watch.of(ORIGIN)
        assert held is not None
        assert (held.legs, held.hindrance.obstacle) == (1, Obstacle.ORIGIN_NOT_READ)
        assert (watched.watch.of(DESTINATION), watched.watch.settled(ORIGIN)) == (None, False)
        watched.bench.origin.mute, watched.bench.answers.status = False, TransferStatus.NONE
        await until(lambda: watched.watch.settled(ORIGIN))
        assert not any(watched.changes)


async def test_it_is_settled_once_nothing_has_waited_for_a_while(tmp_path: Path) -> None:
    async with watching(tmp_path) as watched:
        await watched.sent(1)
        await until(lambda: watched.watch.of(DESTINATION))
        await watched.accuse(1)
        await until(lambda: not watched.watch.of(DESTINATION))
        await watched.sent(2)
        await until(lambda: watched.watch.of(DESTINATION))
        await watched.accuse(2)
        await until(lambda: watched.watch.settled(DESTINATION))
        assert [nothing for nothing, _ in groupby(watched.changes, lambda unjudged: unjudged is None)] == 2 * [
            False,
            True,
        ]
        assert not any(watched.settled_at_changes)


async def test_an_unreadable_store_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with watching(tmp_path) as watched:
        await watched.sent(1)
        await until(lambda: watched.watch.of(DESTINATION) == Unjudged(1, 5, REFUSED))
        failed: list[int] = []

        async def failing(*_: object) -> dict[DomainId, object]:
            failed.append(1)
            raise OSError("the disk is gone")

        monkeypatch.setattr(watched.bench.store.unjudged, "count", failing)
        await until(lambda: len(failed) == 2)
        assert watched.watch.of(DESTINATION) == Unjudged(1, 5, REFUSED)
