"""The database's numbers for whoever asks, however often and from however many places: one look at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from connext_monitor.clock import Clock
from connext_monitor.core.stored_numbers import StoredNumbers

_FRESH_FOR = 5.0
_REST = 10.0
"""A look that took long is followed by so many times as long without one."""
_PATIENCE = 2.0
"""Seconds that a scrape waits for a look: Prometheus itself gives up after ten."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Look:
    """One look: when it was begun (elapsed), and how many seconds it took."""

    numbers: StoredNumbers
    at: float
    took: float


class LatestNumbers:
    """Looks again when asked, but no sooner than five seconds after the last look, nor than it took ten times over."""

    def __init__(self, look: Callable[[float], Awaitable[StoredNumbers]], clock: Clock) -> None:
        self._look_at = look
        self._clock = clock
        self._last: Look | None = None
        self._looking: asyncio.Task[None] | None = None
        self.readable = True
        """Whether the last look that ended was one."""

    async def get(self) -> Look | None:
        """The latest look; an older one where the next takes long or fails, None where there never was one."""
        last = self._last
        if last is not None and self._clock.elapsed() - last.at < max(_FRESH_FOR, _REST * last.took):
            return last
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="a look at the database's numbers")
        await asyncio.wait({self._looking}, timeout=_PATIENCE)
        return self._last

    async def aclose(self) -> None:
        """End a look that is under way."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})

    async def _look(self) -> None:
        began = self._clock.elapsed()
        try:
            numbers = await self._look_at(self._clock.now().timestamp())
        except Exception:
            if self.readable:
                log.exception("the database could not be read for the metrics")
            self.readable = False
        else:
            self._last = Look(numbers, began, self._clock.elapsed() - began)
            self.readable = True
