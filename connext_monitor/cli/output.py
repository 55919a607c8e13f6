"""What commands print: JSON, or text that a terminal shows as tables and a pipe gets as plain columns.

Much of it was written by strangers. Whatever does not print is shown as its escape, and nothing is read as markup.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import click
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.deadline import DeadlineState
from connext_monitor.core.documents.fields import encode
from connext_monitor.core.printable import escape

Cell = str | Text
Row = Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows in columns below their headings; () for none."""

    headings: Sequence[str]
    rows: Sequence[Row]


Part = Cell | Columns
"""What stands below one another: lines and tables."""

_DEADLINE_STYLES = {
    DeadlineState.MET: "green",
    DeadlineState.LATE: "yellow",
    DeadlineState.OVERDUE: "bold red",
    DeadlineState.UNOBSERVED: "magenta",
}
_SEVERITY_STYLES = {Severity.INFO: "blue", Severity.WARNING: "yellow", Severity.CRITICAL: "bold red"}


def json_option(command: click.decorators.FC) -> click.decorators.FC:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def print_json(document: object) -> None:
    """The document on stdout, indented."""
    click.echo(encode(document, indent=2))


def say(text: str) -> None:
    """A remark on stderr, which is no data."""
    click.echo(escape(text), err=True)


def print_line(text: Cell = "") -> None:
    """One line on stdout."""
    if sys.stdout.isatty():
        terminal().print(_text(text), soft_wrap=True)
    else:
        click.echo(_text(text).plain)


def print_heading(text: str) -> None:
    """A line that begins a part of the output."""
    print_line(styled(text, "bold"))


def print_table(headings: Sequence[str], rows: Iterable[Row]) -> None:
    """Rows in columns below their headings; () for none. On a terminal long cells are folded; nothing is ever cut."""
    cells = [[_text(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        terminal().print(_rich_table(headings, cells))
    else:
        for line in plain_lines([list(headings), *([cell.plain for cell in row] for row in cells)]):
            click.echo(line)


def print_parts(parts: Iterable[Part]) -> None:
    """Lines and tables on stdout."""
    for part in parts:
        if isinstance(part, Columns):
            print_table(part.headings, part.rows)
        else:
            print_line(part)


def drawn(parts: Iterable[Part]) -> Group:
    """Lines and tables as a terminal shows them, for a display that draws them again and again."""
    return Group(
        *(
            _rich_table(part.headings, [[_text(cell) for cell in row] for row in part.rows])
            if isinstance(part, Columns)
            else _text(part)
            for part in parts
        )
    )


def plain_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as lines, their columns aligned and two spaces apart."""
    filled = [row for row in rows if row]
    widths = [max(map(len, column)) for column in zip(*filled, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in filled]


def styled(text: str, style: str = "") -> Text:
    """Text in a colour or weight, where the terminal has any."""
    return Text(escape(text), style)


def yes_or_no(value: bool | None, *, unknown: str = "unknown") -> Text:
    """``yes`` in peace, ``no`` in alarm."""
    if value is None:
        return styled(unknown)
    return styled("yes", "green") if value else styled("no", "bold red")


def deadline_word(state: DeadlineState | None) -> Text:
    """The contract's word, or a dash."""
    return styled(state.value, _DEADLINE_STYLES.get(state, "")) if state else styled("-")


def severity_word(severity: Severity) -> Text:
    """The contract's word."""
    return styled(severity.value, _SEVERITY_STYLES[severity])


def size_words(size: int) -> str:
    """``1.5 GB``, ``12.3 MB`` or ``4 kB``; powers of 1000."""
    for unit, whole in (("GB", 10**9), ("MB", 10**6)):
        if size >= whole:
            return f"{size / whole:.1f} {unit}"
    return f"{-(-size // 1000)} kB"


def terminal() -> Console:
    """Stdout as a terminal, on which nothing is read as markup; NO_COLOR is honoured."""
    return Console(file=sys.stdout, markup=False, emoji=False, highlight=False)


def _text(cell: Cell) -> Text:
    return cell if isinstance(cell, Text) else Text(escape(cell))


def _rich_table(headings: Sequence[str], rows: Sequence[Sequence[Text]]) -> Table:
    table = Table(box=None, show_header=bool(headings), header_style="bold", padding=(0, 2, 0, 0))
    for place in range(max(map(len, (headings, *rows)))):
        table.add_column(Text(headings[place]) if headings else "", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
