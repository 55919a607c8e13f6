"""The causes of late legs, asked of chains that answer, refuse, hang and fail."""

import asyncio
import gc
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from connext_monitor.alerting.causes import CauseFinder
from connext_monitor.clock import SystemClock
from connext_monitor.core.alerts.cause import CauseKind, RouterBids
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import Address, DomainId, Hash32, Pathway
from connext_monitor.core.side_events import (
    DESTINATION_TOPICS,
    ORIGIN_TOPICS,
    RelayerFeeIncreased,
    SeenSideEvent,
    SlippageUpdated,
)
from connext_monitor.store.store import Store
from tests.alerting.answering_chain import AnsweringChain, Bridge
from tests.world.alerts import ARRIVED, DESTINATION, LATE, ORIGIN, SENT_AT, TRANSFER_ID
from tests.world.databases import open_store
from tests.world.recording import put, seen
from tests.world.transfers import executed, info, reconciled, sighting, xcalled
from tests.world.waiting import BOUND

SENT = LATE.xcalled.tx_hash if LATE.xcalled else Hash32(bytes(32))
LATER = Hash32(b"\x55" * 32)
COIN = Address(bytes(20))


@dataclass
class CountedReads:
    """What routers have done according to a store; ``reads`` counts how often that was read."""

    store: Store
    reads: int = 0

    async def bids(self, pathway: Pathway, since: int, lately: int) -> RouterBids:
        self.reads += 1
        return await self.store.causes.bids(pathway, since, lately)

    async def last_callers(self, destination: DomainId) -> list[Address]:
        return await self.store.causes.last_callers(destination)


@pytest.fixture
async def bids(tmp_path: Path) -> AsyncIterator[CountedReads]:
    store = await open_store(tmp_path / "monitor.db", {ORIGIN: "ethereum", DESTINATION: "gnosis"})
    yield CountedReads(store)
    await store.close()


async def kinds(finder: CauseFinder, leg: Leg = Leg.EXECUTE) -> list[CauseKind]:
    return [cause.kind for cause in (await finder.find(LATE, leg)).causes]


async def test_a_cancelled_look_leaves_no_question_behind(bids: CountedReads) -> None:
    looking = asyncio.create_task(Bridge().finder(bids).find(LATE, Leg.EXECUTE))
    await asyncio.sleep(0)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    gc.collect()  # a coroutine that nobody has awaited is reported here, which fails the test


async def test_each_chain_is_asked_what_stands_on_it(bids: CountedReads) -> None:
    bridge = Bridge()
    bridge.origin.answers.side = [SeenSideEvent(RelayerFeeIncreased(7, COIN), LATER)]
    bridge.destination.answers.side = [SeenSideEvent(SlippageUpdated(500), LATER)]
    bridge.destination.answers.pause = True
    assert set(await kinds(bridge.finder(bids))) == {
        CauseKind.PAUSED,
        CauseKind.RECONCILE_PENDING,
        CauseKind.FEE_INCREASED,
        CauseKind.SLIPPAGE_UPDATED,
    }
    origin, destination = bridge.origin.answers, bridge.destination.answers
    assert (origin.pauses_asked, origin.sought) == (0, [(TRANSFER_ID, ORIGIN_TOPICS)])
    assert (destination.pauses_asked, destination.sought) == (1, [(TRANSFER_ID, DESTINATION_TOPICS)])
    assert origin.since == destination.since == [SENT_AT]


async def test_the_fee_that_the_xcall_itself_paid_was_not_raised(bids: CountedReads) -> None:
    bridge = Bridge()
    bridge.origin.answers.side = [SeenSideEvent(RelayerFeeIncreased(7, COIN), SENT)]
    assert await kinds(bridge.finder(bids)) == [CauseKind.RECONCILE_PENDING]


async def test_what_is_not_known_is_not_said(bids: CountedReads) -> None:
    bridge = Bridge()
    bridge.origin.answers.side = bridge.destination.answers.side = bridge.destination.answers.pause = None
    assert await kinds(bridge.finder(bids)) == [CauseKind.RECONCILE_PENDING]


async def test_causes_of_late_executions_do_not_explain_late_reconciliations(bids: CountedReads) -> None:
    bridge = Bridge()
    bridge.destination.answers.pause = True
    finder = bridge.finder(bids)
    assert (await finder.find(ARRIVED, Leg.RECONCILE)).causes == ()
    assert (bridge.destination.answers.pauses_asked, bridge.destination.answers.sought) == (0, [])


async def test_chains_out_of_sight_are_named(bids: CountedReads) -> None:
    bridge = Bridge(origin=AnsweringChain(covered=False))
    (cause,) = (await bridge.finder(bids).find(ARRIVED, Leg.RECONCILE)).causes
    assert (cause.kind, cause.facts) == (CauseKind.CHAIN_UNOBSERVED, {"domain": ORIGIN})


async def test_a_chain_that_hangs_costs_one_second_once(bids: CountedReads) -> None:
    bridge = Bridge()
    bridge.destination.answers.while_asked = asyncio.Event().wait
    bridge.origin.answers.side = [SeenSideEvent(RelayerFeeIncreased(7, COIN), LATER)]
    finder = bridge.finder(bids)
    async with asyncio.timeout(BOUND):
        assert set(await kinds(finder)) == {CauseKind.RECONCILE_PENDING, CauseKind.FEE_INCREASED}
    asked = bridge.destination.answers.pauses_asked, len(bridge.destination.answers.sought)
    # It is left alone now: five more seconds would be too many for what is said at once.
    for _ in range(5):
        await finder.find(LATE, Leg.EXECUTE)
    assert (bridge.destination.answers.pauses_asked, len(bridge.destination.answers.sought)) == asked


@pytest.mark.parametrize("chain", ["origin", "destination"])
async def test_a_fault_prevents_nothing(chain: str, bids: CountedReads) -> None:
    bridge = Bridge()
    getattr(bridge, chain).answers.fault = OSError("broken")
    assert CauseKind.RECONCILE_PENDING in await kinds(bridge.finder(bids))


async def test_a_burst_asks_once_and_about_thirty_transfers(bids: CountedReads) -> None:
    bridge = Bridge()
    finder = bridge.finder(bids)
    await asyncio.gather(*(finder.find(LATE, Leg.EXECUTE) for _ in range(200)))
    assert bridge.destination.answers.pauses_asked <= 2
    assert bids.reads <= 2
    assert len(bridge.origin.answers.sought) in range(30, 33)


async def test_the_leg_about_to_be_alerted_about_counts_as_well(bids: CountedReads) -> None:
    fresh = replace(LATE, xcalled=replace(LATE.xcalled, block=replace(LATE.xcalled.block, timestamp=2**40)))  # type: ignore[type-var,union-attr]
    now = int(SystemClock().now().timestamp())
    slow = info(2, ORIGIN, DESTINATION)
    steps = (xcalled(slow, sighting(1, now)), reconciled(slow, sighting(2, now)), executed(slow, sighting(3, now), ()))
    await put(bids.store, seen(*steps))
    finder = CauseFinder(bids, {}, SystemClock())
    assert CauseKind.NO_ROUTER_BID in {cause.kind for cause in (await finder.find(fresh, Leg.EXECUTE)).causes}
    findings = await finder.find(fresh, Leg.EXECUTE, known=())
    assert CauseKind.NO_ROUTER_BID not in {cause.kind for cause in findings.causes}
