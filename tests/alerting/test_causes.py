"""The causes of late legs, asked of chains that answer, refuse, hang and fail."""

import asyncio
import gc
from dataclasses import dataclass, field, replace

import pytest

from connext_monitor.alerting.causes import CauseFinder
from connext_monitor.clock import SystemClock
from connext_monitor.core.alerts.cause import CauseKind, RouterBids
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import Address, Hash32
from connext_monitor.core.side_events import (
    DESTINATION_TOPICS,
    ORIGIN_TOPICS,
    RelayerFeeIncreased,
    SeenSideEvent,
    SlippageUpdated,
)
from tests.alerting.asked_chains import Bridge, Chain
from tests.world.alerts import ARRIVED, DESTINATION, LATE, ORIGIN, TRANSFER_ID

SENT = LATE.xcalled.tx_hash if LATE.xcalled else Hash32(bytes(32))
LATER = Hash32(b"\x55" * 32)
COIN = Address(bytes(20))


@dataclass
class Bids:
    """What routers have done, as the store counts it; ``asked`` counts how often that was read."""

    seen: RouterBids = field(default_factory=lambda: RouterBids(21600, 0, 0))
    asked: int = 0

    async def bids(self, pathway: object, since: int, lately: int) -> RouterBids:
        assert pathway == (ORIGIN, DESTINATION)
        assert lately == 21600
        assert since > 0
        self.asked += 1
        return self.seen


async def kinds(finder: CauseFinder, leg: Leg = Leg.EXECUTE) -> list[CauseKind]:
    return [cause.kind for cause in (await finder.find(LATE, leg)).causes]


async def test_a_cancelled_look_leaves_no_question_behind() -> None:
    looking = asyncio.create_task(Bridge().finder(Bids()).find(LATE, Leg.EXECUTE))
    await asyncio.sleep(0)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    gc.collect()  # a coroutine that nobody has awaited is reported here, which fails the test


async def test_each_chain_is_asked_what_stands_on_it() -> None:
    bridge = Bridge()
    bridge.origin.events = [SeenSideEvent(RelayerFeeIncreased(7, COIN), LATER)]
    bridge.destination.events = [SeenSideEvent(SlippageUpdated(500), LATER)]
    bridge.destination.pause = True
    assert set(await kinds(bridge.finder(Bids()))) == {
        CauseKind.PAUSED,
        CauseKind.RECONCILE_PENDING,
        CauseKind.FEE_INCREASED,
        CauseKind.SLIPPAGE_UPDATED,
    }
    assert bridge.origin.asked == [(TRANSFER_ID, ORIGIN_TOPICS)]
    assert set(bridge.destination.asked) == {"paused", (TRANSFER_ID, DESTINATION_TOPICS)}


async def test_the_fee_that_the_xcall_itself_paid_was_not_raised() -> None:
    bridge = Bridge()
    bridge.origin.events = [SeenSideEvent(RelayerFeeIncreased(7, COIN), SENT)]
    assert await kinds(bridge.finder(Bids())) == [CauseKind.RECONCILE_PENDING]


async def test_what_is_not_known_is_not_said() -> None:
    bridge = Bridge(Chain(events=None), Chain(pause=None, events=None))
    assert await kinds(bridge.finder(Bids())) == [CauseKind.RECONCILE_PENDING]


async def test_causes_of_late_executions_do_not_explain_late_reconciliations() -> None:
    bridge = Bridge()
    bridge.destination.pause = True
    finder = bridge.finder(Bids())
    assert (await finder.find(ARRIVED, Leg.RECONCILE)).causes == ()
    assert bridge.destination.asked == []


async def test_chains_out_of_sight_are_named() -> None:
    bridge = Bridge(origin=Chain(observed=False))
    (cause,) = (await bridge.finder(Bids()).find(ARRIVED, Leg.RECONCILE)).causes
    assert (cause.kind, cause.facts) == (CauseKind.CHAIN_UNOBSERVED, {"domain": ORIGIN})


async def test_a_chain_that_hangs_costs_one_second_once() -> None:
    bridge = Bridge()
    bridge.destination.hangs = True
    bridge.origin.events = [SeenSideEvent(RelayerFeeIncreased(7, COIN), LATER)]
    finder = bridge.finder(Bids())
    async with asyncio.timeout(5):
        assert set(await kinds(finder)) == {CauseKind.RECONCILE_PENDING, CauseKind.FEE_INCREASED}
    asked = len(bridge.destination.asked)
    # It is left alone now: five more seconds would be too many for what is said at once.
    async with asyncio.timeout(0.9):
        for _ in range(5):
            await finder.find(LATE, Leg.EXECUTE)
    assert len(bridge.destination.asked) == asked


@pytest.mark.parametrize("chain", ["origin", "destination"])
async def test_a_fault_prevents_nothing(chain: str) -> None:
    bridge = Bridge()
    getattr(bridge, chain).fails = True
    assert CauseKind.RECONCILE_PENDING in await kinds(bridge.finder(Bids()))


async def test_a_burst_asks_once_and_about_thirty_transfers() -> None:
    bridge, bids = Bridge(), Bids()
    finder = bridge.finder(bids)
    await asyncio.gather(*(finder.find(LATE, Leg.EXECUTE) for _ in range(200)))
    assert bridge.destination.asked.count("paused") <= 2
    assert bids.asked <= 2
    assert len(bridge.origin.asked) in range(30, 33)


async def test_the_leg_about_to_be_alerted_about_counts_as_well() -> None:
    fresh = replace(LATE, xcalled=replace(LATE.xcalled, block=replace(LATE.xcalled.block, timestamp=2**40)))  # type: ignore[type-var,union-attr]
    finder = CauseFinder(Bids(RouterBids(21600, 1, 0)), {}, SystemClock())
    assert CauseKind.NO_ROUTER_BID in {cause.kind for cause in (await finder.find(fresh, Leg.EXECUTE)).causes}
    findings = await finder.find(fresh, Leg.EXECUTE, alerted=True)
    assert CauseKind.NO_ROUTER_BID not in {cause.kind for cause in findings.causes}
