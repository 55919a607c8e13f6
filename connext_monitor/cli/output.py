"""What commands print: JSON, or text that a terminal shows as tables and a pipe gets as plain columns.

Much of it was written by strangers. Whatever does not print is shown as its escape, and nothing is read as markup.
Rich is loaded for a terminal only: what reads a pipe does not wait for it.
"""

import sys
from collections.abc import Iterable, Sequence

import click

from connext_monitor.cli.cells import Cell, Columns, Printable, Row, Styled, plain
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.deadline import DeadlineState
from connext_monitor.core.documents.fields import encode
from connext_monitor.core.printable import escape

_DEADLINE_STYLES = {
    DeadlineState.MET: "green",
    DeadlineState.LATE: "yellow",
    DeadlineState.OVERDUE: "bold red",
    DeadlineState.UNOBSERVED: "magenta",
}
_SEVERITY_STYLES = {Severity.INFO: "blue", Severity.WARNING: "yellow", Severity.CRITICAL: "bold red"}


def print_json(document: object) -> None:
    """The document on stdout, indented."""
    click.echo(encode(document, indent=2))


def say(text: str) -> None:
    """A remark on stderr: it is not part of the data."""
    click.echo(escape(text), err=True)


def print_line(text: Cell = "") -> None:
    """One line on stdout."""
    if sys.stdout.isatty():
        from connext_monitor.cli import rich_output  # noqa: PLC0415 - as the module says

        rich_output.print_line(text)
    else:
        click.echo(plain(text))


def print_heading(text: str) -> None:
    """A heading in the output."""
    print_line(styled(text, "bold"))


def print_table(headings: Sequence[str], rows: Iterable[Row]) -> None:
    """Rows in columns below their headings; () for none. On a terminal long cells are folded; nothing is ever cut."""
    columns = Columns(headings, list(rows))
    if sys.stdout.isatty():
        from connext_monitor.cli import rich_output  # noqa: PLC0415 - as the module says

        rich_output.print_table(columns)
    else:
        for line in plain_lines([list(headings), *(list(map(plain, row)) for row in columns.rows)]):
            click.echo(line)


def print_parts(parts: Iterable[Printable]) -> None:
    """Lines and tables on stdout."""
    for part in parts:
        if isinstance(part, Columns):
            print_table(part.headings, part.rows)
        else:
            print_line(part)


def plain_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as lines, their columns aligned and two spaces apart."""
    filled = [row for row in rows if row]
    widths = [max(map(len, column)) for column in zip(*filled, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in filled]


def styled(text: str, style: str = "") -> Styled:
    """Text in a colour or weight, where the terminal has any."""
    return Styled(text, style)


def yes_or_no(value: bool | None) -> Styled:
    """A green ``yes``, a red ``no``."""
    if value is None:
        return styled("unknown")
    return styled("yes", "green") if value else styled("no", "bold red")


def deadline_word(state: DeadlineState | None) -> Styled:
    """The API's word, or a dash."""
    return styled(state.value, _DEADLINE_STYLES.get(state, "")) if state else styled("-")


def severity_word(severity: Severity) -> Styled:
    """The API's word."""
    return styled(severity.value, _SEVERITY_STYLES[severity])


def size_words(size: int) -> str:
    """``1.5 GB``, ``12.3 MB`` or ``4 kB``; powers of 1000."""
    for unit, whole in (("GB", 10**9), ("MB", 10**6)):
        if size >= whole:
            return f"{size / whole:.1f} {unit}"
    return f"{-(-size // 1000)} kB"
