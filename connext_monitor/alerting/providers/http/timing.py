"""How long to wait for a channel's response, and between requests to it."""

import asyncio

from connext_monitor.clock import Clock
from connext_monitor.core.delivery import FailureCause, TryLater

FIRST_TIMEOUT, LONGEST_TIMEOUT = 10.0, 60.0
"""Seconds to wait for an answer, connecting included: the first, and the longest after time-outs."""
EDIT_TIMEOUT = 20.0
"""The longest that an edit is waited for, in seconds: it can be repeated, and what is new waits behind it."""
_LONGEST_PAUSE, _EDITS_WAIT = 60.0, 3.0
_SLOW_FOR = 3600.0


class AdaptiveTimeout:
    """How long to wait for an answer: longer after each time-out, until none has been slow for an hour."""

    def __init__(self, clock: Clock, first: float = FIRST_TIMEOUT, longest: float = LONGEST_TIMEOUT) -> None:
        self._clock = clock
        self._first = first
        self._longest = longest
        self._seconds = first
        self._needed_at = clock.monotonic()

    @property
    def seconds(self) -> float:
        """How long to wait now."""
        if self._clock.monotonic() - self._needed_at > _SLOW_FOR:
            self._seconds = self._first
        return self._seconds

    def answered(self, after: float) -> None:
        """An answer has come after so many seconds."""
        if after > self._first:
            self._needed_at = self._clock.monotonic()

    def timed_out(self, after: float) -> None:
        """None has come within so many seconds."""
        self._needed_at = self._clock.monotonic()
        self._seconds = max(self._seconds, min(2 * after, self._longest))


class RequestSpacing:
    """Keeps requests as far apart as the channel asked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._not_before = 0.0

    @property
    def left(self) -> float:
        """Seconds until the next request may go."""
        return max(0.0, self._not_before - self._clock.monotonic())

    async def turn(self) -> None:
        """Wait until the next request may go."""
        await asyncio.sleep(self.left)

    async def turn_to_edit(self) -> TryLater | None:
        """As `turn`, for an edit: where that would hold up what is new for more than a moment, it comes again."""
        if self.left > _EDITS_WAIT:
            return TryLater("takes no more edits for the moment", self.left, FailureCause.RATE_LIMITED)
        await self.turn()
        return None

    def hold(self, seconds: float) -> None:
        """Let the next request wait so long from now; a minute at most, after which the channel may say it again."""
        self._not_before = max(self._not_before, self._clock.monotonic() + min(seconds, _LONGEST_PAUSE))
