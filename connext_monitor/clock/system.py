"""The machine's own clocks, and what the rest of the program needs of a clock."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

_SINCE_BOOT: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""The clock that counts a suspend too: CLOCK_MONOTONIC does so everywhere but on Linux."""


class Clock(Protocol):
    """The times that a program needs: of day, to compare with blocks, and two that no clock change touches."""

    def now(self) -> datetime:
        """The time of day, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds in which this program has run, since some fixed instant; never goes back.

        What others are given time for is measured by it, together with the event loop's timers: where the program
        itself stood still (`running_loop`), nobody else is late.
        """
        ...

    def elapsed(self) -> float:
        """Seconds since some fixed instant, suspends and standstills too; never goes back."""
        ...


class SystemClock:
    """The machine's own clocks; ``monotonic`` is the event loop's where that leaves out standstills."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic

    def now(self) -> datetime:
        """The time of day, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds in which this program has run; never goes back."""
        return self._monotonic()

    def elapsed(self) -> float:
        """Seconds since the machine was started, suspends too; never goes back."""
        return time.clock_gettime(_SINCE_BOOT)
