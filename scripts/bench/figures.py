"""How figures are printed beside what is aimed at."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured: the ``first`` time and ``later`` ones, in ``unit``.

    ``busy`` is how long a processor worked for each of them, in the same unit: on a machine with other work that is the
    steadier figure. The loop was ``late`` by so many ms at most. ``aim`` is the most that each time may be, or with
    ``least`` the least; None where nothing is aimed at.
    """

    what: str
    first: float
    later: Sequence[float] = ()
    busy: Sequence[float] = ()
    late: float | None = None
    aim: float | None = None
    unit: str = "ms"
    least: bool = False

    @property
    def verdict(self) -> str:
        """Whether it misses its aim, and whether only because other programs had the processors."""
        every = (self.first, *self.later)
        if self.aim is None or (min(every) >= self.aim if self.least else max(every) <= self.aim):
            return ""
        return "waited" if self.busy and max(self.busy) <= self.aim else "MISSED"

    def row(self) -> str:
        """One line of the table."""
        later = (_number(median(self.later)), _number(max(self.later))) if self.later else ("", "")
        busy = (_number(self.busy[0]), _number(median(self.busy[1:] or self.busy))) if self.busy else ("", "")
        late = "" if self.late is None else f"{self.late:.0f} ms"
        aim = "" if self.aim is None else f"{'>=' if self.least else '<='} {_number(self.aim)}"
        cells = (_number(self.first), *later, *busy, self.unit, late, aim, self.verdict)
        return f"{self.what:<58}" + "".join(f"{cell:>10}" for cell in cells)


_COLUMNS = ("first", "later", "longest", "CPU first", "CPU later", "", "loop late", "aim", "")
HEAD = f"{'':<58}" + "".join(f"{name:>10}" for name in _COLUMNS)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
