"""Deliveries that look like phantoms and are not accused, because a chain that has to confirm it does not answer."""

from collections.abc import Collection
from dataclasses import dataclass

from connext_monitor.clock import Clock
from connext_monitor.core.events import DomainId, TransferId
from connext_monitor.core.hindrance import Hindrance, Obstacle
from connext_monitor.core.unjudged import Unjudged


@dataclass(frozen=True, slots=True)
class _HeldDelivery:
    """A delivery that waits for a chain's answer, ``since`` then (monotonic seconds)."""

    domain: DomainId
    since: float
    hindrance: Hindrance


class HeldDeliveries:
    """Which deliveries wait for which chain, and since when."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[TransferId, _HeldDelivery] = {}

    def hold(self, transfer_id: TransferId, domain: DomainId, reason: str) -> None:
        """This delivery waits for an answer of this chain, which is not given for this ``reason``."""
        before = self._held.get(transfer_id)
        since = before.since if before and before.domain == domain else self._clock.monotonic()
        self._held[transfer_id] = _HeldDelivery(domain, since, Hindrance(Obstacle.NOT_ANSWERED, reason))

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
        first = min(waiting, key=lambda held: held.since)
        return Unjudged(0, int(self._clock.monotonic() - first.since), first.hindrance, len(waiting))
