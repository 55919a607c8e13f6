"""Which endpoint of a chain to use: the first in the config that is healthy, judged by its progress and its answers.

Instants and durations are seconds on a monotonic clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

_FIRST_REST = 0.5
_LONGEST_REST = 300.0
_LONGEST_WAIT = 30.0
"""Where every endpoint rests, one of them is tried after this long all the same: nobody else sees the chain."""
_DISTRUST = 1800.0
_SLOW = 3.0
_ENOUGH_ANSWERS = 8


class Trouble(StrEnum):
    """Why the use of an endpoint ended."""

    FAILED = "it failed"
    NOT_BELIEVED = "its answers contradict another endpoint's"


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """What is known of one endpoint.

    ``failures`` counts those in a row without progress between them; until ``rests_until`` it is left alone, and until
    ``distrusted_until`` it is used only where no other one can be.
    """

    failures: int = 0
    rests_until: float = 0.0
    distrusted_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """The endpoint to try next, by its place in the config, and how many seconds to wait before."""

    place: int
    wait: float


def ended(
    health: EndpointHealth, now: float, trouble: Trouble, jitter: float, *, progressed: bool, retry_after: float = 0.0
) -> EndpointHealth:
    """The health after its use ended; ``jitter`` within 0 to 1, ``retry_after`` the seconds that it asked for.

    Only progress starts the backoff over: a server that accepts and then closes makes none.
    """
    failures = 0 if progressed else health.failures + 1
    rest = min(_LONGEST_REST, _FIRST_REST * 2.0 ** min(failures, 20)) * (0.5 + 0.5 * jitter)
    rest = max(rest, min(_LONGEST_REST, retry_after))
    distrusted_until = now + _DISTRUST if trouble is Trouble.NOT_BELIEVED else health.distrusted_until
    return replace(health, failures=failures, rests_until=now + rest, distrusted_until=distrusted_until)


def choose(healths: Sequence[EndpointHealth], now: float) -> Choice:
    """The endpoint to use now: rested and trusted before rested before all others, then in the order of the config."""
    ranked = sorted(range(len(healths)), key=lambda place: (_rank(healths[place], now), place))
    if all(health.rests_until > now for health in healths):
        ranked = sorted(ranked, key=lambda place: healths[place].rests_until)
    chosen = healths[ranked[0]]
    return Choice(ranked[0], min(_LONGEST_WAIT, max(0.0, chosen.rests_until - now)))


def preferred(healths: Sequence[EndpointHealth], in_use: int, now: float) -> int | None:
    """The endpoint that is worth going back to, if it works: one that stands before the one in use."""
    ready = (place for place in range(in_use) if _rank(healths[place], now) == 0)
    return next(ready, None)


def others(healths: Sequence[EndpointHealth], in_use: int, now: float) -> list[int]:
    """The endpoints that may be asked for a second opinion, the best first."""
    return sorted(
        (place for place, health in enumerate(healths) if place != in_use and health.rests_until <= now),
        key=lambda place: (_rank(healths[place], now), place),
    )


@dataclass(frozen=True, slots=True)
class ResponseTime:
    """How long an endpoint takes for a small answer: ``seconds`` is smoothed over the last ``answers`` or so."""

    seconds: float = 0.0
    answers: int = 0

    def after(self, seconds: float) -> "ResponseTime":
        """With one more answer."""
        weight = 1 / min(self.answers + 1, _ENOUGH_ANSWERS)
        return ResponseTime(self.seconds + weight * (seconds - self.seconds), self.answers + 1)

    @property
    def slow(self) -> bool:
        """Whether another endpoint would be better; not said before there are enough answers."""
        return self.answers >= _ENOUGH_ANSWERS and self.seconds > _SLOW


def _rank(health: EndpointHealth, now: float) -> int:
    if health.rests_until > now:
        return 2
    return 1 if health.distrusted_until > now else 0
