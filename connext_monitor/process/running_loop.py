"""An event loop whose time stands still while the program does.

A program that was stopped (SIGSTOP, a machine that slept) or held up for minutes finds all its timers run out at once
when it goes on: every request would seem unanswered, every chain silent, though it was us who did not listen.
"""

import time
from collections.abc import Callable
from typing import Final

from connext_monitor.process.event_loop import DaemonThreadLoop

LONGEST_TURN: Final = 2.0
"""Seconds: what passes beyond that between two turns of the loop is a standstill, and is left out."""
_TICK: Final = 0.5


class RunningTime:
    """Seconds in which the program has run: asked again and again, it leaves out what nobody asked in for too long."""

    def __init__(self, source: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._asked_at = source()
        self._running = self._asked_at

    def __call__(self) -> float:
        """The time now; never goes back."""
        now = self._source()
        self._running += min(max(0.0, now - self._asked_at), LONGEST_TURN)
        self._asked_at = now
        return self._running


class RunningLoop(DaemonThreadLoop):
    """The program's loop, by a `RunningTime`; it wakes twice a second, so that no rest is taken for a standstill.

    A timer that is armed for a time of day is late by all standstills since: whoever arms one looks again.
    """

    def __init__(self) -> None:
        self._running_time = RunningTime()
        super().__init__()
        self._tick()

    def time(self) -> float:
        """Seconds in which the program has run."""
        return self._running_time()

    def _tick(self) -> None:
        self.call_later(_TICK, self._tick)
