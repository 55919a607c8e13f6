"""Applies the silences that people have made; at the end of each, what is still open is delivered."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import NoReturn, Protocol

import structlog

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import look_every
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.silence import Silence
from connext_monitor.core.labels import ChainLabels

_LOOK_EVERY = 1.0
_CLOCK_MAY_SETTLE = 120.0
"""Seconds after a start for which silences stay in force while no chain agrees with the time of day."""

log = structlog.get_logger()


class SilenceStore(Protocol):
    """Where silences are kept. Other processes make them and end them early."""

    async def standing(self) -> list[Silence]:
        """Those whose end has not been dealt with, the oldest first."""
        ...

    async def redate(self, silence: Silence) -> None:
        """Store when it was made and when it ends, unless it has been cut short."""
        ...

    async def open_alerts(self) -> list[Alert]:
        """All open alerts, the oldest first."""
        ...

    async def end(self, silence: Silence, providers: Mapping[str, Collection[str]], at: datetime) -> int:
        """Note that its end has been dealt with; queue those alerts (id → providers) that are still open.

        Unless it is an ``ack``, only for providers that have not had them. Returns how many messages were queued.
        """
        ...


class ActiveSilences:
    """The silences in force; `load` before anything is routed.

    ``settled`` says whether the time of day can be relied on: after a start, a silence goes on until it can, though not
    for long.
    """

    def __init__(
        self,
        store: SilenceStore,
        labels: ChainLabels,
        clock: Clock,
        settled: Callable[[], bool] = lambda: True,
        every: float = _LOOK_EVERY,
    ) -> None:
        self._store = store
        self._labels = labels
        self._clock = clock
        self._settled = settled
        self._every = every
        self._began_at = clock.monotonic()
        self._known: frozenset[int] | None = None
        self._in_force: Sequence[Silence] = ()

    def cover(self, alert: Alert) -> bool:
        """Whether a silence keeps the alert from being delivered now."""
        return any(silence.covers(alert, self._labels) for silence in self._in_force)

    def acknowledge(self, alert: Alert) -> bool:
        """Whether somebody has marked this very alert as being dealt with."""
        return any(silence.ack and silence.subject == alert.id for silence in self._in_force)

    async def load(self) -> list[Silence]:
        """Read them from the store; returns those that have ended."""
        silences = [await self._redated(silence) for silence in await self._store.standing()]
        self._known = frozenset(silence.id for silence in silences)
        now, sure = self._clock.now(), self._is_sure()
        ended = {silence.id for silence in silences if silence.is_cut_short or (sure and silence.until <= now)}
        self._in_force = [silence for silence in silences if silence.id not in ended]
        return [silence for silence in silences if silence.id in ended]

    async def _redated(self, silence: Silence) -> Silence:
        """The silence with its end by our clock: it may have been made by a different one."""
        now, just_made = self._clock.now(), self._known is not None and silence.id not in self._known
        if silence.is_cut_short or not self._settled() or not silence.misdated(now, just_made=just_made):
            return silence
        redated = silence.made_now(now)
        await self._store.redate(redated)
        log.warning("silence.redated", silence=silence.id, until=redated.until.isoformat())
        return redated

    def _is_sure(self) -> bool:
        return self._settled() or self._clock.monotonic() - self._began_at >= _CLOCK_MAY_SETTLE

    async def run(self, desk: AlertDesk) -> NoReturn:
        """Keep up with them until cancelled; what a silence kept back is delivered through the desk at its end."""

        async def look() -> None:
            for silence in await self.load():
                await self._end(silence, desk)

        await look_every(self._every, look, failed="silences.failed")

    async def _end(self, silence: Silence, desk: AlertDesk) -> None:
        standing = [alert for alert in await self._store.open_alerts() if silence.covers(alert, self._labels)]
        providers = {alert.id: desk.route(alert) for alert in standing}
        queued = await self._store.end(silence, providers, self._clock.now())
        log.info("silence.ended", silence=silence.id, open_alerts=len(standing), messages=queued)
        desk.wake_delivery()
