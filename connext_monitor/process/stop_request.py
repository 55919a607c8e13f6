"""When the process is asked to stop: once means cleanly and in bounded time, twice means at once."""

import asyncio
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from connext_monitor.core.printable import escape
from connext_monitor.process import standard_streams

STOPS_WITHIN: Final = 4.5
"""Seconds: five are promised, and the words about what was abandoned take their part."""
_ECHO: Final = 0.05
"""Seconds: a wrapper that hands on the terminal's own Ctrl-C says the same thing twice, and means it once."""
_WORDS_WITHIN: Final = 0.3

Abandoned = Callable[[float, list[str]], object]
"""Tells that the process has not stopped within so many seconds, and what is still running."""

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _say_abandoned(within: float, running: list[str]) -> None:
    sys.stderr.write(
        escape(f"connext-monitor: abandoned what did not end within {within:g} s: {', '.join(running)}") + "\n"
    )


class StopRequest:
    """Becomes true at the first SIGINT, SIGTERM or SIGHUP, or when `make` is called; then the process has to end.

    What has not ended ``within`` seconds is abandoned: ``tell_abandoned`` is called, and the process exits with
    ``code``. A second SIGINT or SIGTERM ends it at once, with 128 and the signal's number.

    The signals are read from a pipe by a thread of its own, so that they count whatever the main thread is caught in.
    """

    def __init__(self, code: int = 0, within: float = STOPS_WITHIN, tell_abandoned: Abandoned = _say_abandoned) -> None:
        self.code = code
        self.made = False
        self._tell_abandoned = tell_abandoned
        self._within = within
        self._at = 0.0
        self._turn = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event = asyncio.Event()
        self._readable = self._writable = -1

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Listen to the signals; a SIGHUP that is ignored, as under nohup, stays so."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._readable, self._writable = os.pipe()
        os.set_blocking(self._writable, False)
        wakeup = signal.set_wakeup_fd(self._writable, warn_on_full_buffer=False)
        before = {number: signal.getsignal(number) for number in _ENDING}
        for number in _ENDING:
            if number is not signal.SIGHUP or before[number] is not signal.SIG_IGN:
                signal.signal(number, _wake_up)
        watcher = threading.Thread(target=self._watch, name="signals", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)
            os.close(self._writable)
            watcher.join(_WORDS_WITHIN)

    def make(self, code: int) -> None:
        """Have the process end with this code, as if it had been asked to."""
        if not self.made:
            self.code = code
            os.write(self._writable, bytes([_BY_ITSELF]))
            self._make()

    async def wait(self) -> None:
        """Until it is made."""
        with self._turn:
            self._loop = asyncio.get_running_loop()
            made = self.made
        if not made:
            await self._event.wait()

    def _make(self) -> None:
        with self._turn:
            if self.made:
                return
            self.made, self._at = True, time.monotonic()
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._event.set)

    def _watch(self) -> None:
        """Read the signals until the other end is closed, or the time is over."""
        while self._time_remains():
            numbers = os.read(self._readable, 1)
            if not numbers:
                os.close(self._readable)
                return
            self._heard(numbers[0])
        _in_time(lambda: self._tell_abandoned(self._within, _running(self._loop)))
        exit_hard(self.code)

    def _time_remains(self) -> bool:
        """Wait for the next signal; False where the stop took too long."""
        if not self.made:
            return True
        remaining = self._at + self._within - time.monotonic()
        return bool(select.select([self._readable], [], [], max(0.0, remaining))[0])

    def _heard(self, number: int) -> None:
        if not self.made:
            self._make()
        elif number in (signal.SIGINT, signal.SIGTERM) and time.monotonic() - self._at > _ECHO:
            exit_hard(128 + number)


_BY_ITSELF: Final = 0
"""In the place of a signal's number: nobody asked from outside."""


def _wake_up(_number: int, _frame: object) -> None:
    """Called beside the byte in the pipe, which is what counts."""


def exit_hard(code: int) -> None:
    """End the process now, whatever it does; the terminal is left as it was."""
    _in_time(lambda: [restore() for restore in list(_displays)])
    _in_time(standard_streams.last_words)
    os._exit(code)


@contextmanager
def display_on(descriptor: int, end: bytes) -> Iterator[None]:
    """Something is drawn on a terminal, which is as it was after ``end`` has been written to it."""

    def restore() -> None:
        os.write(descriptor, end)

    _displays.append(restore)
    try:
        yield
    finally:
        _displays.remove(restore)


_displays: list[Callable[[], object]] = []


def _running(loop: asyncio.AbstractEventLoop | None) -> list[str]:
    """The names of the tasks that have not ended; where the main thread hangs itself, the place in the code."""
    names = sorted(task.get_name() for task in asyncio.all_tasks(loop)) if loop is not None else []
    main = threading.main_thread().ident
    frame = sys._current_frames().get(main) if main is not None else None  # noqa: SLF001 - the only way to ask
    at = [f"{frame.f_code.co_filename}:{frame.f_lineno}"] if frame is not None else []
    return names + at


def _in_time(work: Callable[[], object]) -> None:
    """Do it, and go on though it hangs or fails."""

    def do() -> None:
        with suppress(Exception):  # the process ends, and has no way left to tell it
            work()

    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    thread.join(_WORDS_WITHIN)
