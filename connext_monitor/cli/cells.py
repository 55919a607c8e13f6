"""Lines and tables to print, as values: what a terminal shows in colour, and a pipe gets as plain text."""

from collections.abc import Sequence

from connext_monitor.core.printable import escape
from connext_monitor.core.structs import struct


@struct(frozen=True, slots=True)
class Styled:
    """A text in a colour or weight, as rich calls it, where the terminal has any."""

    text: str
    style: str


Cell = str | Styled
Row = Sequence[Cell]


@struct(frozen=True, slots=True)
class Columns:
    """Rows in columns below their headings; () for none."""

    headings: Sequence[str]
    rows: Sequence[Row]


Printable = Cell | Columns
"""A line or a table, printed one below the other."""


def plain(cell: Cell) -> str:
    """The cell's text, what does not print in it escaped."""
    return escape(cell.text if isinstance(cell, Styled) else cell)
