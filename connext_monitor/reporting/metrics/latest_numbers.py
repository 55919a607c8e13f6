"""Numbers from the database for any number of scrapers: one look at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from connext_monitor.clock import Clock
from connext_monitor.core.stored_numbers import StoredNumbers

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LookTimes:
    """How often the database is read, and how long a scrape waits for that (Prometheus itself gives up after ten s).

    Numbers count as fresh for ``fresh_for`` seconds, and for ``rest`` times as long as it took to read them.
    """

    fresh_for: float = 5.0
    rest: float = 10.0
    wait: float = 2.0


USUAL_TIMES = LookTimes()


@dataclass(frozen=True, slots=True)
class Look:
    """One look: when it was begun (elapsed), and how many seconds it took."""

    numbers: StoredNumbers
    at: float
    took: float


class LatestNumbers:
    """Looks again when asked, but no more often than ``times`` says."""

    def __init__(
        self, look: Callable[[float], Awaitable[StoredNumbers]], clock: Clock, times: LookTimes = USUAL_TIMES
    ) -> None:
        self._look_at = look
        self._times = times
        self._clock = clock
        self._last: Look | None = None
        self._looking: asyncio.Task[None] | None = None
        self._closed = False
        self.readable = True
        """Whether the last look that ended was one."""

    async def get(self) -> Look | None:
        """The latest look; an older one where the next takes long or fails, None where there never was one."""
        last = self._last
        if self._closed or (last is not None and self._is_fresh(last)):
            return last
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="a look at the database's numbers")
        await asyncio.wait({self._looking}, timeout=self._times.wait)
        return self._last

    def _is_fresh(self, look: Look) -> bool:
        return self._clock.elapsed() - look.at < max(self._times.fresh_for, self._times.rest * look.took)

    async def aclose(self) -> None:
        """Cancel a look that is under way, and look no more: requests may outlive the database for a moment."""
        self._closed = True
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
