"""The legs of one destination that are past due, until each of them is judged."""

import asyncio
import math
from dataclasses import dataclass

from connext_monitor.clock import Clock
from connext_monitor.core.deadline import Awaited, Leg
from connext_monitor.core.events import Timestamp, TransferId
from connext_monitor.core.hindrance import Hindrance, Obstacle

LegKey = tuple[TransferId, Leg]

_OF_SOME = frozenset({Obstacle.EVENT_MISSING, Obstacle.ORIGIN_NOT_READ})


def key_of(awaited: Awaited) -> LegKey:
    """What distinguishes a leg from all others."""
    return awaited.transfer_id, awaited.leg


@dataclass(slots=True, eq=False)
class WaitingLeg:
    """A leg that is past due, with what has been met in judging it."""

    awaited: Awaited
    not_before: float = 0.0
    """When it is looked at again at the earliest (monotonic seconds)."""
    unanswered: int = 0
    """How often it was asked about in vain."""
    hindrance: Hindrance | None = None
    judged_since: float = math.inf
    """When it was judged first (monotonic seconds)."""
    not_read: int = 0
    """How often its origin was found not to have been read again since then."""
    fetches: int = 0
    """How often its missing event has been looked for."""

    @property
    def key(self) -> LegKey:
        """What distinguishes it from all others."""
        return key_of(self.awaited)


class WaitingLegs:
    """``wake`` is set whenever there may be one to judge."""

    def __init__(self, clock: Clock, wake: asyncio.Event) -> None:
        self._clock = clock
        self._wake = wake
        self._legs: dict[LegKey, WaitingLeg] = {}

    def __len__(self) -> int:
        return len(self._legs)

    def __contains__(self, key: LegKey) -> bool:
        return key in self._legs

    def add(self, awaited: Awaited) -> None:
        """One that is past due; what is known of one that waits already stays known."""
        waiting = self._legs.setdefault(key_of(awaited), WaitingLeg(awaited))
        waiting.awaited = awaited
        self._wake.set()

    def drop(self, key: LegKey) -> None:
        """It need not be judged any more."""
        self._legs.pop(key, None)

    def still_waits(self, leg: WaitingLeg) -> bool:
        """Whether it has not been dropped; if it has been added again since then, that is another one."""
        return self._legs.get(leg.key) is leg

    def ready(self, watermark: Timestamp) -> list[WaitingLeg]:
        """Those to judge where the destination is covered up to there, the earliest first."""
        now = self._clock.monotonic()
        ready = [leg for leg in self._legs.values() if leg.awaited.due_at < watermark and leg.not_before <= now]
        return sorted(ready, key=lambda leg: leg.awaited.due_at)

    def postpone(self, leg: WaitingLeg, seconds: float, at: float | None = None) -> None:
        """Look at it again after so long, and not before; ``at`` the same instant, several stay together."""
        if self.still_waits(leg):
            leg.not_before = (self._clock.monotonic() if at is None else at) + seconds
            asyncio.get_running_loop().call_later(seconds, self._wake.set)

    @property
    def hindrance(self) -> Hindrance | None:
        """What was met in judging them: what concerns all of them, else what concerns the one that has waited longest.

        What nobody answers concerns all, what is missing or has not been read again only some.
        """
        met = ((leg.awaited.due_at, leg.hindrance) for leg in self._legs.values() if leg.hindrance is not None)
        return min(met, key=lambda each: (each[1].obstacle in _OF_SOME, each[0]), default=(None, None))[1]
