"""Prints on stdout, and copes with a terminal that is paused or gone."""

import asyncio
import os
import select
from collections import deque
from typing import IO, TYPE_CHECKING

from connext_monitor.alerting.notice import Notice, ReportNotice
from connext_monitor.alerting.providers.console import ConsoleConfig
from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.alerts.message import Message
from connext_monitor.core.delivery import FailureCause, Outcome, Sent, TryLater

if TYPE_CHECKING:
    from rich.console import Console

_REMEMBERED = 16
"""Messages that were printed late, of which so many are remembered; their senders will ask again."""
_SentMessage = tuple[str, Message]
"""A notice's key, and its message at that time."""


class ConsoleProvider:
    """The terminal, or whatever stdout leads to."""

    digest_mode = DigestMode.DIGEST
    shows_pictures = False

    def __init__(self, name: str, _config: ConsoleConfig, context: ProviderContext) -> None:
        self.name = name
        self._clock = context.clock
        self._console = context.console or _stdout()
        self._timeout = context.first_timeout  # a terminal that is paused takes the message later
        self._turn = asyncio.Lock()  # alerts come one by one, but a bulletin may come beside them
        self._printing: tuple[_SentMessage, asyncio.Task[Outcome]] | None = None
        self._printed_late: deque[_SentMessage] = deque(maxlen=_REMEMBERED)

    async def send(self, notice: Notice, reference: str | None) -> Outcome:  # noqa: ARG002 - print can't be taken back
        """Print it; to be tried later where stdout is gone, full or not read."""
        return await self._send(notice)

    async def _send(self, notice: Notice) -> Outcome:
        """Print it, unless an earlier message still hangs, or it was printed after its sender had given up waiting."""
        message = (notice.key, notice.message)
        async with self._turn:
            if self._printing is not None:
                earlier, _ = self._printing
                outcome = await self._ended()
                if outcome is None:
                    return self._not_read()
                if isinstance(outcome, Sent):
                    self._printed_late.append(earlier)
            if message in self._printed_late:
                self._printed_late.remove(message)
                return Sent()
            self._printing = message, asyncio.ensure_future(self._print(self._text(notice.message)))
            return await self._ended() or self._not_read()

    async def _ended(self) -> Outcome | None:
        """How the printing ended; None where a terminal that is paused takes it later."""
        if self._printing is None:
            return None
        _, printing = self._printing
        await asyncio.wait({printing}, timeout=self._timeout)
        if not printing.done():
            return None
        self._printing = None
        return printing.result()

    def _not_read(self) -> TryLater:
        return TryLater(f"stdout was not read for {self._timeout:g} s", cause=FailureCause.TIMED_OUT)

    def _text(self, message: Message) -> str:
        from connext_monitor.alerting.providers.console.text import alert_text, rendered  # noqa: PLC0415 - loads rich

        return rendered(self._console, alert_text(message, self._clock.now(), self._console.width))

    async def _print(self, text: str) -> Outcome:
        try:
            # In a thread: a terminal that is paused, or a pipe that nobody reads, must not stop the monitoring.
            await asyncio.to_thread(_write, self._console.file, text)
        except (OSError, ValueError) as error:
            reason = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else None
            return TryLater(f"stdout cannot be written to ({reason or type(error).__name__})")
        return Sent()

    async def report(self, notice: ReportNotice) -> Outcome:
        """Print it as text."""
        return await self._send(notice)

    async def aclose(self) -> None:
        """Nothing to close: stdout is not ours, and a message that hangs there is not waited for."""
        if self._printing is not None:
            self._printing[1].cancel()


def _stdout() -> "Console":
    from rich.console import Console  # noqa: PLC0415 - reading a config does not wait for it

    return Console(highlight=False)


def _write(file: IO[str], text: str) -> None:
    """Write it whole; past Python's buffer where there is a descriptor: that keeps what was refused, and repeats it."""
    try:
        descriptor = file.fileno()
    except (OSError, ValueError):
        file.write(text)
        file.flush()
        return
    unwritten = memoryview(text.encode(getattr(file, "encoding", None) or "utf-8", "backslashreplace"))
    while unwritten:
        try:
            unwritten = unwritten[os.write(descriptor, unwritten) :]
        except BlockingIOError:
            # Another program that shares the terminal has made it non-blocking.
            select.select([], [descriptor], [])
