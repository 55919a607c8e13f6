"""How long to wait for a channel's response, and between requests to it."""

import asyncio
from collections.abc import Awaitable, Callable

from connext_monitor.clock import Clock
from connext_monitor.core.delivery import FailureCause, TryLater

FIRST_TIMEOUT, LONGEST_TIMEOUT = 10.0, 60.0
"""Seconds to wait for a response, connecting included: at first, and at most after time-outs."""
EDIT_TIMEOUT = 20.0
"""Seconds to wait for an edit at most: it can be repeated, and new messages wait behind it."""
_LONGEST_PAUSE, _LONGEST_WAIT_TO_EDIT = 60.0, 3.0
_SLOW_FOR = 3600.0


class AdaptiveTimeout:
    """How long to wait for a response: longer after each time-out, until none has been slow for an hour."""

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
        """Note that a response came after so many seconds."""
        if after > self._first:
            self._needed_at = self._clock.monotonic()

    def timed_out(self, after: float) -> None:
        """Note that none came within so many seconds."""
        self._needed_at = self._clock.monotonic()
        self._seconds = max(self._seconds, min(2 * after, self._longest))


class RequestSpacing:
    """Keeps requests as far apart as the channel asks."""

    def __init__(self, clock: Clock, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._clock = clock
        self._sleep = sleep
        self._not_before = 0.0

    @property
    def wait(self) -> float:
        """Seconds until the next request may go."""
        return max(0.0, self._not_before - self._clock.monotonic())

    async def turn(self) -> None:
        """Wait until the next request may go."""
        await self._sleep(self.wait)

    async def turn_to_edit(self) -> TryLater | None:
        """As `turn`, for an edit: one that would hold up new messages for more than a moment is tried later."""
        if self.wait > _LONGEST_WAIT_TO_EDIT:
            return TryLater("takes no more edits at the moment", self.wait, FailureCause.RATE_LIMITED)
        await self.turn()
        return None

    def hold(self, seconds: float) -> None:
        """Let the next request wait so long from now; a minute at most, after which the channel may ask again."""
        self._not_before = max(self._not_before, self._clock.monotonic() + min(seconds, _LONGEST_PAUSE))
