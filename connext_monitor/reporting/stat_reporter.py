"""Makes a report on statistics at the end of each period; of periods that were missed, only for the last."""

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from typing import NoReturn, Protocol

import structlog

from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import look_every
from connext_monitor.core.report import Report, is_due, period_end, report_of
from connext_monitor.core.stats import Window, WindowStats

_LONGEST_GRACE = 60.0
"""Seconds: blocks are read this often at rest, so by then everything in the period is known."""
_LONGEST_WAIT = 3600.0
"""Seconds that a report waits for blocks that a downtime left unread."""
_LONGEST_NAP = 60.0
_SHORT_NAP = 2.0

log = structlog.get_logger()


class StatisticsSource(Protocol):
    """Where the numbers come from."""

    async def over(self, window: Window) -> WindowStats:
        """All statistics of a window."""
        ...


class ReportStore(Protocol):
    """Where reports are stored for delivery."""

    async def last(self, now: float) -> int | None:
        """When the last period ended, no later than now, that was dealt with (Unix seconds)."""
        ...

    async def begin(self, until: int, at: datetime) -> None:
        """Note that reports begin with the period after this instant."""
        ...

    async def add(self, report: Report, providers: Collection[str], at: datetime) -> None:
        """Store a report for delivery by these providers."""
        ...


class StatReporter:
    """A report ``every`` so long to these ``providers``; None: never.

    After a downtime, or while a connection is lost, what happened in the period is still to be read: the report waits
    until all chains are ``caught_up`` and the time of day is ``settled``, though not for ever. A report on a period
    that is still to come was made while the clock was ahead, and counts for nothing.
    """

    def __init__(
        self,
        statistics: StatisticsSource,
        store: ReportStore,
        every: timedelta | None,
        providers: Collection[str],
        caught_up: Callable[[], bool],
        wake_delivery: Callable[[], None],
        clock: Clock,
        settled: Callable[[], bool] = lambda: True,
        longest_nap: float = _LONGEST_NAP,
    ) -> None:
        self._settled = settled
        self._longest_nap = longest_nap
        self._began_at = clock.monotonic()
        self._statistics = statistics
        self._store = store
        self._every = every.total_seconds() if every else None
        self._providers = providers
        self._caught_up = caught_up
        self._wake_delivery = wake_delivery
        self._clock = clock
        self._waits_since: float | None = None

    async def run(self) -> NoReturn:
        """Report until cancelled."""
        if self._every is None:
            await asyncio.get_running_loop().create_future()
        await look_every(self._longest_nap, partial(self._look, self._every or 0.0), failed="report.failed")

    async def _look(self, every: float) -> float:
        """Seconds to the next look, not many: the time of day may be set meanwhile."""
        now, grace = self._clock.now(), min(_LONGEST_GRACE, every / 4)
        await self._report(now, every, grace)
        wait = period_end(now.timestamp() - grace, every) + every + grace - now.timestamp()
        if self._waits_since is not None or self._clock_may_settle(every):
            wait = min(wait, _SHORT_NAP)
        return max(0.01, min(wait, self._longest_nap))

    async def _report(self, now: datetime, every: float, grace: float) -> None:
        last = await self._store.last(now.timestamp())
        if last is None:
            # A new monitor has no whole period behind it.
            await self._store.begin(period_end(now.timestamp(), every), now)
            return
        until = is_due(last, now.timestamp(), every, grace)
        if until is None or self._clock_may_settle(every) or self._is_to_wait(min(_LONGEST_WAIT, every / 4)):
            return
        length = until - period_end(until - 1, every)
        stats = await self._statistics.over(Window(until - length, until))
        before = await self._statistics.over(Window(until - 2 * length, until - length))
        report = report_of(stats.stats, before.stats)
        await self._store.add(report, self._providers, now)
        log.info("report.made", until=until, pathways=len(report.pathways), providers=sorted(self._providers))
        self._wake_delivery()

    def _clock_may_settle(self, every: float) -> bool:
        """Whether a chain may still agree with the time of day, or show that it is wrong."""
        return not self._settled() and self._clock.monotonic() - self._began_at < min(_LONGEST_WAIT, every / 4)

    def _is_to_wait(self, longest: float) -> bool:
        """Whether blocks are still to be read, and have been waited for less than so long (seconds)."""
        now = self._clock.monotonic()
        since = now if self._waits_since is None else self._waits_since
        waits = not self._caught_up() and now - since < longest
        self._waits_since = since if waits else None
        return waits
