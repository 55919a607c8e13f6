"""Keeps what is known of the causes with the alerts: while they are open, and when they end.

What is found after an alert has opened goes out with its next change; it does not page anyone.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import NoReturn, Protocol

import structlog

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.alerting.causes import CauseFinder
from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import StepFailures, look_every
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.cause import Cause, Findings, merged
from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE, LEG_OF
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.deadline import Leg, TransferWithDeadlines
from connext_monitor.core.events import TransferId
from connext_monitor.core.leg_effects import Effect

_LOOK_EVERY = 60.0
_ALERTS_PER_LOOK = 5

log = structlog.get_logger()


class TransferSource(Protocol):
    """Where transfers are stored."""

    async def by_id(self, transfer_id: TransferId) -> TransferWithDeadlines | None:
        """One transfer with its deadlines."""
        ...


class CauseStore(Protocol):
    """Where causes are kept."""

    async def change(self, alert_id: str, decide: Callable[[tuple[Cause, ...]], tuple[Cause, ...]]) -> bool:
        """Keep what ``decide`` makes of an alert's causes; False where that is nothing new."""
        ...


class CauseWatch:
    """Looks again at what is late, and once more at what has arrived."""

    def __init__(
        self,
        transfers: TransferSource,
        store: CauseStore,
        finder: CauseFinder,
        desk: AlertDesk,
        clock: Clock,
        every: float = _LOOK_EVERY,
    ) -> None:
        self._transfers = transfers
        self._store = store
        self._finder = finder
        self._desk = desk
        self._clock = clock
        self._every = every
        self._looked_at: dict[str, float] = {}
        self._closing_looks: set[asyncio.Task[None]] = set()
        self._failures = StepFailures("causes.not_looked_for")

    def resolved(self, effects: Iterable[Effect], changed: Collection[str]) -> None:
        """Alerts have changed: wake delivery at once, or after a second's look at what had kept the executed ones."""
        executed = {
            effect.alert_id: effect.transfer_id
            for effect in effects
            if isinstance(effect, ResolveAlert)
            and effect.resolution is Resolution.EXECUTED
            and effect.transfer_id is not None
        }
        arrived = [executed[alert_id] for alert_id in changed if alert_id in executed]
        if len(arrived) < len(changed) or len(arrived) > _ALERTS_PER_LOOK:
            self._desk.wake_delivery()
        if arrived:
            look = self._look_at_ends(arrived[:_ALERTS_PER_LOOK])
            task = asyncio.create_task(look, name="what kept those that arrived")
            self._closing_looks.add(task)
            task.add_done_callback(self._closing_looks.discard)

    async def run(self) -> NoReturn:
        """Look again now and then at what is late, until cancelled."""
        try:
            await look_every(self._every, self._look, failed="causes.not_looked_for", first_after=self._every)
        finally:
            for task in self._closing_looks:
                task.cancel()

    async def _look_at_ends(self, arrived: Iterable[TransferId]) -> None:
        try:
            with self._failures.survive("ends"):
                await asyncio.gather(*map(self._look_at_end, arrived))
        finally:
            self._desk.wake_delivery()

    async def _look_at_end(self, transfer_id: TransferId) -> None:
        stored = await self._transfers.by_id(transfer_id)
        if stored is not None:
            await self._keep(EXECUTE_OVERDUE.alert_id(transfer_id), await self._finder.side_findings(stored.transfer))

    async def _look(self) -> None:
        """At those open alerts that have not been looked at for longest."""
        alerts = await self._desk.open_alerts(*LEG_OF)
        self._looked_at = {alert.id: self._looked_at.get(alert.id, 0.0) for alert in alerts}
        alerts.sort(key=lambda alert: (self._looked_at[alert.id], LEG_OF[alert.kind] is Leg.RECONCILE))
        for alert in alerts[:_ALERTS_PER_LOOK]:
            self._looked_at[alert.id] = self._clock.monotonic()
            with self._failures.survive(alert.id):
                await self._look_again(alert, LEG_OF[alert.kind])

    async def _look_again(self, alert: Alert, leg: Leg) -> None:
        stored = await self._transfers.by_id(alert.transfer_id) if alert.transfer_id else None
        if stored is None:
            return
        findings = await self._finder.find(stored.transfer, leg, known=alert.causes)
        if merged(alert.causes, findings) != alert.causes:
            await self._keep(alert.id, findings)

    async def _keep(self, alert_id: str, findings: Findings) -> None:
        if await self._store.change(alert_id, lambda known: merged(known, findings)):
            log.info("alert.cause_found", alert=alert_id, causes=[cause.kind.value for cause in findings.causes])
