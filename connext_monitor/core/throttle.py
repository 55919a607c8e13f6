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
_SLOWEST: Final = 0.5
"""Requests a second: below this the rate is not lowered any further."""
_SLOWEST_AT_FIRST: Final = 1.0
"""The lowest rate after a first refusal: if little was asked before it, as at rest, what was answered shows no plan."""
_MOST_AT_A_TIME: Final = 0.5
"""The share of the rate that a refusal leaves at least: few requests in a long silence would leave nothing."""
_UNLIMITED: Final = 500.0
_WINDOWS: Final = (1.0, 10.0, 60.0)
"""The windows that plans count in; a day's quota is handled elsewhere."""
_BUCKET: Final = 0.1
_SILENT: Final = 1.0
"""Seconds of refusals, in which nothing is answered, from which on it is asked whether a plan explains them."""
_MORE: Final = 1.05
"""How much more must have been answered before than a plan would allow, to be no accident."""
_MARGIN: Final = 0.95
_PAUSES_TO_A_RAISE: Final = 10
"""A refusal costs a pause, and raising the rate ends in one: this loses no more than a tenth of the time."""
_PAUSES_TO_A_RAISE_OF_SLOW: Final = 2
_SHORTEST_HOLD, _LONGEST_HOLD, _LONGEST_HOLD_OF_SLOW = 3.0, 120.0, 15.0
_SLOW: Final = 0.75
"""Requests a second: hardly any plan is slower. What looks like one is usually an outage, after which every answer is
waited for: the rate is raised sooner, and in larger steps."""
_STEP, _STEP_NEAR_CEILING, _STEP_OF_SLOW = 1.25, 1.04, 2.0
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

    @property
    def most_at_a_time(self) -> int | None:
        """How many calls may be made by one request; None where no limit is known."""
        if self._refused_from is not None:
            return 1
        return None if self.rate is None else max(1, int(self.rate * _BURST))

    def began(self, now: float, calls: int = 1) -> None:
        """A request begins now, which makes so many calls: plans count them one by one."""
        if self._cycle_from is None:
            self._cycle_from = now
        if self.rate is not None:
            interval = calls / self.rate
            saved = max(0.0, _BURST - interval)
            self._next_at = max(self._next_at, now - saved) + interval

    def answered(self, now: float, began_at: float, in_flight: int, calls: int = 1) -> None:
        """A request was answered, with anything but the message that there are too many.

        ``in_flight`` is how many there were, itself included, when it began; ``calls`` how many it made.
        """
        self.count(now, calls)
        if self._refused_from is None:
            self._peak_answered = max(self._peak_answered, in_flight)
            self._raise(now)
        elif began_at >= self._eased_at:
            self._learn(now, now - self._refused_from)

    def count(self, now: float, calls: int) -> None:
        """So many calls were answered, be it together with one that was not."""
        if not calls:
            return
        at = now - now % _BUCKET
        if self._answers and self._answers[-1][0] == at:
            self._answers[-1] = (at, self._answers[-1][1] + calls)
        else:
            self._answers.append((at, calls))
        while self._answers and self._answers[0][0] < now - _WINDOWS[-1] - LONGEST_PAUSE:
            self._answers.popleft()

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
        measured = self._measured(silence)
        if measured is not None and (not crowded or self.rate is not None or now < self._hold_until):
            self._lower(now, measured * _MARGIN)
        if measured is not None:
            self._hold_until = now + self._hold(silence)
        self._held_back_by_rate = self._held_back_by_at_once = False
        self._refused_from, self.refusals, self._peak_answered = None, 0, 0
        self._cycle_from = now

    def _lower(self, now: float, measured: float) -> None:
        self._ceiling = self.rate if self.rate is not None else measured
        if self.rate is None:
            self.rate = max(_SLOWEST_AT_FIRST, measured)
        else:
            self.rate = max(_SLOWEST, min(max(measured, self.rate * _MOST_AT_A_TIME), self.rate * _MARGIN))
        self._next_at = now + 1 / self.rate

    def _hold(self, silence: float) -> float:
        """Seconds for which the rate is not raised."""
        if self.is_slow:
            return min(_LONGEST_HOLD_OF_SLOW, max(_SHORTEST_HOLD, _PAUSES_TO_A_RAISE_OF_SLOW * silence))
        return min(_LONGEST_HOLD, max(_SHORTEST_HOLD, _PAUSES_TO_A_RAISE * silence))

    @property
    def is_slow(self) -> bool:
        """Whether so few requests are allowed that what matters waits for seconds."""
        return self.rate is not None and self.rate < _SLOW

    def _measured(self, silence: float) -> float | None:
        """Requests a second that were answered, in the window that shows the most; None if no plan refuses so.

        ``silence`` is from the first refusal to the next answer.
        """
        end = self._refused_from or 0.0
        if not self._answered_within(0.0, end):
            return None
        active = max(0.0, end - (self._cycle_from or 0.0))
        rates = []
        for window in _WINDOWS:
            if self._is_no_plan(end, window):
                continue
            length = min(window, active)
            rates.append(max(1, self._answered_within(end - length - _BUCKET, end)) / max(length + silence, _BUCKET))
        return max(rates, default=None)

    def _is_no_plan(self, end: float, window: float) -> bool:
        """Whether what was refused from ``end`` on was not for what had been asked in a window of so many seconds.

        Such a plan answers again once what it counted is a window old: all of that was asked in the last part of the
        window before. If more had been answered in the window before that, the plan allows more.
        """
        refused_for = self._eased_at - end
        if refused_for < _SILENT:
            return False
        if refused_for >= window:
            return True
        began = end - (window - refused_for)
        return self._answered_within(began - window, began) > _MORE * self._answered_within(began, end)

    def _answered_within(self, begin: float, end: float) -> int:
        return sum(count for at, count in self._answers if begin <= at <= end)

    def _raise(self, now: float) -> None:
        """Allow a little more, if more would have been asked and nothing was refused for a while."""
        if now < self._hold_until:
            return
        if self.rate is not None and self._held_back_by_rate:
            near = 0.8 * self._ceiling <= self.rate <= 1.2 * self._ceiling
            self.rate *= _STEP_OF_SLOW if self.is_slow else _STEP_NEAR_CEILING if near else _STEP
            if self.rate > _UNLIMITED:
                self.rate = None
        elif self.at_once < MOST_AT_ONCE and self._held_back_by_at_once:
            self.at_once += 1
        else:
            return
        self._held_back_by_rate = self._held_back_by_at_once = False
        self._hold_until = now + _SHORTEST_HOLD / 3
