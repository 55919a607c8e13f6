"""The process's own stdout and stderr, made so that neither can hurt it.

Stderr is written by a thread of its own, through a bounded queue: a terminal that is paused, a hung ssh or a log
shipper that has stopped must not hold up the monitor. What does not fit is dropped and counted. Whatever stdout does
not take is an error of one type, `OutputLost`, so that the program's entry point can explain it.
"""

import atexit
import io
import locale
import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from errno import EPIPE
from typing import Any, Final, TextIO

_MOST_WAITING: Final = 1 << 20
"""Bytes that may wait for stderr; half of it must be written before lines are taken again."""
_IN_ORDER_WITHIN: Final = 0.2
"""Seconds that stdout waits for what was said on stderr before."""
_LAST_WORDS_WITHIN: Final = 1.0
"""Seconds that the end of the process waits for stderr."""


class OutputLost(OSError):
    """Stdout does not take what is written to it: its reader has gone, its disk is full, it was closed."""

    @property
    def reader_left(self) -> bool:
        """Whether somebody has just read enough, as ``head`` does."""
        return self.errno == EPIPE


def _dropped_words(lines: int) -> str:
    return f"connext-monitor: {lines} log lines were dropped because stderr was not read\n"


class Outlet:
    """Writes to a descriptor in the order of the calls, on a thread of its own; never blocks and never raises.

    ``notice`` makes the line that tells how many lines were dropped, once there is room for it.
    """

    def __init__(self, descriptor: int, most_waiting: int = _MOST_WAITING) -> None:
        self.notice: Callable[[int], str] = _dropped_words
        self.dropped = 0
        """Lines dropped since the start."""
        self._descriptor = descriptor
        self._most = most_waiting
        self._change = threading.Condition()  # its lock may be taken again by the same thread, as a signal handler does
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._unreported = 0
        self._writing = False
        self._thread: threading.Thread | None = None

    def put(self, data: bytes) -> None:
        """Have it written, or drop it where too much waits already."""
        with self._change:
            room = self._most // 2 if self._unreported else self._most
            if self._size + len(data) > room and self._size > 0:
                lines = max(1, data.count(b"\n"))
                self.dropped += lines
                self._unreported += lines
                return
            self._report_dropped()
            self._append(data)
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_all, name="stderr", daemon=True)
                self._thread.start()
            self._change.notify_all()

    def flush(self, within: float) -> bool:
        """Wait until all is written, for so many seconds at most; whether it is."""
        until = time.monotonic() + within
        with self._change:
            while self._waiting or self._writing:
                remaining = until - time.monotonic()
                if remaining <= 0:
                    return False
                self._change.wait(remaining)
        return True

    def _append(self, data: bytes) -> None:
        self._waiting.append(data)
        self._size += len(data)

    def _report_dropped(self) -> None:
        if self._unreported:
            lines, self._unreported = self._unreported, 0
            self._append(self.notice(lines).encode("utf-8", "backslashreplace"))

    def _write_all(self) -> None:
        while True:
            data = self._next()
            with suppress(OSError):  # a log that cannot be written is lost; the program goes on
                write_whole(self._descriptor, data)
            with self._change:
                self._size -= len(data)

    def _next(self) -> bytes:
        with self._change:
            self._writing = False
            if not self._waiting:
                self._report_dropped()
            while not self._waiting:
                self._change.notify_all()
                self._change.wait()
            self._writing = True
            return self._waiting.popleft()


stderr_outlet = Outlet(2)
"""Through which everything goes that the process says on stderr, once `prepare` was called."""


class _Stderr(io.RawIOBase):
    """What Python writes to stderr, handed to the outlet."""

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return os.isatty(2)

    def fileno(self) -> int:
        """For who asks how wide the terminal is."""
        return 2

    def write(self, data: Any, /) -> int:  # noqa: ANN401 - any buffer
        taken = bytes(data)
        if taken:
            stderr_outlet.put(taken)
        return len(taken)


class _Stdout(io.FileIO):
    """Stdout, whose every failure is an `OutputLost`; what was said on stderr before comes first, where it is read."""

    _in_order = True

    def write(self, data: Any, /) -> int:  # noqa: ANN401 - any buffer
        # A stderr that is not read is not waited for again and again: an export has thousands of writes.
        self._in_order = stderr_outlet.flush(_IN_ORDER_WITHIN if self._in_order else 0.0)
        try:
            return write_whole(self.fileno(), data)
        except OSError as error:
            raise OutputLost(error.errno, error.strerror) from None


def prepare() -> None:
    """Take over stdin, stdout and stderr; to be called before anything opens a file.

    A standard descriptor that was closed leads nowhere from now on: else the next file that is opened, such as the
    database, would get its number, and whoever prints would write into it.
    """
    for number in range(3):
        _fill(number)
    _before.extend((sys.stdout, sys.stderr))
    raw = _Stdout(1, "wb", closefd=False)
    sys.stdout = _as_text(io.BufferedWriter(raw), sys.stdout, line_buffering=raw.isatty())
    sys.stderr = _as_text(_Stderr(), sys.stderr, line_buffering=True)
    _ours.append(sys.stdout)
    atexit.register(last_words)  # however the program ends: the thread that writes them ends with it


def finish() -> OutputLost | None:
    """Have everything written, within a second where stderr is not read; returns why stdout did not take the rest."""
    lost = None
    for stream in _ours:
        try:
            stream.flush()
        except OutputLost as error:
            lost = error
    return lost


def last_words() -> None:
    """Give stderr a second at most to take what waits."""
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    stderr_outlet.flush(_LAST_WORDS_WITHIN)


def give_stdout_up() -> None:
    """Let whatever is still to be written to stdout go nowhere: nobody needs to hear of it again."""
    if not _ours:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def write_whole(descriptor: int, data: Any) -> int:  # noqa: ANN401 - any buffer
    """Write all of it, and wait where it is not taken now, also where another program made the descriptor impatient."""
    remaining = memoryview(data).cast("B")
    size = len(remaining)
    while remaining:
        try:
            remaining = remaining[os.write(descriptor, remaining) :]
        except BlockingIOError:
            select.select([], [descriptor], [])
    return size


_before: Final[list[TextIO | None]] = []  # kept: a stream that is collected closes its descriptor
_ours: Final[list[TextIO]] = []


def _fill(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        # What is printed on a closed stdout is to fail, as it would; what is said on a closed stderr is not wanted.
        os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY)


def _as_text(binary: Any, before: TextIO | None, *, line_buffering: bool) -> TextIO:  # noqa: ANN401 - raw or buffered
    """The binary stream as text, in the encoding of the stream in whose place it comes.

    A stream that cannot show a character shows its escape instead of failing.
    """
    encoding = getattr(before, "encoding", None) or locale.getpreferredencoding(do_setlocale=False)
    through = bool(getattr(before, "write_through", False))
    return io.TextIOWrapper(binary, encoding, "backslashreplace", line_buffering=line_buffering, write_through=through)
