"""Ends the alerts about changes of a bridge: nothing that happens on a chain does."""

import asyncio
from collections.abc import Callable
from typing import NoReturn

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import look_every
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.kinds.bridge_changed import BRIDGE_CHANGED
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.bridge_effects import NOTED_AFTER

_LOOK_EVERY = 5.0
_REST = 3600.0
"""Seconds between two looks while none is open, unless one opens."""


class ChangeWatch:
    """Ends them as soon as somebody acknowledges them, and after a day in any case."""

    def __init__(
        self, desk: AlertDesk, acknowledged: Callable[[Alert], bool], clock: Clock, every: float = _LOOK_EVERY
    ) -> None:
        self._desk = desk
        self._acknowledged = acknowledged
        self._clock = clock
        self._every = every
        self._wake = asyncio.Event()
        desk.on_change(self._wake.set)

    async def run(self) -> NoReturn:
        """Watch until cancelled."""
        await look_every(self._every, self._look, failed="change_watch.failed", woken=self._wake)

    async def _look(self) -> float:
        """Seconds to the next look."""
        standing = await self._desk.open_alerts(BRIDGE_CHANGED)
        for alert in standing:
            ending = self._ending(alert)
            if ending is not None:
                await self._desk.resolve(alert, ending)
        return self._every if standing else _REST

    def _ending(self, alert: Alert) -> Resolution | None:
        if self._acknowledged(alert):
            return Resolution.ACKNOWLEDGED
        over = (self._clock.now() - alert.opened_at).total_seconds() >= NOTED_AFTER
        return Resolution.NOTED if over else None
