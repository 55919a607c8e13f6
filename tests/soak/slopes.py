"""How fast something grows: straight lines through samples by least squares."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Slope:
    """Growth of y for each unit of x, and the standard error of that; ``points`` is how many samples say so."""

    growth: float
    error: float
    points: int

    def times(self, factor: float) -> "Slope":
        """The same in other units."""
        return Slope(self.growth * factor, self.error * factor, self.points)


def slope(points: Iterable[Point]) -> Slope | None:
    """Of the line through these; None where they do not determine one."""
    return common_slope([list(points)])


def common_slope(groups: Sequence[Sequence[Point]]) -> Slope | None:
    """Of parallel lines, one through each group: each life of a process may begin at a height of its own.

    None where the points do not determine it.
    """
    centred = [point for group in groups for point in _centred(group)]
    spread = sum(x * x for x, _ in centred)
    free = len(centred) - sum(map(bool, groups)) - 1
    if free < 1 or spread == 0:
        return None
    growth = sum(x * y for x, y in centred) / spread
    residual = sum((y - growth * x) ** 2 for x, y in centred)
    return Slope(growth, sqrt(residual / free / spread), len(centred))


def _centred(group: Sequence[Point]) -> list[Point]:
    """The points around their middle."""
    if not group:
        return []
    middle_x = sum(x for x, _ in group) / len(group)
    middle_y = sum(y for _, y in group) / len(group)
    return [(x - middle_x, y - middle_y) for x, y in group]
