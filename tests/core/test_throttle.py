"""What a throttle makes of refusals: a plan's pace, or an outage that says nothing about one."""

from dataclasses import dataclass, field
from typing import Protocol

import pytest

from connext_monitor.core.throttle import Throttle

LATENCY = 0.05


class Endpoint(Protocol):
    """Says whether a request made at an instant is answered."""

    def at(self, now: float, /) -> bool: ...


@dataclass
class Asking:
    """Asks an endpoint as fast as its throttle lets it, but no faster than ``every`` seconds; time is made up."""

    throttle: Throttle = field(default_factory=Throttle)
    now: float = 1000.0
    every: float = 0.5

    def until(self, end: float, answers: "bool | Endpoint") -> None:
        """Ask until then."""
        while self.now < end:
            wait = self.throttle.wait(self.now, 0)
            assert wait is not None
            if wait > 0:
                self.now += wait
                continue
            began = self.now
            self.throttle.began(began)
            self.now += LATENCY
            if answers if isinstance(answers, bool) else answers.at(began):
                self.throttle.answered(self.now, began, 1)
            else:
                self.throttle.refused(self.now, began, 1)
            self.now = max(self.now, began + self.every)


class Answers:
    """An endpoint that answers ``most`` requests in each window of ``seconds``."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._window = -1
        self._count = 0

    def at(self, now: float) -> bool:
        if int(now // self._seconds) != self._window:
            self._window, self._count = int(now // self._seconds), 0
        self._count += 1
        return self._count <= self._most


class EveryOther:
    """An endpoint that refuses every other request, however seldom it is asked."""

    def __init__(self) -> None:
        self._count = 0

    def at(self, _now: float) -> bool:
        self._count += 1
        return self._count % 2 == 0


def after_an_outage(seconds: float) -> Throttle:
    """Half a minute after everything was refused for so long; two requests a second had been answered before."""
    asking = Asking()
    asking.until(1180.0, answers=True)
    asking.until(1180.0 + seconds, answers=False)
    asking.until(asking.now + 30, answers=True)
    return asking.throttle


@pytest.mark.parametrize("seconds", [20, 25, 50, 90, 600])
def test_a_silence_that_no_plan_explains_shows_no_pace(seconds: float) -> None:
    assert after_an_outage(seconds).rate is None


@pytest.mark.parametrize("seconds", [1, 3, 5, 10])
def test_a_short_silence_leaves_most_of_the_pace(seconds: float) -> None:
    rate = after_an_outage(seconds).rate
    assert rate is None or rate >= 1.5


def test_an_endpoint_that_had_answered_nothing_shows_no_pace() -> None:
    asking = Asking()
    asking.until(1001.0, answers=False)
    asking.until(1010.0, answers=True)
    assert asking.throttle.rate is None


@pytest.mark.parametrize(("most", "seconds"), [(60, 60.0), (300, 60.0), (30, 10.0), (5, 1.0)])
def test_the_pace_of_a_plan_is_learned(most: int, seconds: float) -> None:
    asking = Asking(every=0.0)
    asking.until(1500.0, Answers(most, seconds))
    assert asking.throttle.rate == pytest.approx(most / seconds, rel=0.35)


def test_a_pace_that_fell_without_a_plan_rises_again_within_seconds() -> None:
    asking = Asking(every=0.3)
    asking.until(1100.0, EveryOther())
    assert asking.throttle.is_slow
    asking.until(asking.now + 12, answers=True)
    assert asking.throttle.rate is None or asking.throttle.rate >= 2
