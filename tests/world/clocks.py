"""Clocks that a test sets."""

import time
from datetime import datetime, timedelta


class ManualClock:
    """Moves only when told: ``at`` is the time of day, ``passed`` the seconds on the clocks that are never set."""

    def __init__(self, at: datetime, *, running: bool = False) -> None:
        """``running``: the clocks that are never set go on by themselves too, for code that waits by them."""
        self.at = at
        self.passed = 0.0
        self._running = running

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.passed + (time.monotonic() if self._running else 0.0)

    def elapsed(self) -> float:
        return self.monotonic()

    def advance(self, seconds: float) -> None:
        """Let time pass, on every clock."""
        self.at += timedelta(seconds=seconds)
        self.passed += seconds


class TickingClock:
    """Goes on from the given time of day."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._began = time.monotonic()

    def now(self) -> datetime:
        return self._at + timedelta(seconds=self.monotonic() - self._began)

    def monotonic(self) -> float:
        return time.monotonic()

    def elapsed(self) -> float:
        return time.monotonic()
