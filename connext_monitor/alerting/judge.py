"""Judges the legs of one destination that are past due: asks it, and opens alerts about what is absent, many at once.

Each destination has a judge of its own, so that one that answers slowly delays no other.
"""

import asyncio
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn, Protocol, assert_never

import structlog

from connext_monitor.alerting.accusations import Accusations, Case, EndedAlerts, FindCauses
from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.alerting.chains import JudgedChain
from connext_monitor.alerting.judging_pace import JudgingPace
from connext_monitor.alerting.missing_events import MissingEvents
from connext_monitor.alerting.status_inquiry import StatusInquiry
from connext_monitor.alerting.waiting_legs import LegKey, WaitingLeg, WaitingLegs
from connext_monitor.clock import Clock
from connext_monitor.core.absence import Evidence, LegRuling
from connext_monitor.core.database_trouble import StoreUnavailable
from connext_monitor.core.deadline import Awaited, TransferWithDeadlines
from connext_monitor.core.events import DomainId, Timestamp, TransferId
from connext_monitor.core.hindrance import Hindrance, Obstacle, hindrance, origin_not_read
from connext_monitor.core.transfer import Transfer

_FAULT = Hindrance(Obstacle.FAULT, "an error in this program; see its log")

log = structlog.get_logger()


class EvidenceStore(EndedAlerts, Protocol):
    """What a judge reads."""

    async def transfers_by_id(self, ids: Collection[TransferId]) -> dict[TransferId, TransferWithDeadlines]:
        """Those of these transfers that are known, with their deadlines."""
        ...


class DestinationJudge:
    """The legs of one destination that are past due, until each is judged.

    ``alerted`` are the legs with an open alert, those of other judges too. ``arm`` awaits a leg until another deadline.
    """

    def __init__(
        self,
        store: EvidenceStore,
        chain: JudgedChain,
        origins: Mapping[DomainId, JudgedChain],
        alerted: set[LegKey],
        desk: AlertDesk,
        find_causes: FindCauses,
        arm: Callable[[Awaited], None],
        clock: Clock,
        pace: JudgingPace,
    ) -> None:
        self._store = store
        self._chain = chain
        self._origins = origins
        self._alerted = alerted
        self._arm = arm
        self._clock = clock
        self._pace = pace
        self._wake = asyncio.Event()
        self._legs = WaitingLegs(clock, self._wake)
        self._inquiry = StatusInquiry(chain, pace, clock)
        self._missing = MissingEvents(chain, self._legs, pace, self._failed)
        self._accusations = Accusations(store, desk, find_causes, pace, clock)
        self._in_turn = 0
        self._fault_logged_at = -math.inf
        self._watermark: Timestamp | None = None

    def __len__(self) -> int:
        return len(self._legs)

    def __contains__(self, key: LegKey) -> bool:
        return key in self._legs

    def take(self, awaited: Awaited) -> None:
        """A leg that is past due: the destination is to be covered past its deadline."""
        self._legs.add(awaited)
        self._chain.cover_past(awaited.due_at)

    def drop(self, key: LegKey) -> None:
        """It need not be judged any more."""
        self._legs.drop(key)

    def covered(self, watermark: Timestamp) -> None:
        """The destination is covered up to there."""
        self._watermark = watermark
        if self._legs:
            self._wake.set()

    @property
    def hindered(self) -> bool:
        """Whether a leg was to be judged and could not be."""
        return self._legs.hindrance is not None

    def hindrance(self, first_due: Timestamp) -> Hindrance:
        """What keeps legs from being judged, the first of which was due then."""
        watermark = self._watermark
        return hindrance(
            self._legs.hindrance,
            first_due,
            watermark,
            self._clock.now().timestamp(),
            reads_history=watermark is not None and self._chain.reads_history(watermark),
            asked_for=self._inquiry.asked_for,
            in_turn=self._in_turn,
            trouble=self._chain.trouble,
        )

    async def run(self) -> NoReturn:
        """Judge until cancelled."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                if self._inquiry.may_ask:
                    await self._judge_ready()
        finally:
            self._missing.cancel()

    async def _judge_ready(self) -> None:
        ready, fruitless = self._ready(), self._inquiry.fruitless
        if fruitless:
            # A different leg each time: it may be only about one leg that nobody answers.
            ready = sorted(ready, key=lambda leg: leg.unanswered)[:1]
        try:
            for start in range(0, len(ready), self._pace.judged_at_once):
                self._in_turn = len(ready) - start
                await self._judge(ready[start : start + self._pace.judged_at_once])
                if self._inquiry.fruitless > fruitless:
                    return
        finally:
            self._in_turn = 0
        if fruitless and ready:
            # There is an answer again, or that leg needed none: on with the others.
            self._wake.set()

    def _ready(self) -> list[WaitingLeg]:
        watermark = self._watermark or Timestamp(0)
        # What is late is alerted about once the chain has caught up, and nothing of what was late meanwhile.
        return [] if self._chain.reads_history(watermark) else self._legs.ready(watermark)

    async def _judge(self, part: Sequence[WaitingLeg]) -> None:
        try:
            await self._settle(part)
        except StoreUnavailable:
            # Nothing is wrong with these legs: they are judged as soon as the database works again.
            for leg in part:
                self._legs.postpone(leg, self._pace.ask_again)
        except Exception:  # noqa: BLE001 - logged as all faults in judging are
            if len(part) == 1:
                self._failed(part[0])
                return
            # One that cannot be judged must not keep the others from it.
            for leg in part:
                await self._judge([leg])

    def _failed(self, leg: WaitingLeg) -> None:
        """Called within an exception's handler."""
        now = self._clock.monotonic()
        # Thousands may fail in the same way: one traceback a minute says it.
        logged = now - self._fault_logged_at < self._pace.look_again
        self._fault_logged_at = self._fault_logged_at if logged else now
        transfer_id, kind = leg.key
        log.error("deadline.not_judged", transfer=f"0x{transfer_id.hex()}", leg=kind.value, exc_info=not logged)
        leg.hindrance = _FAULT
        self._legs.postpone(leg, self._pace.look_again)

    async def _settle(self, part: Sequence[WaitingLeg]) -> None:
        """Gather the evidence about these legs, and do what it calls for."""
        cases = await self._cases(part)
        await self._ask([case for case in cases if case.ruling is LegRuling.NOT_ANSWERED])
        await self._accusations.consider_ends([case for case in cases if case.ruling is LegRuling.ABSENT])
        at = self._clock.monotonic()
        for case in cases:
            self._carry_out(case, at)
        await self._accuse([case for case in cases if case.ruling is LegRuling.ABSENT])

    async def _cases(self, part: Sequence[WaitingLeg]) -> list[Case]:
        transfers = await self._store.transfers_by_id({leg.awaited.transfer_id for leg in part})
        return [Case(leg, self._evidence(leg, transfers.get(leg.awaited.transfer_id))) for leg in part]

    def _evidence(self, leg: WaitingLeg, stored: TransferWithDeadlines | None) -> Evidence:
        if stored is None:
            return Evidence(leg.awaited, None, None, self._watermark)
        origin_read = self._has_reread(stored.transfer, leg)
        return Evidence(leg.awaited, stored.transfer, stored.due, self._watermark, origin_read=origin_read)

    def _has_reread(self, transfer: Transfer, leg: WaitingLeg) -> bool:
        """Whether its origin would be known to have taken XCalled back before the leg was late."""
        origin, xcalled = self._origins.get(transfer.origin), transfer.xcalled
        leg.judged_since = min(leg.judged_since, self._clock.monotonic())
        return origin is None or xcalled is None or origin.has_reread(xcalled.block.number, leg.judged_since)

    def _origin_to_blame(self, case: Case, at: float) -> Hindrance | None:
        """Why a leg still waits for its origin; None before that may take too long."""
        transfer = case.evidence.transfer
        origin = None if transfer is None else self._origins.get(transfer.origin)
        if transfer is None or origin is None or at - case.leg.judged_since < self._pace.read_within:
            return None
        return origin_not_read(transfer.origin, origin.name, origin.trouble)

    async def _ask(self, cases: Sequence[Case]) -> None:
        for leg in (case.leg for case in cases):
            if leg.hindrance is not None and leg.hindrance.obstacle is Obstacle.ORIGIN_NOT_READ:
                leg.hindrance = None
        answers = await self._inquiry.ask([case.leg for case in cases])
        for case, answer in zip(cases, answers, strict=True):
            case.evidence = replace(case.evidence, answer=answer)

    def _carry_out(self, case: Case, at: float) -> None:
        """Do what the ruling calls for, at this instant; those that are absent are accused together."""
        leg, ruling = case.leg, case.ruling
        match ruling:
            case LegRuling.WITHDRAWN | LegRuling.ARRIVED:
                self._legs.drop(leg.key)
            case LegRuling.MOVED:
                self._legs.drop(leg.key)
                self._arm(_awaited_now(case))
            case LegRuling.NOT_COVERED | LegRuling.ABSENT:
                pass
            case LegRuling.ORIGIN_NOT_READ:
                leg.hindrance = self._origin_to_blame(case, at)
                self._legs.postpone(leg, self._pace.pause_until_read(leg.not_read), at)
                leg.not_read += 1
            case LegRuling.NOT_ANSWERED:
                self._legs.postpone(leg, self._inquiry.unanswered(leg))
            case LegRuling.EVENT_MISSING:
                self._missing.fetch(leg, case.evidence)
            case LegRuling.SETTLING:
                self._legs.postpone(leg, case.evidence.settles_for)
            case _:
                assert_never(ruling)

    async def _accuse(self, absent: Sequence[Case]) -> None:
        await self._accusations.open(absent)
        for case in absent:
            if self._legs.still_waits(case.leg):
                self._legs.drop(case.leg.key)
                self._alerted.add(case.leg.key)


def _awaited_now(case: Case) -> Awaited:
    """The leg as it is awaited now."""
    awaited = case.leg.awaited
    return Awaited(awaited.transfer_id, awaited.leg, case.evidence.due_at, awaited.destination)
