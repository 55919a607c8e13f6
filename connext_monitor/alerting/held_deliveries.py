"""Deliveries that look like phantoms and are not accused, because a chain that has to confirm it does not answer."""

from collections.abc import Collection
from dataclasses import dataclass

from connext_monitor.clock import Clock
from connext_monitor.core.events import DomainId, TransferId
from connext_monitor.core.hindrance import Hindrance, Obstacle
from connext_monitor.core.unjudged import Unjudged

_FAIR_CHANCE = 10.0
"""Seconds that a chain has to answer after a restart, before what was held by then waits on."""


@dataclass(frozen=True, slots=True)
class _HeldDelivery:
    """A delivery that waits for a chain's answer, ``since`` then (monotonic seconds), and for so long ``before``."""

    domain: DomainId
    since: float
    before: float
    hindrance: Hindrance

    def waited_for(self, now: float) -> float:
        """Seconds, at this instant."""
        here = now - self.since
        return here if here < _FAIR_CHANCE else here + self.before


class HeldDeliveries:
    """Which deliveries wait for which chain, and since when."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[TransferId, _HeldDelivery] = {}

    def hold(self, transfer_id: TransferId, domain: DomainId, reason: str, before: float = 0.0) -> None:
        """This delivery waits for an answer of this chain, which is not given for this ``reason``.

        It has waited for ``before`` seconds while other programs ran, before this one started.
        """
        held = self._held.get(transfer_id)
        since = held.since if held and held.domain == domain else self._clock.monotonic()
        self._held[transfer_id] = _HeldDelivery(domain, since, before, Hindrance(Obstacle.NOT_ANSWERED, reason))

    def release(self, transfer_id: TransferId) -> None:
        """It waits no longer."""
        self._held.pop(transfer_id, None)

    def keep_only(self, transfer_ids: Collection[TransferId]) -> None:
        """Forget all others."""
        self._held = {transfer_id: held for transfer_id, held in self._held.items() if transfer_id in transfer_ids}

    def because_of(self, domain: DomainId) -> Unjudged | None:
        """Those that wait for this chain, by the one that has waited for longest; None where none does."""
        waiting = [held for held in self._held.values() if held.domain == domain]
        if not waiting:
            return None
        now = self._clock.monotonic()
        first = max(waiting, key=lambda held: held.waited_for(now))
        return Unjudged(0, int(first.waited_for(now)), first.hindrance, len(waiting))
