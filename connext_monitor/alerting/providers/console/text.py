"""What the console provider prints: literal text in colours, made with rich, which is loaded only to print."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from textwrap import wrap
from typing import Any, cast

from rich.console import Console
from rich.text import Text

from connext_monitor.alerting.providers.wording import badges, fit, has_date, one_line, web_links
from connext_monitor.core.alerts.message import Instant, Message
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.words import duration_words

_LONGEST_LINE = 2000
_WIDEST = 100
_COLUMN = 11
# What our own texts hold beyond ASCII, for a stdout that cannot show it.
_ASCII = str.maketrans({"▌": "|", "→": "->", "·": "-", "…": "...", "—": "-"})
_RESOLVED = "green"
_COLOURS = {Severity.INFO: "blue", Severity.WARNING: "yellow", Severity.CRITICAL: "red"}


def alert_text(message: Message, now: datetime, width: int = 80, zone: tzinfo | None = None) -> Text:
    """The whole alert, with an empty line after it; times in ``zone``, by default the machine's own.

    Sentences are wrapped to ``width`` columns; ids and links are left whole, to be copied.

    Made of literal text and styles: nothing in the message is read as markup, and what does not print is escaped.
    """
    colour = _RESOLVED if message.resolved else _COLOURS[message.severity]
    sentences = wrap(fit(one_line(message.text), _LONGEST_LINE), min(width, _WIDEST) - 2, break_long_words=False)
    lines = [_head(message, colour), *map(Text, sentences), *_facts(message, now, zone)]
    return Text("\n").join([Text().append("▌ ", style=colour).append(line) for line in lines] + [Text()])


def time_words(timestamp: int, now: datetime, zone: tzinfo | None = None) -> str:
    """``2026-07-30 12:00:03 CEST (UTC+02:00), 5 min ago``; just the number if that is not a date."""
    if not has_date(timestamp):
        return f"Unix time {timestamp}"
    try:
        local = datetime.fromtimestamp(timestamp, UTC).astimezone(zone)
    except (OverflowError, ValueError, OSError):  # the last hours of the year 9999, east of Greenwich
        return f"Unix time {timestamp}"
    distance = now.timestamp() - timestamp
    apart = f"{duration_words(distance)} ago" if distance >= 0 else f"in {duration_words(-distance)}"
    return f"{local:%Y-%m-%d %H:%M:%S} {_zone_words(local)}, {apart}"


def _zone_words(local: datetime) -> str:
    offset = local.utcoffset() or timedelta()
    minutes = round(offset.total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    number = f"UTC{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    name = local.tzname() or ""
    if name == "UTC":
        return name
    # Zones without a name of their own already go by their offset.
    return number if name[:1] in {"", "+", "-"} or name.startswith("UTC") else f"{name} ({number})"


def _head(message: Message, colour: str) -> Text:
    head = Text()
    for badge in badges(message):
        head.append(f" {badge} ", style=f"bold reverse {'magenta' if badge == 'DRILL' else colour}").append(" ")
    return head.append(fit(one_line(message.title), _LONGEST_LINE), style="bold")


def _facts(message: Message, now: datetime, zone: tzinfo | None) -> Iterator[Text]:
    for field in message.fields:
        value = time_words(field.value.timestamp, now, zone) if isinstance(field.value, Instant) else field.value
        yield _row(field.name, value)
    for link in web_links(message.links):
        yield _row(link.name, link.url)


def _row(name: str, value: str) -> Text:
    row = Text().append(f"{fit(one_line(name), 40):<{_COLUMN}} ", style="dim")
    return row.append(fit(one_line(value), _LONGEST_LINE))


def rendered(console: Console, text: Text) -> str:
    """The text as the console would write it; its own writing ends the process where the reader of stdout is gone."""
    aside = Console(
        file=io.StringIO(),
        force_terminal=console.is_terminal,
        color_system=cast("Any", console.color_system),
        no_color=console.no_color,
        width=console.width,
    )
    aside.print(_writable(text, console.encoding), soft_wrap=True, markup=False, highlight=False, emoji=False)
    return aside.file.getvalue() if isinstance(aside.file, io.StringIO) else ""


def _writable(text: Text, encoding: str) -> Text:
    """The text as this encoding can hold it; with no colours where it cannot hold it unchanged."""
    try:
        text.plain.encode(encoding)
    except UnicodeEncodeError:
        plain = text.plain.translate(_ASCII)
        return Text(plain.encode(encoding, "backslashreplace").decode(encoding))
    return text
