"""Why legs are late, looked for again while their alerts are open and once more at their end, on a real store."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from connext_monitor.alerting.cause_watch import CauseWatch
from connext_monitor.clock import SystemClock
from connext_monitor.core.alerts.cause import CauseKind
from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE, OVERDUE
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import Hash32
from connext_monitor.core.side_events import CalldataExecuted, SeenSideEvent
from connext_monitor.store.store import Store
from tests.alerting.answering_chain import Bridge
from tests.alerting.scheduling import executed, id_of, xcalled
from tests.world.alerts import DESTINATION, DUE_AT, NOW, ORIGIN, SENT_AT
from tests.world.databases import open_store, watching
from tests.world.desks import desk_on
from tests.world.kinds import overdue, overdue_id
from tests.world.recording import put, seen
from tests.world.waiting import running, until

LATER = Hash32(b"\x55" * 32)
ENDED = ResolveAlert.of_transfer(EXECUTE_OVERDUE, id_of(1), Resolution.EXECUTED)


@dataclass
class Bench:
    """Late transfers in a store, and the chains that are asked about them; ``woken`` counts what delivery is told."""

    store: Store
    statements: list[str]
    bridge: Bridge = field(default_factory=Bridge)
    woken: list[str] = field(default_factory=list)

    def watch(self, every: float = 60) -> CauseWatch:
        desk = desk_on(self.store.alerts, woken=lambda: self.woken.append("woken"))
        finder = self.bridge.finder(self.store.causes)
        return CauseWatch(self.store.transfers, self.store.causes, finder, desk, SystemClock(), every=every)

    async def late(self, *numbers: int) -> None:
        """These transfers are late, and alerted about."""
        await put(self.store, seen(*(xcalled(number, SENT_AT) for number in numbers)))
        for number in numbers:
            alert = overdue(id_of(number), Leg.EXECUTE, DUE_AT, NOW, (ORIGIN, DESTINATION))
            assert await self.store.alerts.open(alert, ())

    async def arrived(self, *numbers: int) -> None:
        """These arrive after all."""
        await put(self.store, seen(*(executed(number, DUE_AT + 75) for number in numbers)))

    @property
    def writes(self) -> int:
        """How many transactions that write have begun."""
        return self.statements.count("BEGIN IMMEDIATE")

    async def is_looked_at(self) -> None:
        """One more time."""
        sought = self.bridge.origin.answers.sought
        looks = len(sought)
        await until(lambda: len(sought) > looks)

    async def causes(self, number: int) -> list[CauseKind]:
        [alert] = await self.store.alerts.of_transfer(id_of(number))
        return [cause.kind for cause in alert.causes]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    statements: list[str] = []
    names = {ORIGIN: "ethereum", DESTINATION: "gnosis"}
    store = await open_store(tmp_path / "monitor.db", names, watching(statements.append))
    yield Bench(store, statements)
    await store.close()


async def test_a_later_cause_is_kept_and_wakes_nobody(bench: Bench) -> None:
    await bench.late(1)
    async with running(bench.watch(every=0.01).run()):
        await until(lambda: bench.causes(1))
        assert CauseKind.PAUSED not in await bench.causes(1)
        bench.bridge.destination.answers.pause = True

        async def paused() -> bool:
            return CauseKind.PAUSED in await bench.causes(1)

        await until(paused)
    assert bench.woken == []


async def test_a_look_that_finds_nothing_new_writes_nothing(bench: Bench) -> None:
    await bench.late(1)
    async with running(bench.watch(every=0.01).run()):
        await until(lambda: bench.causes(1))
        await bench.is_looked_at()
        writes = bench.writes
        for _ in range(3):
            await bench.is_looked_at()
    assert bench.writes == writes > 0


async def test_every_open_alert_gets_its_turn(bench: Bench) -> None:
    numbers = range(1, 13)
    await bench.late(*numbers)

    async def all_have_causes() -> bool:
        return all([await bench.causes(number) for number in numbers])

    async with running(bench.watch(every=0.01).run()):
        await until(all_have_causes)


async def test_an_end_wakes_delivery_after_a_last_look(bench: Bench) -> None:
    await bench.late(1)
    await bench.arrived(1)
    bench.bridge.destination.answers.side = [SeenSideEvent(CalldataExecuted(success=False), LATER)]
    bench.watch().resolved([ENDED], [ENDED.alert_id])
    assert bench.woken == []
    await until(lambda: bench.woken)
    assert await bench.causes(1) == [CauseKind.CALLDATA_FAILED]


async def test_an_end_wakes_delivery_where_nothing_answers(bench: Bench) -> None:
    await bench.late(1)
    await bench.arrived(1)
    for chain in (bench.bridge.origin, bench.bridge.destination):
        chain.answers.while_asked = asyncio.Event().wait
    bench.watch().resolved([ENDED], [ENDED.alert_id])
    await until(lambda: bench.woken)


@pytest.mark.parametrize(
    ("effects", "changed"),
    [
        ([], ["deep_reorg:beta"]),
        ([ENDED], [ENDED.alert_id, "deep_reorg:beta"]),
        ([ResolveAlert.of_transfer(OVERDUE[Leg.RECONCILE], id_of(1), Resolution.RECONCILED)], ["reconcile_overdue"]),
        ([ResolveAlert.of_transfer(EXECUTE_OVERDUE, id_of(1), Resolution.REORGED)], [ENDED.alert_id]),
    ],
)
async def test_ends_without_a_cause_wake_delivery_at_once(
    bench: Bench, effects: list[ResolveAlert], changed: list[str]
) -> None:
    bench.watch().resolved(effects, changed)
    assert bench.woken == ["woken"]


async def test_a_burst_of_ends_wakes_delivery_at_once(bench: Bench) -> None:
    numbers = range(1, 201)
    await bench.late(*numbers)
    await bench.arrived(*numbers)
    bench.bridge.destination.answers.side = [SeenSideEvent(CalldataExecuted(success=False), LATER)]
    ends = [ResolveAlert.of_transfer(EXECUTE_OVERDUE, id_of(number), Resolution.EXECUTED) for number in numbers]
    bench.watch().resolved(ends, [overdue_id(id_of(number), Leg.EXECUTE) for number in numbers])
    assert bench.woken == ["woken"]
    await until(lambda: len(bench.woken) == 2)
    explained = [number for number in numbers if await bench.causes(number)]
    assert len(explained) == 5
