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
        count = sum(map(len, runs))
        below = [0, *(_up_to(bound, runs) for bound in BOUNDS), count]
        return _percentiles(count, runs), tuple(end - before for before, end in pairwise(below))


def _up_to(longest: int, runs: Sequence[Sequence[int]]) -> int:
    """How many are no longer."""
    return sum(map(bisect_right, runs, repeat(longest)))


def _percentiles(count: int, runs: Sequence[Sequence[int]]) -> LatencyPercentiles:
    if len(runs) == 1:
        return latency(runs[0])
    if not count:
        return LatencyPercentiles()
    shortest, longest = min(run[0] for run in runs if run), max(run[-1] for run in runs if run)
    every = range(shortest, longest + 1)
    ranks = (-(-count * percent // 100) for percent in PERCENTS)
    return LatencyPercentiles(
        count, *(every[bisect_left(every, rank, key=lambda took: _up_to(took, runs))] for rank in ranks)
    )
