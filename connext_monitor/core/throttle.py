"""How fast one endpoint may be asked, learned from what it answers and what it refuses.

Plans count requests, units or connections, by the second, the minute or the day, and do not say so. What was answered
before a refusal, over the time until something was answered again, is what the plan allows, whatever it counts.
Instants and durations are seconds on a monotonic clock; nothing here waits or reads a clock.
"""

from collections import deque
from typing import Final

MOST_AT_ONCE: Final = 32
LONGEST_PAUSE: Final = 60.0
"""However long an endpoint asks to be left alone, it is tried again after this long."""
_FIRST_PAUSE: Final = 0.5
_SHORTEST_PAUSE: Final = 0.05
_LONGEST_BACKOFF: Final = 8.0
"""If it does not say how long, it is tried again after this long at the latest: a plan's minute ends soon."""
_SLOWEST: Final = 0.2
"""Requests a second: below this the rate is not lowered any further."""
_SLOWEST_AT_FIRST: Final = 1.0
"""The lowest rate after a first refusal: if little was asked before it, as at rest, what was answered shows no plan."""
_MOST_AT_A_TIME: Final = 0.5
"""The share of the rate that a refusal leaves at least: few requests in a long silence would leave nothing."""
_UNLIMITED: Final = 500.0
_WINDOWS: Final = (1.0, 10.0, 60.0)
"""The windows that plans count in; a day's quota is handled elsewhere."""
_BUCKET: Final = 0.1
_MARGIN: Final = 0.95
_PAUSES_TO_A_RAISE: Final = 10
"""A refusal costs a pause, and raising the rate ends in one: this loses no more than a tenth of the time."""
_SHORTEST_HOLD, _LONGEST_HOLD = 3.0, 120.0
_LONGEST_HOLD_OF_SLOW: Final = 15.0
"""Hardly any plan is so slow: what looks like one is usually an outage, after which every answer is waited for."""
_STEP, _STEP_NEAR_CEILING = 1.25, 1.04
_BURST: Final = 0.1
"""Seconds' worth of requests that may go at once after a rest."""


class Throttle:
    """What is known of one endpoint's limits.

    ``rate`` is in requests a second, None while no limit has shown; ``at_once`` is how many may be in flight;
    ``refusals`` counts those in a row, with nothing answered in between.
    """

    def __init__(self) -> None:
        self.rate: float | None = None
        self.at_once = MOST_AT_ONCE
        self.refusals = 0
        self.paused_until = 0.0
        self._next_at = 0.0
        self._answers: deque[tuple[float, int]] = deque()
        self._cycle_from: float | None = None
        self._refused_from: float | None = None
        self._eased_at = -1.0
        self._peak_answered = 0
        self._peak_refused = 0
        self._ceiling = 0.0
        self._hold_until = 0.0
        self._held_back_by_rate = False
        self._held_back_by_at_once = False

    def wait(self, now: float, in_flight: int) -> float | None:
        """Seconds until the next request may begin, 0 for at once; None: not before one of those in flight ends."""
        if in_flight >= (1 if self._refused_from is not None else self.at_once):
            self._held_back_by_at_once = True
            return None
        if self.rate is not None and self._next_at > now:
            self._held_back_by_rate = True
        return max(0.0, self.paused_until - now, (self._next_at - now) if self.rate is not None else 0.0)

    def began(self, now: float) -> None:
        """A request begins now."""
        if self._cycle_from is None:
            self._cycle_from = now
        if self.rate is not None:
            interval = 1 / self.rate
            saved = max(0.0, _BURST - interval)
            self._next_at = max(self._next_at, now - saved) + interval

    def answered(self, now: float, began_at: float, in_flight: int) -> None:
        """A request was answered, with anything but the message that there are too many.

        ``in_flight`` is how many there were, itself included, when it began.
        """
        self._count(now)
        if self._refused_from is None:
            self._peak_answered = max(self._peak_answered, in_flight)
            self._raise(now)
        elif began_at >= self._eased_at:
            self._learn(now, now - self._refused_from)

    def refused(self, now: float, began_at: float, in_flight: int, retry_after: float | None = None) -> None:
        """A request was refused as one too many; ``retry_after`` is how long the endpoint wants to be left alone.

        Requests that were already in flight when another one was refused show no more than that one did.
        """
        retry_after = min(max(retry_after or 0.0, 0.0), LONGEST_PAUSE)
        if began_at < self._eased_at:
            self._peak_refused = min(self._peak_refused, in_flight)
            self.paused_until = max(self.paused_until, now + retry_after)
            return
        if self._refused_from is None:
            self._refused_from, self._peak_refused = now, in_flight
        self.refusals += 1
        self._eased_at = now
        longer = min(_LONGEST_BACKOFF, _FIRST_PAUSE * 2.0 ** min(self.refusals - 1, 10))
        pause = max(retry_after, _SHORTEST_PAUSE) if retry_after and self.refusals == 1 else max(retry_after, longer)
        self.paused_until = max(self.paused_until, now + min(pause, LONGEST_PAUSE))

    def forget(self) -> None:
        """What was refused lately was refused for another reason: no limit is known."""
        self.rate, self.at_once, self.refusals, self.paused_until = None, MOST_AT_ONCE, 0, 0.0
        self._refused_from = None

    def _learn(self, now: float, silence: float) -> None:
        """Something was answered again: what came before, over the time that it took, is the plan.

        A limit on requests in flight shows if more were in flight at the refusal than ever at an answer. That is tried
        first, since it explains the refusal without any rate.
        """
        crowded = self._peak_refused > self._peak_answered > 0 and self._peak_answered < self.at_once
        if crowded:
            self.at_once = self._peak_answered
        if not crowded or self.rate is not None or now < self._hold_until:
            measured = self._measured(silence) * _MARGIN
            self._ceiling = self.rate if self.rate is not None else measured
            if self.rate is None:
                self.rate = max(_SLOWEST_AT_FIRST, measured)
            else:
                measured = min(max(measured, self.rate * _MOST_AT_A_TIME), self.rate * _MARGIN)
                self.rate = max(_SLOWEST, measured)
            self._next_at = now + 1 / self.rate
        longest = _LONGEST_HOLD if self.rate is None or self.rate >= _SLOWEST_AT_FIRST else _LONGEST_HOLD_OF_SLOW
        self._hold_until = now + min(longest, max(_SHORTEST_HOLD, _PAUSES_TO_A_RAISE * silence))
        self._held_back_by_rate = self._held_back_by_at_once = False
        self._refused_from, self.refusals, self._peak_answered = None, 0, 0
        self._cycle_from = now

    def _measured(self, silence: float) -> float:
        """Requests a second that were answered, in the window that shows the most."""
        end = self._refused_from or 0.0
        active = max(0.0, end - (self._cycle_from or 0.0))
        rates = []
        for window in _WINDOWS:
            length = min(window, active)
            count = sum(count for at, count in self._answers if end - length - _BUCKET <= at <= end)
            rates.append(max(1, count) / max(length + silence, _BUCKET))
        return max(rates)

    def _raise(self, now: float) -> None:
        """Allow a little more, if more would have been asked and nothing was refused for a while."""
        if now < self._hold_until:
            return
        if self.rate is not None and self._held_back_by_rate:
            near = 0.8 * self._ceiling <= self.rate <= 1.2 * self._ceiling
            self.rate *= _STEP_NEAR_CEILING if near else _STEP
            if self.rate > _UNLIMITED:
                self.rate = None
        elif self.at_once < MOST_AT_ONCE and self._held_back_by_at_once:
            self.at_once += 1
        else:
            return
        self._held_back_by_rate = self._held_back_by_at_once = False
        self._hold_until = now + _SHORTEST_HOLD / 3

    def _count(self, now: float) -> None:
        at = now - now % _BUCKET
        if self._answers and self._answers[-1][0] == at:
            self._answers[-1] = (at, self._answers[-1][1] + 1)
        else:
            self._answers.append((at, 1))
        while self._answers and self._answers[0][0] < now - _WINDOWS[-1] - LONGEST_PAUSE:
            self._answers.popleft()
