"""Time that has passed by either of two clocks."""

from connext_monitor.clock import Clock


class ElapsedTime:
    """Advances with the monotonic clock, or with the time of day where that went further, as while a machine sleeps.

    It never goes back.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._read_at = (clock.monotonic(), clock.now().timestamp())
        self._seconds = 0.0

    def read(self) -> float:
        """Seconds since this object was created."""
        now = (self._clock.monotonic(), self._clock.now().timestamp())
        self._seconds += max(0.0, *(after - before for after, before in zip(now, self._read_at, strict=True)))
        self._read_at = now
        return self._seconds
