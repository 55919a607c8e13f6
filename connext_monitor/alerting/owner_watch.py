"""Says that another instance has the work now, and ends that once it has had it for a while."""

from typing import NoReturn

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import look_every
from connext_monitor.core.alerts.kinds.owner_changed import NOTED_AFTER, OWNER_CHANGED, SUBJECT, OwnerChangedDetails
from connext_monitor.core.alerts.resolution import Resolution

_LOOK_EVERY = 60.0


class OwnerWatch:
    """Opens `owner_changed` once, at the beginning of a term, if another instance held the one before."""

    def __init__(
        self, desk: AlertDesk, change: OwnerChangedDetails | None, clock: Clock, every: float = _LOOK_EVERY
    ) -> None:
        self._desk = desk
        self._change = change
        self._clock = clock
        self._every = every

    async def run(self) -> NoReturn:
        """Watch until cancelled."""
        await look_every(self._every, self._look, failed="owner_watch.failed")

    async def _look(self) -> None:
        for alert in await self._desk.open_alerts(OWNER_CHANGED):
            lasted = (self._clock.now() - alert.opened_at).total_seconds()
            if self._change is not None or lasted >= NOTED_AFTER:
                await self._desk.resolve(alert, Resolution.NOTED)
        if self._change is not None:
            await self._desk.open(OWNER_CHANGED.open(SUBJECT, self._clock.now(), self._change))
            self._change = None
