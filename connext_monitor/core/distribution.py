"""How latencies are distributed, of many of which only those are put in order that percentiles are looked for among."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise

from connext_monitor.core.stats import BOUNDS, PERCENTS, LatencyPercentiles

_SECONDS = "q"
"""Eight bytes, as this machine writes them."""


def pack(took: Iterable[int]) -> bytes:
    """Latencies in seconds, in any order, as `Distribution.add_packed` takes them."""
    return array(_SECONDS, sorted(took)).tobytes()


class Distribution:
    """Latencies in whole seconds."""

    def __init__(self) -> None:
        self._loose: list[int] = []
        self._runs: list[Sequence[int]] = []
        """Each in order, the shortest first."""

    def add(self, took: Iterable[int]) -> None:
        """Add these, which are in no order."""
        self._loose.extend(took)

    def add_packed(self, packed: bytes) -> None:
        """Add what `pack` has made."""
        run = array(_SECONDS)
        run.frombytes(packed)
        self._runs.append(run)

    def percentiles(self) -> LatencyPercentiles:
        """As `core.stats.latency` gives them."""
        return self.summary()[0]

    def summary(self) -> tuple[LatencyPercentiles, tuple[int, ...]]:
        """The percentiles, as `core.stats.latency` gives them; how many are in each bucket of `BOUNDS`, and beyond."""
        runs = [*self._runs, sorted(self._loose)]
        ends = [[0, *(bisect_right(run, bound) for bound in BOUNDS), len(run)] for run in runs]
        below = [sum(column) for column in zip(*ends, strict=True)]
        histogram = tuple(end - before for before, end in pairwise(below))
        count = below[-1]
        if not count:
            return LatencyPercentiles(), histogram
        ranks = [-(-count * percent // 100) for percent in PERCENTS]
        return LatencyPercentiles(count, *(_at(rank, runs, ends, below) for rank in ranks)), histogram


def _at(rank: int, runs: Sequence[Sequence[int]], ends: Sequence[Sequence[int]], below: Sequence[int]) -> int:
    """The latency of this rank, counted from 1: it stands in the first bucket of the histogram that reaches so far."""
    bucket = bisect_left(below, rank) - 1
    inside = (run[its[bucket] : its[bucket + 1]] for run, its in zip(runs, ends, strict=True))
    return sorted(chain.from_iterable(inside))[rank - below[bucket] - 1]
