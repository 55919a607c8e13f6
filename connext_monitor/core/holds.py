"""What a channel may be sent next, given its answers: all of it, its edits, or one message may be on hold.

A failure counts as the channel's until something shows that the message is to blame: the channel says so, or takes
another message in between. A message to blame waits by itself, and the others pass.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import inf

from connext_monitor.core.delivery import FailureCause, TryLater, wait_before
from connext_monitor.core.queue import QueuedDelivery
from connext_monitor.core.structs import struct

NEWS_CUTS_AT = 60.0
"""Seconds after the last attempt from which on a new critical alert ends a hold."""

_CHANNELS_OWN = frozenset({FailureCause.RATE_LIMITED, FailureCause.UNREACHABLE})
"""Causes that no message is to blame for: it was not even seen."""

_DOUBTED_AFTER = 4
"""After so many failures of one message the others are tried in turn, to see whether it is to blame."""
_REFUSALS_BORNE = 2
_LONGEST_PAUSE_AFTER_REFUSALS = 60.0


class Lane(Enum):
    """What a message is put on hold with: edits never hold up news."""

    NEWS = "new messages"
    EDITS = "edits of earlier messages, and reports"


@struct(frozen=True, slots=True)
class Held:
    """What may not be sent yet, at one instant; all instants in Unix seconds of our own clock.

    ``tried_at`` is the last attempt that failed; ``alone`` the messages that wait by themselves, and until when;
    ``doubted`` those that have failed, and when, while others are tried to see whether they pass.
    """

    news_until: float = -inf
    edits_until: float = -inf
    tried_at: float = -inf
    alone: Mapping[str, float] = field(default_factory=dict)
    doubted: Mapping[str, float] = field(default_factory=dict)

    def until(self, key: str, lane: Lane, *, urgent: bool = False) -> float:
        """Until when this message is on hold; ``urgent``: a critical alert was queued since the last attempt."""
        held = min(self.news_until, self.tried_at + NEWS_CUTS_AT) if urgent else self.news_until
        if lane is Lane.EDITS:
            held = max(held, self.edits_until)
        return max(held, self.alone.get(key, -inf))

    def turn(self, key: str) -> float:
        """Its rank, the lowest first: what has failed goes after the others, and what failed last goes last."""
        return inf if key in self.alone else self.doubted.get(key, -inf)


NOTHING_HELD = Held()


@struct(frozen=True, slots=True)
class Attempt:
    """One attempt to send a message: its key, its lane, and how many attempts had failed before."""

    key: str
    lane: Lane
    attempts: int


@dataclass(slots=True)
class _LaneHold:
    """A lane's failures in a row, and until when it is on hold."""

    failures: int = 0
    until: float = -inf


@struct(frozen=True, slots=True)
class _Failures:
    """One message's failures: in which round they began, how many in a row, and when the last was."""

    round: int
    count: int
    at: float


@struct(frozen=True, slots=True)
class _MessageHold:
    """Until when one message waits by itself, and why."""

    until: float
    lane: Lane
    reason: str


class Holds:
    """What one channel has answered since the start; instants are seconds of a clock that is never set back."""

    def __init__(self) -> None:
        self._lanes = {lane: _LaneHold() for lane in Lane}
        self._alone: dict[str, _MessageHold] = {}
        self._failed: dict[str, _Failures] = {}
        self._round = 0  # counts the messages taken
        self._refusals = 0
        self._tried_at = -inf

    def taken(self, tried: Attempt) -> None:
        """Note that the channel took it."""
        self._round += 1
        self._refusals = 0
        self._lanes[tried.lane] = _LaneHold()
        self._alone.pop(tried.key, None)
        self._failed.pop(tried.key, None)

    def failed(self, tried: Attempt, outcome: TryLater, now: float, jitter: float) -> float:
        """Note that the channel did not take it now; seconds to wait. ``jitter`` is from 0 to 1."""
        if self._is_the_messages(tried.key, outcome.cause):
            wait = wait_before(tried.attempts + 1, outcome.after, jitter)
            self._alone[tried.key] = _MessageHold(now + wait, tried.lane, outcome.reason)
            return wait
        stop = self._lanes[tried.lane]
        stop.failures += 1
        wait = wait_before(stop.failures, outcome.after, jitter)
        stop.until = now + wait
        self._tried_at = now
        if outcome.cause not in _CHANNELS_OWN:
            before = self._failed.get(tried.key, _Failures(self._round, 0, now))
            self._failed[tried.key] = _Failures(before.round, before.count + 1, now)
        return wait

    def refused(self, tried: Attempt, reason: str, now: float, jitter: float) -> float:
        """Note that the channel rejects it in every form; seconds to wait. Where nothing passes, all wait a little."""
        wait = wait_before(tried.attempts + 1, None, jitter)
        self._alone[tried.key] = _MessageHold(now + wait, tried.lane, reason)
        self._refusals += 1
        if self._refusals > _REFUSALS_BORNE:
            pause = 2.0 ** min(self._refusals - _REFUSALS_BORNE, 10) / 2
            self._lanes[tried.lane].until = now + min(pause, _LONGEST_PAUSE_AFTER_REFUSALS)
            self._tried_at = now
        return wait

    @property
    def not_taken(self) -> str | None:
        """In words, the news that the channel does not take though it takes others; None where there is none."""
        reasons = [alone.reason for alone in self._alone.values() if alone.lane is Lane.NEWS]
        if not reasons:
            return None
        many = "one message" if len(reasons) == 1 else f"{len(reasons):,} messages"
        return f"does not take {many}, though it takes others: {reasons[-1]}"

    def at(self, now: float, time_of_day: float) -> Held:
        """The holds as of ``now``, which is that time of day (Unix seconds)."""
        shift = time_of_day - now
        failed = {key: failures for key, failures in self._failed.items() if failures.round == self._round}
        in_doubt = any(failures.count >= _DOUBTED_AFTER for failures in failed.values())
        return Held(
            news_until=self._lanes[Lane.NEWS].until + shift,
            edits_until=self._lanes[Lane.EDITS].until + shift,
            tried_at=self._tried_at + shift,
            alone={key: alone.until + shift for key, alone in self._alone.items()},
            doubted={key: failures.at + shift for key, failures in failed.items()} if in_doubt else {},
        )

    def _is_the_messages(self, key: str, cause: FailureCause) -> bool:
        """Whether this message is to blame: it failed before, and another was taken in between."""
        if cause in _CHANNELS_OWN:
            return False
        failed_before = key in self._failed and self._failed[key].round < self._round
        return cause is FailureCause.FAULT or key in self._alone or failed_before


def delivery_key(delivery_id: int) -> str:
    """The key of a delivery's message."""
    return f"delivery {delivery_id}"


def group_key(group_id: int) -> str:
    """The key of a group's message."""
    return f"group {group_id}"


def in_turn(
    queued: Iterable[QueuedDelivery], held: Held, newest_critical: float = -inf
) -> list[tuple[float, QueuedDelivery]]:
    """Deliveries that are each sent alone, in the order to attempt them, each with the earliest time for that.

    Retries go first, then the others in the order in which they were stored; what waits by itself, or is doubted, goes
    last. ``newest_critical``: when the newest critical alert was queued that has not been attempted (Unix seconds).
    """
    urgent = newest_critical > held.tried_at

    def rank(delivery: QueuedDelivery) -> tuple[float, bool, int]:
        return (held.turn(delivery_key(delivery.id)), not delivery.attempts, delivery.id)

    ranked = sorted(queued, key=rank)
    return [(held.until(delivery_key(delivery.id), Lane.NEWS, urgent=urgent), delivery) for delivery in ranked]


def independent(deliveries: Sequence[QueuedDelivery]) -> list[QueuedDelivery]:
    """Those before an alert's second delivery, which depends on how the channel answers the first."""
    kept: dict[str, QueuedDelivery] = {}
    for delivery in deliveries:
        if delivery.alert.id in kept:
            break
        kept[delivery.alert.id] = delivery
    return list(kept.values())
