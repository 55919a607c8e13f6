"""Makes alerts critical that have stood for too long, and tells them anew: a message that changes calls nobody."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import NoReturn, Protocol

import structlog

from connext_monitor.clock import Clock
from connext_monitor.core.alert import OVERDUE_KINDS, Alert, AlertKind
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId

_LOOK_EVERY = 5.0

log = structlog.get_logger()


class EscalationStore(Protocol):
    """Where open alerts stand."""

    async def open_alerts(self, kind: AlertKind) -> list[Alert]:
        """The open alerts of one kind."""
        ...

    async def escalate(self, alert_id: str, route: Callable[[Alert], Collection[str]], at: datetime) -> bool:
        """Make it critical and queue it anew, once; False where it has ended or was escalated before."""
        ...


class Escalation:
    """Escalates each leg's alert so many seconds after the leg was due; a leg without a time never is.

    ``latest`` is the time on a destination (Unix seconds): the later of our clock and of its newest block's.
    """

    def __init__(
        self,
        store: EscalationStore,
        after: Mapping[Leg, float],
        route: Callable[[Alert], Collection[str]],
        told: Callable[[], None],
        clock: Clock,
        latest: Callable[[DomainId], float],
        every: float = _LOOK_EVERY,
    ) -> None:
        self._store = store
        self._after = after
        self._route = route
        self._told = told
        self._clock = clock
        self._latest = latest
        self._every = every

    async def run(self) -> NoReturn:
        """Look now and then until cancelled."""
        while True:
            try:
                for leg, after in self._after.items():
                    for alert in await self._store.open_alerts(OVERDUE_KINDS[leg]):
                        await self._look_at(alert, after)
            except Exception:
                log.exception("escalation.failed")
            await asyncio.sleep(self._every)

    async def _look_at(self, alert: Alert, after: float) -> None:
        if alert.escalated_at is not None or self._now(alert) < int(alert.details["due_at"]) + after:
            return
        if await self._store.escalate(alert.id, self._route, self._clock.now()):
            log.warning("alert.escalated", alert=alert.id)
            self._told()

    def _now(self, alert: Alert) -> float:
        return self._latest(alert.pathway[1]) if alert.pathway else self._clock.now().timestamp()
