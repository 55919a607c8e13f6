"""How latencies are distributed, of many of which most are in order, and are not put in order with the others."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise, repeat

from connext_monitor.core.stats import BOUNDS, PERCENTS, LatencyPercentiles, latency

_NARROW = (("H", 1 << 16), ("I", 1 << 32))
"""Of what is below, and not negative; as this machine writes them."""
_WIDE = "q"


def pack(took: Iterable[int]) -> bytes:
    """Latencies in seconds, in any order, as `Distribution.add_packed` takes them."""
    run = sorted(took)
    shortest, longest = (run[0], run[-1]) if run else (0, 0)
    kind = next((kind for kind, limit in _NARROW if shortest >= 0 and longest < limit), _WIDE)
    return kind.encode() + array(kind, run).tobytes()


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
        run = array(chr(packed[0]))
        run.frombytes(packed[1:])
        self._runs.append(run)

    def summary(self) -> tuple[LatencyPercentiles, tuple[int, ...]]:
        """The percentiles, as `core.stats.latency` gives them; how many are in each bucket of `BOUNDS`, and beyond."""
        runs = [*self._runs, sorted(self._loose)]
        below = [0, *(_up_to(bound, runs) for bound in BOUNDS), sum(map(len, runs))]
        histogram = tuple(end - before for before, end in pairwise(below))
        return latency(runs[0]) if len(runs) == 1 else _percentiles(runs, below), histogram


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
