"""How vendors limit endpoints, as rules that admit a request or not, by the time of the loop."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Words = Callable[[float], dict[str, Any]]
"""From the seconds to wait to the members of an error object."""


@dataclass(frozen=True)
class Asked:
    """A request; of a range of logs, how many blocks and logs are in it."""

    method: str
    blocks: int = 0
    logs: int = 0


def plainly(_wait: float) -> dict[str, Any]:
    """The words that most of them use."""
    return {"code": -32005, "message": "Too Many Requests"}


@dataclass
class Plan:
    """What one endpoint allows: nothing is limited."""

    latency: float = 0.05
    words: Words = plainly

    def admits(self, _now: float, _asked: Asked) -> float | None:
        """None where a request is answered; else the seconds after which it would be."""
        return None

    def ended(self) -> None:
        """A request that was admitted has been answered."""


@dataclass
class FixedWindow(Plan):
    """So many requests in each window, which begin at fixed instants."""

    most: int = 25
    seconds: float = 1.0
    window: int = -1
    count: int = 0

    def admits(self, now: float, _asked: Asked) -> float | None:
        if int(now // self.seconds) != self.window:
            self.window, self.count = int(now // self.seconds), 0
        if self.count >= self.most:
            return self.seconds - now % self.seconds
        self.count += 1
        return None


@dataclass
class SlidingWindow(Plan):
    """So many requests within any window of so many seconds; refused ones count as well where it is ``strict``."""

    most: int = 25
    seconds: float = 1.0
    strict: bool = False
    at: deque[float] = field(default_factory=deque)

    def admits(self, now: float, _asked: Asked) -> float | None:
        while self.at and self.at[0] <= now - self.seconds:
            self.at.popleft()
        if len(self.at) >= self.most:
            wait = self.at[0] + self.seconds - now
            if self.strict:
                self.at.append(now)
                self.at.popleft()
            return wait
        self.at.append(now)
        return None


@dataclass
class Bucket(Plan):
    """A token bucket; each method costs so many tokens."""

    refill: float = 5.0
    burst: float = 50.0
    costs: dict[str, float] = field(default_factory=dict)
    tokens: float | None = None
    at: float = 0.0

    def admits(self, now: float, asked: Asked) -> float | None:
        tokens = self.burst if self.tokens is None else min(self.burst, self.tokens + (now - self.at) * self.refill)
        self.at, cost = now, self.costs.get(asked.method, 1.0)
        if tokens < cost:
            self.tokens = tokens
            return (cost - tokens) / self.refill
        self.tokens = tokens - cost
        return None


@dataclass
class InFlight(Plan):
    """So many requests at the same time."""

    most: int = 3
    under_way: int = 0

    def admits(self, _now: float, _asked: Asked) -> float | None:
        if self.under_way >= self.most:
            return self.latency
        self.under_way += 1
        return None

    def ended(self) -> None:
        self.under_way -= 1


@dataclass
class Sizes(Plan):
    """So many blocks and logs in one answer."""

    blocks: int = 10**9
    logs: int = 10**9

    def admits(self, _now: float, asked: Asked) -> float | None:
        return 0.0 if asked.blocks > self.blocks or asked.logs > self.logs else None


@dataclass
class Spent(Plan):
    """The day's requests are used up after so many."""

    most: int = 0
    count: int = 0

    def admits(self, now: float, _asked: Asked) -> float | None:
        self.count += 1
        return None if self.count <= self.most else 86_400.0 - now
