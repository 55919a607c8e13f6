"""Which endpoint of a chain to use: the first in the config that is healthy, judged by its progress and its answers.

An endpoint goes by its index in the config. Instants and durations are seconds on a monotonic clock.
"""

from collections.abc import Sequence
from enum import StrEnum

from connext_monitor.core.structs import replace, struct

_FIRST_REST = 0.5
_LONGEST_REST = 300.0
_LONGEST_WAIT = 10.0
"""If all endpoints rest, one is tried after this long all the same: nobody else sees the chain."""
_DISTRUST = 1800.0
_ENOUGH_ANSWERS = 8


class EndpointFailure(StrEnum):
    """Why the use of an endpoint ended."""

    FAILED = "it failed"
    NOT_BELIEVED = "its answers contradict another endpoint's"


@struct(frozen=True, slots=True)
class EndpointHealth:
    """How one endpoint has done.

    ``failures`` counts those in a row without progress between them. The endpoint is left alone until ``rests_until``,
    and used only if no other one can be until ``distrusted_until``.
    """

    failures: int = 0
    rests_until: float = 0.0
    distrusted_until: float = 0.0


@struct(frozen=True, slots=True)
class Choice:
    """The index of the endpoint to try next, and how many seconds to wait before."""

    index: int
    wait: float


def health_after_use(
    health: EndpointHealth,
    now: float,
    failure: EndpointFailure,
    jitter: float,
    *,
    progressed: bool,
    retry_after: float = 0.0,
) -> EndpointHealth:
    """The health after a use has ended; ``jitter`` within 0 to 1, ``retry_after`` the seconds it asked for.

    Only progress resets the backoff: a server that accepts connections and then closes them makes none.
    """
    failures = 0 if progressed else health.failures + 1
    rest = min(_LONGEST_REST, _FIRST_REST * 2.0 ** min(failures, 20)) * (0.5 + 0.5 * jitter)
    rest = max(rest, min(_LONGEST_REST, retry_after))
    distrusted_until = now + _DISTRUST if failure is EndpointFailure.NOT_BELIEVED else health.distrusted_until
    return replace(health, failures=failures, rests_until=now + rest, distrusted_until=distrusted_until)


def choose(healths: Sequence[EndpointHealth], now: float) -> Choice:
    """The endpoint to use now: rested and trusted, else merely rested, else any; among equals by the config's order."""
    ranked = sorted(range(len(healths)), key=lambda index: (_rank(healths[index], now), index))
    if all(health.rests_until > now for health in healths):
        ranked = sorted(ranked, key=lambda index: healths[index].rests_until)
    chosen = healths[ranked[0]]
    return Choice(ranked[0], min(_LONGEST_WAIT, max(0.0, chosen.rests_until - now)))


def preferred(healths: Sequence[EndpointHealth], in_use: int, now: float) -> int | None:
    """The endpoint worth going back to if it works: one that comes before the one in use."""
    ready = (index for index in range(in_use) if _rank(healths[index], now) == 0)
    return next(ready, None)


def usable_besides(healths: Sequence[EndpointHealth], in_use: int | None, now: float) -> list[int]:
    """The endpoints that may be asked for a second opinion, the best first."""
    return sorted(
        (index for index, health in enumerate(healths) if index != in_use and health.rests_until <= now),
        key=lambda index: (_rank(healths[index], now), index),
    )


@struct(frozen=True, slots=True)
class ResponseTime:
    """How long an endpoint takes for a small answer: ``seconds`` is smoothed over the last ``answers`` or so."""

    seconds: float = 0.0
    answers: int = 0

    def after(self, seconds: float) -> "ResponseTime":
        """With one more answer."""
        weight = 1 / min(self.answers + 1, _ENOUGH_ANSWERS)
        return ResponseTime(self.seconds + weight * (seconds - self.seconds), self.answers + 1)

    def exceeds(self, seconds: float) -> bool:
        """Whether it is longer than that; not said before there are enough answers."""
        return self.answers >= _ENOUGH_ANSWERS and self.seconds > seconds


def _rank(health: EndpointHealth, now: float) -> int:
    if health.rests_until > now:
        return 2
    return 1 if health.distrusted_until > now else 0
