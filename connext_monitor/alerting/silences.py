"""Keeps to the silences that somebody has made, and tells at their end what still stands."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import NoReturn, Protocol

import structlog

from connext_monitor.clock import Clock
from connext_monitor.core.alert import Alert
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.silence import Silence

_LOOK_EVERY = 1.0

log = structlog.get_logger()


class SilenceStore(Protocol):
    """Where silences stand. They are made and ended early by other processes."""

    async def silences(self) -> list[Silence]:
        """Those whose end has not been dealt with, the oldest first."""
        ...

    async def every_open_alert(self) -> list[Alert]:
        """All open alerts, the oldest first."""
        ...

    async def end_silence(self, silence: Silence, tell: Mapping[str, Collection[str]], at: datetime) -> int:
        """Note that its end has been dealt with; queue those alerts (id → providers) that are still open.

        Where it is no ``ack``, only to those who have not been told. Returns how many messages were queued.
        """
        ...


class Silences:
    """The silences of now; `load` before anything is routed."""

    def __init__(self, store: SilenceStore, labels: ChainLabels, clock: Clock) -> None:
        self._store = store
        self._labels = labels
        self._clock = clock
        self._now: Sequence[Silence] = ()

    def cover(self, alert: Alert) -> bool:
        """Whether the alert is not to be told now."""
        return any(silence.covers(alert, self._labels) for silence in self._now)

    async def load(self) -> list[Silence]:
        """Read them; those that have come to their end."""
        known = await self._store.silences()
        now = self._clock.now()
        self._now = [silence for silence in known if silence.until > now]
        return [silence for silence in known if silence.until <= now]

    async def run(self, route: Callable[[Alert], Collection[str]], told: Callable[[], None]) -> NoReturn:
        """Keep up with them until cancelled; ``route`` says who is told of an alert now."""
        while True:
            try:
                for silence in await self.load():
                    await self._end(silence, route)
                    told()
            except Exception:
                log.exception("silences.failed")
            await asyncio.sleep(_LOOK_EVERY)

    async def _end(self, silence: Silence, route: Callable[[Alert], Collection[str]]) -> None:
        standing = [one for one in await self._store.every_open_alert() if silence.covers(one, self._labels)]
        count = await self._store.end_silence(silence, {one.id: route(one) for one in standing}, self._clock.now())
        log.info("silence.ended", silence=silence.id, open_alerts=len(standing), messages=count)
