"""Why what is reconciled is not executed: simulated once in each state, on chains that answer, hang and refuse."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from connext_monitor.alerting.cause_watch import CauseWatch
from connext_monitor.clock import SystemClock
from connext_monitor.core.alerts.cause import Cause, CauseKind
from connext_monitor.core.deadline import Leg
from connext_monitor.core.decoding import transfer_id_of
from connext_monitor.core.events import Address, BlockNumber, DomainId, Executed
from connext_monitor.core.execution import MOST_CALL_DATA, SimulatedExecution
from connext_monitor.core.transfer import Transfer
from connext_monitor.store.store import Store
from tests.alerting.answering_chain import Bridge
from tests.world.alerts import DESTINATION, DUE_AT, INFO, LATE, NOW, ORIGIN, SENT_AT, sighting
from tests.world.databases import open_store
from tests.world.desks import desk_on
from tests.world.kinds import overdue
from tests.world.recording import put, seen
from tests.world.transfers import executed, info, reconciled, xcalled
from tests.world.transfers import sighting as block_sighting
from tests.world.waiting import BOUND, running, until

WHOLE = replace(INFO, call_data=b"\x01")
RECONCILED = replace(LATE, transfer_id=transfer_id_of(WHOLE), reconciled=sighting(DUE_AT - 9))
REVERTS = SimulatedExecution(BlockNumber(7), by_relayer=True, reverts="X__y")
PAUSED = replace(REVERTS, reverts="BaseConnextFacet__whenNotPaused_paused")
BUSY, IDLE = Address(b"\x0a" * 20), Address(b"\x0b" * 20)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await open_store(tmp_path / "monitor.db", {ORIGIN: "ethereum", DESTINATION: "gnosis"})
    yield store
    await store.close()


@pytest.fixture
def bridge() -> Bridge:
    bridge = Bridge()
    bridge.origin.answers.sent, bridge.destination.answers.simulated = WHOLE, REVERTS
    return bridge


async def simulated(
    store: Store, bridge: Bridge, transfer: Transfer = RECONCILED, known: tuple[Cause, ...] = ()
) -> list[Cause]:
    findings = await bridge.finder(store.causes).find(transfer, Leg.EXECUTE, known=known)
    return [cause for cause in findings.causes if cause.kind is CauseKind.EXECUTION_SIMULATED]


async def test_calldata_is_read_again_from_the_origin(store: Store, bridge: Bridge) -> None:
    (cause,) = await simulated(store, bridge)
    assert cause.facts["reverts"] == "X__y"
    assert bridge.destination.answers.simulations == [(RECONCILED.transfer_id, WHOLE, ())]


async def test_what_is_stored_whole_is_not_read_again(store: Store, bridge: Bridge) -> None:
    bridge.origin.answers.sent = None
    whole = replace(RECONCILED, transfer_id=transfer_id_of(INFO))
    assert await simulated(store, bridge, whole)
    assert bridge.destination.answers.simulations == [(whole.transfer_id, INFO, ())]


@pytest.mark.parametrize(
    "transfer",
    [
        replace(RECONCILED, reconciled=None),
        replace(RECONCILED, executed=sighting(DUE_AT)),
        replace(RECONCILED, origin=DomainId(7)),
    ],
)
async def test_what_does_not_wait_or_is_not_known_whole_is_not_simulated(
    store: Store, bridge: Bridge, transfer: Transfer
) -> None:
    assert await simulated(store, bridge, transfer) == []
    assert bridge.destination.answers.simulations == []


async def test_calldata_of_any_length_is_not_simulated(store: Store, bridge: Bridge) -> None:
    bridge.origin.answers.sent = replace(WHOLE, call_data=bytes(MOST_CALL_DATA + 1))
    assert await simulated(store, bridge) == []
    assert bridge.destination.answers.simulations == []


async def test_each_state_is_simulated_once(store: Store, bridge: Bridge) -> None:
    known = tuple(await simulated(store, bridge))
    assert await simulated(store, bridge, known=known) == []
    elsewhere = replace(RECONCILED, reconciled=sighting(DUE_AT, block_hash=b"\x01" * 32))
    assert await simulated(store, bridge, elsewhere, known)
    assert len(bridge.destination.answers.simulations) == 2


@pytest.mark.parametrize("answer", [None, PAUSED])
async def test_what_says_nothing_about_the_transfer_is_not_said(
    store: Store, bridge: Bridge, answer: SimulatedExecution | None
) -> None:
    bridge.destination.answers.simulated = answer
    assert await simulated(store, bridge) == []


@pytest.mark.parametrize("hanging", ["origin", "destination"])
async def test_an_alert_that_opens_does_not_wait_for_it(store: Store, bridge: Bridge, hanging: str) -> None:
    getattr(bridge, hanging).answers.while_asked = asyncio.Event().wait
    async with asyncio.timeout(BOUND):
        findings = await bridge.finder(store.causes).find(RECONCILED, Leg.EXECUTE)
    assert [cause.kind for cause in findings.causes] == [CauseKind.AWAITS_EXECUTION]


async def test_it_is_made_by_who_executed_last_there(store: Store, bridge: Bridge) -> None:
    callers = [IDLE, BUSY, IDLE, BUSY, BUSY]
    for number, caller in enumerate(callers, start=1):
        record = executed(info(number, ORIGIN, DESTINATION), block_sighting(number, SENT_AT), ())
        assert isinstance(record.event, Executed)
        await put(store, seen(replace(record, event=replace(record.event, caller=caller))))
    await simulated(store, bridge)
    assert bridge.destination.answers.simulations[0][2] == (BUSY, IDLE)
    assert await store.causes.last_callers(ORIGIN) == []


async def test_it_is_kept_with_the_alert_and_not_asked_again(store: Store, bridge: Bridge) -> None:
    params = replace(info(1, ORIGIN, DESTINATION), call_data=b"\x01")
    bridge.origin.answers.sent = params
    await put(store, seen(xcalled(params, block_sighting(1, SENT_AT)), reconciled(params, block_sighting(2, SENT_AT))))
    alert = overdue(transfer_id_of(params), Leg.EXECUTE, DUE_AT, NOW, (ORIGIN, DESTINATION))
    assert await store.alerts.open(alert, ())

    def watch() -> CauseWatch:  # as after a restart
        finder = bridge.finder(store.causes)
        return CauseWatch(store.transfers, store.causes, finder, desk_on(store.alerts), SystemClock(), every=0.01)

    async def is_known() -> bool:
        (kept,) = await store.alerts.of_transfer(transfer_id_of(params))
        return CauseKind.EXECUTION_SIMULATED in [cause.kind for cause in kept.causes]

    async def is_looked_at_again() -> None:
        looks = len(bridge.origin.answers.sought)
        await until(lambda: len(bridge.origin.answers.sought) > looks + 3)

    for _ in range(2):
        async with running(watch().run()):
            await until(is_known)
            await is_looked_at_again()
    assert len(bridge.destination.answers.simulations) == 1
