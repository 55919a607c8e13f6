"""The numbers of the metrics, counted in a real database."""

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE, RECONCILE_OVERDUE
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.coverage import Nonces
from connext_monitor.core.deadline import Leg
from connext_monitor.core.stored_numbers import AwaitedLegs, Backlog
from connext_monitor.store.connection import Connection
from connext_monitor.store.store import Store
from tests.world.databases import open_store
from tests.world.kinds import chain_unobserved, overdue
from tests.world.recording import commit, seen
from tests.world.two_chains import AT, DESTINATION, EXECUTE, NAMES, ORIGIN, START, Sample, covered, fill

FORTH = (ORIGIN, DESTINATION)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await open_store(tmp_path / "monitor.db", NAMES)
    yield store
    await store.close()


async def test_an_empty_database_has_no_numbers(store: Store) -> None:
    numbers = await store.statistics.measure(START)
    assert (numbers.nonces, numbers.awaited, numbers.overdue, numbers.open_alerts, numbers.backlogs) == ({},) * 5


async def test_open_legs_are_counted_by_pathway_and_lateness(store: Store) -> None:
    done, executed, early, late, later = Sample(1), Sample(2), Sample(3, START + 1000), Sample(4), Sample(5)
    back = Sample(1, origin=DESTINATION, destination=ORIGIN)
    arrived = [done.xcalled(), done.executed(), done.reconciled(), executed.xcalled(), executed.executed()]
    await fill(store, [*arrived, early.xcalled(), late.xcalled(), later.xcalled(), back.xcalled()])
    numbers = await store.statistics.measure(START + EXECUTE + 1)
    assert numbers.awaited == {
        (*FORTH, Leg.EXECUTE): AwaitedLegs(3, 2),
        (*FORTH, Leg.RECONCILE): AwaitedLegs(4, 0),
        (DESTINATION, ORIGIN, Leg.EXECUTE): AwaitedLegs(1, 1),
        (DESTINATION, ORIGIN, Leg.RECONCILE): AwaitedLegs(1, 0),
    }


async def test_legs_without_a_deadline_are_not_counted(store: Store) -> None:
    await commit(store, seen(Sample(1).xcalled(), Sample(2).xcalled()), durations=lambda *_: None)
    await fill(store, [Sample(3).xcalled(), Sample(4).executed(), Sample(2).executed()])
    numbers = await store.statistics.measure(START)
    assert numbers.awaited == {(*FORTH, leg): AwaitedLegs(1, 0) for leg in Leg}


async def test_open_alerts_are_counted_and_those_of_legs_by_pathway(store: Store) -> None:
    first, second, third = Sample(1), Sample(2), Sample(3)
    await fill(store, [sample.xcalled() for sample in (first, second, third)])
    for sample, leg in ((first, Leg.EXECUTE), (second, Leg.EXECUTE), (third, Leg.RECONCILE)):
        await store.alerts.open(overdue(sample.id, leg, START, AT, FORTH), [])
    await store.alerts.open(chain_unobserved("here", AT, silent_for=120, waiting=0, why=""), [])
    await store.alerts.resolve(ResolveAlert.of_transfer(EXECUTE_OVERDUE, second.id, Resolution.EXECUTED), AT)
    await store.alerts.escalate(overdue(third.id, Leg.RECONCILE, START, AT).id, lambda _: [], AT)
    numbers = await store.statistics.measure(START)
    assert numbers.overdue == {(*FORTH, Leg.EXECUTE): 1, (*FORTH, Leg.RECONCILE): 1}
    assert numbers.open_alerts == {
        (EXECUTE_OVERDUE, Severity.CRITICAL): 1,
        (RECONCILE_OVERDUE, Severity.CRITICAL): 1,
        (CHAIN_UNOBSERVED, Severity.WARNING): 1,
    }


async def test_what_waits_for_a_provider_is_counted_from_its_queueing_on(store: Store) -> None:
    for number in (1, 2):
        at = AT + timedelta(seconds=number)
        await store.alerts.open(
            chain_unobserved(f"chain {number}", at, silent_for=1, waiting=0, why=""), ["ops", "desk"]
        )
    first = await store.outbox.next_delivery("ops")
    assert first is not None
    await store.outbox.delivery_sent(first.id, None, AT)
    numbers = await store.statistics.measure(START)
    assert numbers.backlogs == {"ops": Backlog(1, START + 2), "desk": Backlog(2, START + 1)}


async def test_nonces_are_known_of_the_chains_that_were_asked(store: Store) -> None:
    await fill(store, [Sample(7).xcalled()], progress=[covered(ORIGIN, first=7, upcoming=9), covered(DESTINATION)])
    numbers = await store.statistics.measure(START)
    assert numbers.nonces[ORIGIN] == Nonces(7, 8, 9)


async def test_counting_waits_for_no_writer(store: Store) -> None:
    holding, go_on = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        connection.run("DELETE FROM tokens")
        holding.set()
        assert go_on.wait(60)

    writing = asyncio.create_task(store.database.write(hold))
    assert await asyncio.to_thread(holding.wait, 60)
    try:
        async with asyncio.timeout(60):
            await store.statistics.measure(datetime.now(UTC).timestamp())
        assert not writing.done()
    finally:
        go_on.set()
        await writing
