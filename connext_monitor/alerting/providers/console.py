"""Prints alerts on stdout, for people at a terminal: severity, title, what is wrong, the facts, links."""

import asyncio
import io
import os
import select
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from textwrap import wrap
from typing import IO, Any, cast

from rich.console import Console
from rich.text import Text

from connext_monitor.alerting.notice import Notice, ReportNotice
from connext_monitor.alerting.providers.base import ProviderConfig, ProviderContext
from connext_monitor.alerting.providers.wording import badges, fit, has_date, one_line, web_links
from connext_monitor.core.alerts.grouping import DigestMode
from connext_monitor.core.alerts.message import Instant, Message
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.delivery import FailureCause, Outcome, Sent, TryLater
from connext_monitor.core.words import duration_words

_LONGEST_LINE = 2000
_WIDEST = 100
_COLUMN = 11
_PATIENCE = 10.0
"""Seconds that stdout may take for a message; a terminal that is paused takes it later."""
_NOT_READ = TryLater(f"stdout was not read for {_PATIENCE:.0f} s", cause=FailureCause.TIMED_OUT)
_REMEMBERED = 16
"""Messages of which it is known that they were printed late; who sent one asks again."""
_Wanted = tuple[str, Message]
"""A notice's key, and its message at that time."""
# What our own texts hold beyond ASCII, for a stdout that cannot show it.
_ASCII = str.maketrans({"▌": "|", "→": "->", "·": "-", "…": "...", "—": "-"})
_RESOLVED = "green"
_COLOURS = {Severity.INFO: "blue", Severity.WARNING: "yellow", Severity.CRITICAL: "red"}


class ConsoleConfig(ProviderConfig):
    """``type = "console"``; needs nothing."""


class ConsoleProvider:
    """The terminal, or whatever stdout leads to."""

    digest_mode = DigestMode.DIGEST
    shows_pictures = False

    def __init__(self, name: str, _config: ConsoleConfig, context: ProviderContext) -> None:
        self.name = name
        self._clock = context.clock
        self._console = context.console or Console(highlight=False)
        self._turn = asyncio.Lock()  # alerts come one by one, but a bulletin may come beside them
        self._printing: tuple[_Wanted, asyncio.Task[Outcome]] | None = None
        self._printed_late: deque[_Wanted] = deque(maxlen=_REMEMBERED)

    async def send(self, notice: Notice, reference: str | None) -> Outcome:  # noqa: ARG002 - print can't be taken back
        """Print it; a stdout that is gone, full or not read is a reason to come again."""
        return await self._tell(notice)

    async def _tell(self, notice: Notice) -> Outcome:
        """Print it, unless something else still hangs, or it was printed after its sender had given up waiting."""
        wanted = (notice.key, notice.message)
        async with self._turn:
            if self._printing is not None:
                earlier, _ = self._printing
                outcome = await self._ended()
                if outcome is None:
                    return _NOT_READ
                if isinstance(outcome, Sent):
                    self._printed_late.append(earlier)
            if wanted in self._printed_late:
                self._printed_late.remove(wanted)
                return Sent()
            text = alert_text(notice.message, self._clock.now(), self._console.width)
            self._printing = wanted, asyncio.ensure_future(self._print(text))
            return await self._ended() or _NOT_READ

    async def _ended(self) -> Outcome | None:
        """How the printing ended; None where a terminal that is paused takes it later."""
        if self._printing is None:
            return None
        _, printing = self._printing
        await asyncio.wait({printing}, timeout=_PATIENCE)
        if not printing.done():
            return None
        self._printing = None
        return printing.result()

    async def _print(self, text: Text) -> Outcome:
        rendered = _rendered(self._console, text)
        try:
            # In a thread: a terminal that is paused, or a pipe that nobody reads, must not stop the monitoring.
            await asyncio.to_thread(_write, self._console.file, rendered)
        except (OSError, ValueError) as error:
            words = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else None
            return TryLater(f"stdout does not take it ({words or type(error).__name__})")
        return Sent()

    async def report(self, notice: ReportNotice) -> Outcome:
        """Tell it in words."""
        return await self._tell(notice)

    async def aclose(self) -> None:
        """Nothing to let go of: stdout is not ours, and what hangs there is not waited for."""
        if self._printing is not None:
            self._printing[1].cancel()


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
    """``2026-07-30 12:00:03 CEST (UTC+02:00), 5 min ago``; just the number where it is no date."""
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
    # Zones without a name of their own are called by their offset already.
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


def _rendered(console: Console, text: Text) -> str:
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


def _write(file: IO[str], text: str) -> None:
    """Write it whole; past Python's buffer where there is a descriptor: that keeps what was refused, and repeats it."""
    try:
        descriptor = file.fileno()
    except (OSError, ValueError):
        file.write(text)
        file.flush()
        return
    left = memoryview(text.encode(getattr(file, "encoding", None) or "utf-8", "backslashreplace"))
    while left:
        try:
            left = left[os.write(descriptor, left) :]
        except BlockingIOError:
            # Another program that shares the terminal has made it impatient.
            select.select([], [descriptor], [])


def _writable(text: Text, encoding: str) -> Text:
    """The text as this encoding can hold it; without its colours where it can't as it is."""
    try:
        text.plain.encode(encoding)
    except UnicodeEncodeError:
        plain = text.plain.translate(_ASCII)
        return Text(plain.encode(encoding, "backslashreplace").decode(encoding))
    return text
