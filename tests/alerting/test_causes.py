"""The causes of late legs, asked of chains that answer, refuse, hang and fail."""

import asyncio
import gc
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from connext_monitor.alerting.alert_desk import AlertStore
from connext_monitor.alerting.cause_watch import CauseWatch
from connext_monitor.alerting.causes import CauseFinder
from connext_monitor.clock import SystemClock
from connext_monitor.core.alerts.alert import Alert, AlertKind
from connext_monitor.core.alerts.cause import Cause, CauseKind, RouterBids
from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE, OVERDUE
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import Address, Hash32, TransferId
from connext_monitor.core.selection import TransferWithDeadlines
from connext_monitor.core.side_events import (
    DESTINATION_TOPICS,
    ORIGIN_TOPICS,
    CalldataExecuted,
    RelayerFeeIncreased,
    SeenSideEvent,
    SlippageUpdated,
)
from tests.world.alerts import ARRIVED, DESTINATION, DUE, LATE, OPENED, ORIGIN, TRANSFER_ID, transfer_alert
from tests.world.desks import desk_on
from tests.world.waiting import running, until

SENT = LATE.xcalled.tx_hash if LATE.xcalled else Hash32(bytes(32))
LATER = Hash32(b"\x55" * 32)
COIN = Address(bytes(20))


@dataclass
class Chain:
    """A chain that says these things, or None; ``hangs`` as long as it is set."""

    observed: bool = True
    pause: bool | None = False
    events: list[SeenSideEvent] | None = field(default_factory=list)
    asked: list[object] = field(default_factory=list)
    hangs: bool = False
    fails: bool = False

    async def paused(self) -> bool | None:
        self.asked.append("paused")
        await self._answer()
        return self.pause

    async def side_events(
        self, transfer_id: TransferId, topics: Sequence[bytes], since: int
    ) -> list[SeenSideEvent] | None:
        assert LATE.xcalled is not None
        assert since == LATE.xcalled.block.timestamp
        self.asked.append((transfer_id, tuple(topics)))
        await self._answer()
        return self.events

    async def _answer(self) -> None:
        if self.fails:
            raise OSError("broken")
        if self.hangs:
            await asyncio.Event().wait()


@dataclass
class Kept:
    """What the finder and the watch read and write."""

    seen: RouterBids = field(default_factory=lambda: RouterBids(21600, 0, 0))
    alerts: list[Alert] = field(default_factory=list)
    causes: dict[str, tuple[Cause, ...]] = field(default_factory=dict)
    asked: int = 0

    async def bids(self, pathway: object, since: int, lately: int) -> RouterBids:
        assert pathway == (ORIGIN, DESTINATION)
        assert lately == 21600
        assert since > 0
        self.asked += 1
        return self.seen

    async def by_id(self, transfer_id: TransferId) -> TransferWithDeadlines | None:
        return TransferWithDeadlines(
            replace(ARRIVED if transfer_id == TRANSFER_ID else LATE, transfer_id=transfer_id), DUE
        )

    async def open_of_kind(self, kind: AlertKind) -> list[Alert]:
        return [alert for alert in self.alerts if alert.kind is kind]

    async def change(self, alert_id: str, decide: object) -> bool:
        self.causes[alert_id] = decide(self.causes.get(alert_id, ()))  # type: ignore[operator]
        return True


@dataclass
class Bridge:
    origin: Chain = field(default_factory=Chain)
    destination: Chain = field(default_factory=Chain)
    kept: Kept = field(default_factory=Kept)

    def finder(self) -> CauseFinder:
        return CauseFinder(self.kept, {ORIGIN: self.origin, DESTINATION: self.destination}, SystemClock())


async def kinds(finder: CauseFinder, leg: Leg = Leg.EXECUTE) -> list[CauseKind]:
    return [cause.kind for cause in (await finder.find(LATE, leg)).causes]


async def test_a_cancelled_look_leaves_no_question_behind() -> None:
    looking = asyncio.create_task(Bridge().finder().find(LATE, Leg.EXECUTE))
    await asyncio.sleep(0)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    gc.collect()  # a coroutine that nobody has awaited is reported here, which fails the test


async def test_each_chain_is_asked_what_stands_on_it() -> None:
    bridge = Bridge()
    bridge.origin.events = [SeenSideEvent(RelayerFeeIncreased(7, COIN), LATER)]
    bridge.destination.events = [SeenSideEvent(SlippageUpdated(500), LATER)]
    bridge.destination.pause = True
    assert set(await kinds(bridge.finder())) == {
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
    assert await kinds(bridge.finder()) == [CauseKind.RECONCILE_PENDING]


async def test_what_is_not_known_is_not_said() -> None:
    bridge = Bridge(Chain(events=None), Chain(pause=None, events=None))
    assert await kinds(bridge.finder()) == [CauseKind.RECONCILE_PENDING]


async def test_causes_of_late_executions_do_not_explain_late_reconciliations() -> None:
    bridge = Bridge()
    bridge.destination.pause = True
    finder = bridge.finder()
    assert (await finder.find(ARRIVED, Leg.RECONCILE)).causes == ()
    assert bridge.destination.asked == []


async def test_chains_out_of_sight_are_named() -> None:
    bridge = Bridge(origin=Chain(observed=False))
    (cause,) = (await bridge.finder().find(ARRIVED, Leg.RECONCILE)).causes
    assert (cause.kind, cause.facts) == (CauseKind.CHAIN_UNOBSERVED, {"domain": ORIGIN})


async def test_a_chain_that_hangs_costs_one_second_once() -> None:
    bridge = Bridge()
    bridge.destination.hangs = True
    bridge.origin.events = [SeenSideEvent(RelayerFeeIncreased(7, COIN), LATER)]
    finder = bridge.finder()
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
    assert CauseKind.RECONCILE_PENDING in await kinds(bridge.finder())


async def test_a_burst_asks_once_and_about_thirty_transfers() -> None:
    bridge = Bridge()
    finder = bridge.finder()
    await asyncio.gather(*(finder.find(LATE, Leg.EXECUTE) for _ in range(200)))
    assert bridge.destination.asked.count("paused") <= 2
    assert bridge.kept.asked <= 2
    assert len(bridge.origin.asked) in range(30, 33)


async def test_the_leg_about_to_be_alerted_about_counts_as_well() -> None:
    bridge = Bridge()
    bridge.kept.seen = RouterBids(21600, 1, 0)
    fresh = replace(LATE, xcalled=replace(LATE.xcalled, block=replace(LATE.xcalled.block, timestamp=2**40)))  # type: ignore[type-var,union-attr]
    bridge.origin.events = bridge.destination.events = None
    finder = CauseFinder(bridge.kept, {}, SystemClock())
    assert CauseKind.NO_ROUTER_BID in {cause.kind for cause in (await finder.find(fresh, Leg.EXECUTE)).causes}
    findings = await finder.find(fresh, Leg.EXECUTE, alerted=True)
    assert CauseKind.NO_ROUTER_BID not in {cause.kind for cause in findings.causes}


# --- while alerts are open, and at their end ---


def watch(bridge: Bridge, woken: list[str], every: float = 60) -> CauseWatch:
    kept = bridge.kept
    desk = desk_on(cast("AlertStore", kept), woken=lambda: woken.append("woken"))
    return CauseWatch(kept, kept, bridge.finder(), desk, SystemClock(), every=every)


async def test_a_later_cause_is_kept_and_wakes_nobody() -> None:
    bridge, woken = Bridge(), list[str]()
    bridge.kept.alerts = [transfer_alert(7)]
    async with running(watch(bridge, woken, every=0.01).run()):
        await until(lambda: bridge.kept.causes)
        bridge.destination.pause = True
        await until(lambda: CauseKind.PAUSED in {c.kind for c in bridge.kept.causes[transfer_alert(7).id]})
    assert woken == []


async def test_every_open_alert_gets_its_turn() -> None:
    bridge = Bridge()
    bridge.kept.alerts = [transfer_alert(number) for number in range(12)]
    async with running(watch(bridge, [], every=0.01).run()):
        await until(lambda: len(bridge.kept.causes) == 12)


ENDED = ResolveAlert.of_transfer(OVERDUE[Leg.EXECUTE], TRANSFER_ID, Resolution.EXECUTED)


async def test_an_end_wakes_delivery_after_a_last_look() -> None:
    bridge, woken = Bridge(), list[str]()
    bridge.destination.events = [SeenSideEvent(CalldataExecuted(success=False), LATER)]
    watch(bridge, woken).resolved([ENDED], [OPENED.id])
    assert woken == []
    await until(lambda: woken)
    assert [cause.kind for cause in bridge.kept.causes[OPENED.id]] == [CauseKind.CALLDATA_FAILED]


async def test_an_end_wakes_delivery_where_nothing_answers() -> None:
    bridge, woken = Bridge(), list[str]()
    bridge.origin.hangs = bridge.destination.hangs = True
    watch(bridge, woken).resolved([ENDED], [OPENED.id])
    await until(lambda: woken)


@pytest.mark.parametrize(
    ("effects", "changed"),
    [
        ([], ["deep_reorg:beta"]),
        ([ENDED], [OPENED.id, "deep_reorg:beta"]),
        ([ResolveAlert.of_transfer(OVERDUE[Leg.RECONCILE], TRANSFER_ID, Resolution.RECONCILED)], ["reconcile_overdue"]),
        ([ResolveAlert.of_transfer(OVERDUE[Leg.EXECUTE], TRANSFER_ID, Resolution.REORGED)], [OPENED.id]),
    ],
)
async def test_ends_without_a_cause_wake_delivery_at_once(effects: list[ResolveAlert], changed: list[str]) -> None:
    woken: list[str] = []
    watch(Bridge(), woken).resolved(effects, changed)
    assert woken == ["woken"]


async def test_a_burst_of_ends_wakes_delivery_at_once() -> None:
    bridge, woken = Bridge(), list[str]()
    ends = [
        ResolveAlert.of_transfer(EXECUTE_OVERDUE, TransferId(number.to_bytes(32)), Resolution.EXECUTED)
        for number in range(200)
    ]
    watch(bridge, woken).resolved(ends, [transfer_alert(number).id for number in range(200)])
    assert woken == ["woken"]
    await until(lambda: len(woken) == 2)
    assert len(bridge.kept.causes) == 5
