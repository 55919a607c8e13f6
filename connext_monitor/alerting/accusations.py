"""Opens the alerts about legs whose absence is established, with what can be said of the cause."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.alerting.judging_pace import JudgingPace
from connext_monitor.alerting.waiting_legs import WaitingLeg
from connext_monitor.clock import Clock
from connext_monitor.core.absence import Evidence, LegRuling, rule
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.cause import Cause
from connext_monitor.core.alerts.kinds.overdue import OVERDUE, OverdueDetails
from connext_monitor.core.deadline import Leg, TransferWithDeadlines
from connext_monitor.core.transfer import Transfer

FindCauses = Callable[[Transfer, Leg], Awaitable[tuple[Cause, ...]]]
"""Finds out within a second what an alert can say beyond the bare facts."""

_MOMENT = 0.1

log = structlog.get_logger()


class EndedAlerts(Protocol):
    """Knows which alerts have ended."""

    async def resolved_since(self, alert_ids: Collection[str], since: datetime) -> dict[str, datetime]:
        """Those of these alerts that were resolved since then, with when that was."""
        ...


@dataclass(slots=True)
class Case:
    """A leg that is being judged, with the evidence so far."""

    leg: WaitingLeg
    evidence: Evidence
    causes: tuple[Cause, ...] = ()

    @property
    def ruling(self) -> LegRuling:
        """What is to be done about it."""
        return rule(self.evidence)

    @property
    def alert_id(self) -> str:
        """The id of the alert that it would be."""
        awaited = self.leg.awaited
        return OVERDUE[awaited.leg].alert_id(awaited.transfer_id)


class Accusations:
    """Opens overdue alerts, many in one transaction."""

    def __init__(
        self, ended: EndedAlerts, desk: AlertDesk, find_causes: FindCauses, pace: JudgingPace, clock: Clock
    ) -> None:
        self._ended = ended
        self._desk = desk
        self._find_causes = find_causes
        self._pace = pace
        self._clock = clock

    async def consider_ends(self, cases: Sequence[Case]) -> None:
        """Add to the evidence for how long each leg's alert, where it has just ended, is still to settle."""
        if not cases:
            return
        now = self._clock.now()
        since = now - timedelta(seconds=self._pace.settles)
        ended = await self._ended.resolved_since([case.alert_id for case in cases], since)
        for case in cases:
            at = ended.get(case.alert_id)
            # What ended in the future did so before the clock was set back: nothing waits for that.
            if at is not None and at <= now:
                settles_for = self._pace.settles - (now - at).total_seconds() + _MOMENT
                case.evidence = replace(case.evidence, settles_for=settles_for)

    async def open(self, cases: Sequence[Case]) -> None:
        """Open the alerts of these, each of which is decided once more within the transaction."""
        if not cases:
            return
        await asyncio.gather(*map(self._add_causes, cases))
        at = self._clock.now()
        due_at = {case.alert_id: case.evidence.due_at for case in cases}
        decisions = [(case.leg.awaited.transfer_id, partial(_accusation, case, at)) for case in cases]
        for alert in await self._desk.open_decided(decisions):
            log.warning("alert.opened", alert=alert.id, late_by=round(at.timestamp() - due_at[alert.id], 3))

    async def _add_causes(self, case: Case) -> None:
        # An alert never waits for a cause that is not known in time.
        if case.evidence.transfer is None:
            return
        try:
            async with asyncio.timeout(self._pace.causes_within):
                case.causes = await self._find_causes(case.evidence.transfer, case.leg.awaited.leg)
        except TimeoutError:
            log.warning("alert.causes_not_found", alert=case.alert_id, within=self._pace.causes_within)
        except Exception:
            log.exception("alert.causes_not_found", alert=case.alert_id)


def _accusation(case: Case, at: datetime, stored: TransferWithDeadlines | None) -> Alert | None:
    """On what stands within the transaction: the leg may have arrived meanwhile, or XCalled may be gone."""
    if stored is None:
        return None
    evidence = replace(case.evidence, transfer=stored.transfer, due=stored.due)
    if rule(evidence) is not LegRuling.ABSENT:
        return None
    transfer, awaited = stored.transfer, case.leg.awaited
    details = OverdueDetails(due_at=evidence.due_at, origin=transfer.origin, destination=transfer.destination)
    return OVERDUE[awaited.leg].open(awaited.transfer_id, at, details, case.causes)
