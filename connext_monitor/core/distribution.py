"""How latencies are distributed, of many of which most are in order, and are not put in order with the others."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise, repeat

from connext_monitor.core.stats import BOUNDS, PERCENTS, LatencyPercentiles, latency

_NARROW = (("H", 1 << 16), ("I", 1 << 32))
"""Of what is below, and not negative; as this machine writes them."""
_WIDE = "q"
_COUNT = "I"
_LATENCIES_FROM = 1 + len(BOUNDS) * array(_COUNT).itemsize


def pack(took: Iterable[int]) -> bytes:
    """Latencies in seconds, in any order, as `Distribution.add_packed` takes them.

    How wide each is, how many there are up to each of `BOUNDS`, and all of them, the shortest first.
    """
    run = sorted(took)
    shortest, longest = (run[0], run[-1]) if run else (0, 0)
    width = next((width for width, limit in _NARROW if shortest >= 0 and longest < limit), _WIDE)
    return width.encode() + array(_COUNT, _below(run)).tobytes() + array(width, run).tobytes()


class Distribution:
    """Latencies in whole seconds."""

    def __init__(self) -> None:
        self._loose: list[int] = []
        self._runs: list[Sequence[int]] = []
        """Each in order, the shortest first."""
        self._below: list[Sequence[int]] = []
        """Of each of them, how many are up to each of `BOUNDS`."""

    def add(self, took: Iterable[int]) -> None:
        """Add these, which are in no order."""
        self._loose.extend(took)

    def add_packed(self, packed: bytes) -> None:
        """Add what `pack` has made."""
        run, below = array(chr(packed[0])), array(_COUNT)
        below.frombytes(packed[1:_LATENCIES_FROM])
        run.frombytes(packed[_LATENCIES_FROM:])
        self._runs.append(run)
        self._below.append(below)

    def summary(self) -> tuple[LatencyPercentiles, tuple[int, ...]]:
        """The percentiles, as `core.stats.latency` gives them; how many are in each bucket of `BOUNDS`, and beyond."""
        loose = sorted(self._loose)
        runs = [*self._runs, loose]
        below = [0, *map(sum, zip(*self._below, _below(loose), strict=True)), sum(map(len, runs))]
        histogram = tuple(end - before for before, end in pairwise(below))
        return _percentiles(runs, below) if self._runs else latency(loose), histogram


def _below(run: Sequence[int]) -> list[int]:
    return [bisect_right(run, bound) for bound in BOUNDS]


def _up_to(longest: int, runs: Sequence[Sequence[int]]) -> int:
    """How many are no longer."""
    return sum(map(bisect_right, runs, repeat(longest)))


def _percentiles(runs: Sequence[Sequence[int]], below: Sequence[int]) -> LatencyPercentiles:
    """Each is the first latency up to which there are enough, within the bucket that first reaches so far."""
    count = below[-1]
    if not count:
        return LatencyPercentiles()
    edges = (min(run[0] for run in runs if run) - 1, *BOUNDS, max(run[-1] for run in runs if run))
    ranks = [-(-count * percent // 100) for percent in PERCENTS]
    buckets = [bisect_left(below, rank) for rank in ranks]
    within = [range(edges[bucket - 1] + 1, edges[bucket] + 1) for bucket in buckets]
    return LatencyPercentiles(
        count,
        *(
            values[bisect_left(values, rank, key=lambda took: _up_to(took, runs))]
            for rank, values in zip(ranks, within, strict=True)
        ),
    )
