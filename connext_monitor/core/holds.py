"""What a channel may be sent next, by what it has answered: held as a whole, in its edits, or for one message only.

A failure is the channel's until something shows that it is the message's: the channel says so, or takes another one in
between. What is the message's makes that one wait by itself, and the others pass.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import inf

from connext_monitor.core.delivery import FailureCause, QueuedDelivery, TryLater, wait_before

NEWS_CUTS_AT = 60.0
"""Seconds after the last try from which on a critical alert that is new ends a hold."""

_CHANNELS_OWN = frozenset({FailureCause.RATE_LIMITED, FailureCause.UNREACHABLE})
"""What no message can be to blame for: it was not even seen."""

_DOUBTED_AFTER = 4
"""After so many failures of one message the others are tried in turn, to see whose fault it is."""
_REFUSALS_BORNE = 2
_LONGEST_PAUSE_AFTER_REFUSALS = 60.0


class Lane(Enum):
    """What a message is held with: edits never hold up news."""

    NEWS = "new messages"
    EDITS = "changes of messages that stand, and reports"


@dataclass(frozen=True, slots=True)
class Held:
    """What may not be sent yet, at one moment; all instants in Unix seconds of our own clock.

    ``tried_at`` is the last try that failed; ``alone`` the messages that wait by themselves; ``doubted`` those that
    have failed, and when, while it is being found out whether others pass.
    """

    news_until: float = -inf
    edits_until: float = -inf
    tried_at: float = -inf
    alone: Mapping[str, float] = field(default_factory=dict)
    doubted: Mapping[str, float] = field(default_factory=dict)

    def until(self, key: str, lane: Lane, *, calls: bool = False) -> float:
        """Until when this message is held; ``calls``: a critical alert has come since the last try."""
        held = min(self.news_until, self.tried_at + NEWS_CUTS_AT) if calls else self.news_until
        if lane is Lane.EDITS:
            held = max(held, self.edits_until)
        return max(held, self.alone.get(key, -inf))

    def turn(self, key: str) -> float:
        """Its place, the lowest first: others go before what has failed, and what failed last is tried again last."""
        return inf if key in self.alone else self.doubted.get(key, -inf)


NOTHING_HELD = Held()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One message that was tried: its key in the queue, its lane, and how often it had failed before."""

    key: str
    lane: Lane
    attempts: int


@dataclass(slots=True)
class _Stop:
    """A lane's failures in a row, and until when it is held."""

    failures: int = 0
    until: float = -inf


@dataclass(frozen=True, slots=True)
class _Failures:
    """One message's: in which round they began, how many in a row, and when the last was."""

    round: int
    count: int
    at: float


@dataclass(frozen=True, slots=True)
class _Alone:
    until: float
    lane: Lane
    reason: str


class Holds:
    """One channel's answers since the process started. All instants are seconds of a clock that is never set back."""

    def __init__(self) -> None:
        self._stops = {lane: _Stop() for lane in Lane}
        self._alone: dict[str, _Alone] = {}
        self._failed: dict[str, _Failures] = {}
        self._round = 0  # counts the messages taken
        self._refusals = 0
        self._tried_at = -inf

    def taken(self, tried: Attempt) -> None:
        """The channel took it."""
        self._round += 1
        self._refusals = 0
        self._stops[tried.lane] = _Stop()
        self._alone.pop(tried.key, None)
        self._failed.pop(tried.key, None)

    def failed(self, tried: Attempt, outcome: TryLater, now: float, jitter: float) -> float:
        """The channel did not take it now; how many seconds it waits, ``jitter`` within 0 to 1."""
        if self._is_the_messages(tried.key, outcome.cause):
            wait = wait_before(tried.attempts + 1, outcome.after, jitter)
            self._alone[tried.key] = _Alone(now + wait, tried.lane, outcome.reason)
            return wait
        stop = self._stops[tried.lane]
        stop.failures += 1
        wait = wait_before(stop.failures, outcome.after, jitter)
        stop.until = now + wait
        self._tried_at = now
        if outcome.cause not in _CHANNELS_OWN:
            known = self._failed.get(tried.key, _Failures(self._round, 0, now))
            self._failed[tried.key] = _Failures(known.round, known.count + 1, now)
        return wait

    def refused(self, tried: Attempt, reason: str, now: float, jitter: float) -> float:
        """The channel takes it in no form; how many seconds it waits. Where nothing else passes, all wait a little."""
        wait = wait_before(tried.attempts + 1, None, jitter)
        self._alone[tried.key] = _Alone(now + wait, tried.lane, reason)
        self._refusals += 1
        if self._refusals > _REFUSALS_BORNE:
            pause = 2.0 ** min(self._refusals - _REFUSALS_BORNE, 10) / 2
            self._stops[tried.lane].until = now + min(pause, _LONGEST_PAUSE_AFTER_REFUSALS)
            self._tried_at = now
        return wait

    @property
    def not_taken(self) -> str | None:
        """Which news the channel does not take while it takes others, in words; None where there is none."""
        reasons = [alone.reason for alone in self._alone.values() if alone.lane is Lane.NEWS]
        if not reasons:
            return None
        many = "one message" if len(reasons) == 1 else f"{len(reasons):,} messages"
        return f"does not take {many}, though it takes others: {reasons[-1]}"

    def at(self, now: float, time_of_day: float) -> Held:
        """The holds as seen ``now``, which is that time of day (Unix seconds)."""
        shift = time_of_day - now
        failed = {key: one for key, one in self._failed.items() if one.round == self._round}
        in_doubt = any(one.count >= _DOUBTED_AFTER for one in failed.values())
        return Held(
            news_until=self._stops[Lane.NEWS].until + shift,
            edits_until=self._stops[Lane.EDITS].until + shift,
            tried_at=self._tried_at + shift,
            alone={key: alone.until + shift for key, alone in self._alone.items()},
            doubted={key: one.at + shift for key, one in failed.items()} if in_doubt else {},
        )

    def _is_the_messages(self, key: str, cause: FailureCause) -> bool:
        """Whether the failure is about this message: it failed before, and another was taken meanwhile."""
        if cause in _CHANNELS_OWN:
            return False
        failed_before = key in self._failed and self._failed[key].round < self._round
        return cause is FailureCause.FAULT or key in self._alone or failed_before


def delivery_key(delivery_id: int) -> str:
    """What a delivery is held by."""
    return f"delivery {delivery_id}"


def group_key(group_id: int) -> str:
    """What a group's message is held by."""
    return f"group {group_id}"


def in_turn(
    queued: Iterable[QueuedDelivery], held: Held, newest_critical: float = -inf
) -> list[tuple[float, QueuedDelivery]]:
    """Deliveries that are told each by itself, in the order to try them, each with the time from which on it may be.

    What was tried goes first, then in the order in which they were stored; what waits by itself, or is doubted, last.
    ``newest_critical``: when the last critical alert came that has not been tried (Unix seconds).
    """
    calls = newest_critical > held.tried_at

    def rank(one: QueuedDelivery) -> tuple[float, bool, int]:
        return (held.turn(delivery_key(one.id)), not one.attempts, one.id)

    ranked = sorted(queued, key=rank)
    return [(held.until(delivery_key(one.id), Lane.NEWS, calls=calls), one) for one in ranked]


def independent(deliveries: Sequence[QueuedDelivery]) -> list[QueuedDelivery]:
    """Those before the second of any alert: what that changes is what the channel is yet to answer to the first."""
    kept: dict[str, QueuedDelivery] = {}
    for delivery in deliveries:
        if delivery.alert.id in kept:
            break
        kept[delivery.alert.id] = delivery
    return list(kept.values())
