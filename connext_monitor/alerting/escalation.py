"""Makes alerts critical that stay open for too long, and delivers them again: an edited message pages nobody."""

from collections.abc import Callable, Mapping
from typing import NoReturn

import structlog

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import look_every
from connext_monitor.core.alerts.alert import Alert, AlertKind
from connext_monitor.core.alerts.kinds.overdue import OVERDUE
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId

_LOOK_EVERY = 5.0

log = structlog.get_logger()


class Escalation:
    """Escalates each leg's alert so many seconds ``after`` the leg was due; legs not in there, never.

    ``latest`` is the time on a destination (Unix seconds): the later of our clock and of its newest block's.
    """

    def __init__(
        self,
        desk: AlertDesk,
        after: Mapping[Leg, float],
        clock: Clock,
        latest: Callable[[DomainId], float],
        every: float = _LOOK_EVERY,
    ) -> None:
        self._desk = desk
        self._after = after
        self._clock = clock
        self._latest = latest
        self._every = every

    async def run(self) -> NoReturn:
        """Look now and then until cancelled."""
        await look_every(self._every, self._look, failed="escalation.failed")

    async def _look(self) -> None:
        after: dict[AlertKind, float] = {OVERDUE[leg]: seconds for leg, seconds in self._after.items()}
        for alert in await self._desk.open_alerts(*after) if after else ():
            await self._look_at(alert, after[alert.kind])

    async def _look_at(self, alert: Alert, after: float) -> None:
        due_at = alert.details.due_at
        if due_at is None or alert.escalated_at is not None or self._now(alert) < due_at + after:
            return
        if await self._desk.escalate(alert):
            log.warning("alert.escalated", alert=alert.id)

    def _now(self, alert: Alert) -> float:
        return self._latest(alert.pathway[1]) if alert.pathway else self._clock.now().timestamp()
