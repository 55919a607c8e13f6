"""How long the event loop is held up, measured by how much a sleep oversleeps."""

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import NoReturn

from prometheus_client.core import HistogramMetricFamily, Metric

from connext_monitor.clock import Clock
from connext_monitor.reporting.metrics.families import PREFIX, SINCE_START, single
from connext_monitor.reporting.metrics.histogram import Histogram

_EVERY = 0.25
_KEPT = 60.0
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class LoopLag:
    """Measures while ``run`` runs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lags = Histogram(_BOUNDS)
        self._lately: deque[tuple[float, float]] = deque()

    async def run(self) -> NoReturn:
        """Measure four times a second until cancelled."""
        while True:
            began = self._clock.elapsed()
            await asyncio.sleep(_EVERY)
            now = self._clock.elapsed()
            self._measured(now, max(0.0, now - began - _EVERY))

    def families(self) -> Iterator[Metric]:
        """The measurements as they are now."""
        lags = HistogramMetricFamily(
            f"{PREFIX}loop_lag_seconds",
            f"How much later than requested the event loop woke a task, measured four times a second. {SINCE_START}",
            labels=(),
        )
        lags.add_metric((), self._lags.buckets(), self._lags.sum)
        yield lags
        longest = max((lag for _, lag in self._lately), default=0.0)
        yield single("loop_lag_max_seconds", "The longest such delay within the last minute.", longest)

    def _measured(self, at: float, lag: float) -> None:
        self._lags.observe(lag)
        self._lately.append((at, lag))
        while self._lately[0][0] < at - _KEPT:
            self._lately.popleft()
