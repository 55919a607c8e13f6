"""What the monitor logs in a simulated run, line by line, at the world's time."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

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
        before, take = structlog.get_config(), cast("Any", self._take)
        structlog.configure(
            processors=[take],
            wrapper_class=_Heard,
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

    def _take(self, method: str, event: object, values: dict[str, Any]) -> None:
        if not self._muted:
            self._write(f"{self._now():.6f} {self.speaker}{method} {event}{_written(values)}")

    def _write(self, line: str) -> None:
        if self._folder in line:
            line = line.replace(self._folder, "")
        self.lines.append(line)
        self._hash.update(line.encode(errors="backslashreplace"))


class _Heard(structlog.make_filtering_bound_logger(logging.INFO)):  # type: ignore[misc]
    """A logger whose lines go straight to the `Log` that takes them."""

    def _proxy_to_logger(self, method_name: str, event: object = None, *_: object, **values: Any) -> None:
        (take,) = self._processors
        take(method_name, event, {**self._context, **values})


def _written(event: dict[str, Any]) -> str:
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["error"] = f"{type(error).__name__}: {error}"
    return "".join(f" {name}={value!r}" for name, value in event.items())
