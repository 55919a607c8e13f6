"""What the monitor logs in a simulated run, line by line, at the world's time."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import structlog


class Log:
    """The lines; ``folder`` is the run's own, which another run would call differently."""

    def __init__(self, now: Callable[[], float], folder: Path) -> None:
        self.lines: list[str] = []
        self.warnings = 0
        self.speaker = ""
        """Stands before what is said from now on, where several speak."""
        self._now = now
        self._folder = str(folder)
        self._muted = False
        self._hash = sha256()

    @property
    def digest(self) -> str:
        """Of all lines."""
        return self._hash.hexdigest()

    def note(self, words: str) -> None:
        """What the simulation itself has to say."""
        self._write(f"{self._now():.6f} {self.speaker}---- {words}")

    @contextmanager
    def capturing(self) -> Iterator[None]:
        """Take what the program logs."""
        before = structlog.get_config()
        structlog.configure(
            processors=[structlog.contextvars.merge_contextvars, self._take],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        )
        try:
            yield
        finally:
            structlog.configure(**before)

    @contextmanager
    def muted(self) -> Iterator[None]:
        """Take nothing: whoever speaks is gone."""
        self._muted = True
        try:
            yield
        finally:
            self._muted = False

    def _take(self, _logger: object, method: str, event: Any) -> Any:
        if not self._muted:
            self._write(f"{self._now():.6f} {self.speaker}{method} {event.pop('event')}{_written(event)}")
        raise structlog.DropEvent

    def _write(self, line: str) -> None:
        line = line.replace(self._folder, "")
        self.lines.append(line)
        self._hash.update(line.encode(errors="backslashreplace"))


def _written(event: dict[str, Any]) -> str:
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["error"] = f"{type(error).__name__}: {error}"
    return "".join(f" {name}={value!r}" for name, value in event.items())
