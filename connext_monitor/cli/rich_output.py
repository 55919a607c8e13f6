"""What commands print on a terminal: lines and tables in colour. Loads rich."""

import sys
from collections.abc import Iterable

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from connext_monitor.cli.cells import Cell, Columns, Printable, Styled, plain


def print_line(cell: Cell) -> None:
    """One line on stdout."""
    terminal().print(_text(cell), soft_wrap=True)


def print_table(columns: Columns) -> None:
    """Rows in columns on stdout, their long cells folded."""
    terminal().print(_table(columns))


def drawn(parts: Iterable[Printable]) -> Group:
    """Lines and tables as a terminal shows them, for a display that draws them again and again."""
    return Group(*(_table(part) if isinstance(part, Columns) else _text(part) for part in parts))


def terminal() -> Console:
    """Stdout as a terminal, on which nothing is read as markup; NO_COLOR is honoured."""
    return Console(file=sys.stdout, markup=False, emoji=False, highlight=False)


def _text(cell: Cell) -> Text:
    return Text(plain(cell), cell.style if isinstance(cell, Styled) else "")


def _table(columns: Columns) -> Table:
    headings = columns.headings
    table = Table(box=None, show_header=bool(headings), header_style="bold", padding=(0, 2, 0, 0))
    for number in range(max(map(len, (headings, *columns.rows)))):
        table.add_column(Text(headings[number]) if headings else "", overflow="fold")
    for row in columns.rows:
        table.add_row(*map(_text, row))
    return table
