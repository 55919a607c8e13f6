"""Deadlines: when a leg is due, what its state is, and what a change of its transfer means for both.

Instants are Unix seconds of block time. A leg in a block stamped exactly ``due_at`` is met.
"""

from collections.abc import Callable
from enum import StrEnum

from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.events import DomainId, Timestamp, TransferId
from connext_monitor.core.structs import struct
from connext_monitor.core.transfer import Sighting, Transfer


class Leg(StrEnum):
    """What a transfer is owed on its destination."""

    EXECUTE = "execute"
    RECONCILE = "reconcile"


LEGS = tuple(Leg)
"""Both; to go through the enum itself is slow."""


class DeadlineState(StrEnum):
    """How a leg stands with its deadline, in the API's words."""

    PENDING = "pending"
    MET = "met"
    LATE = "late"
    OVERDUE = "overdue"
    UNOBSERVED = "unobserved"


@struct(frozen=True, slots=True)
class Durations:
    """How long after XCalled each leg is due on one pathway, in seconds."""

    execute: int
    reconcile: int

    def of(self, leg: Leg) -> int:
        """The leg's own."""
        return self.execute if leg is Leg.EXECUTE else self.reconcile


PathwayDurations = Callable[[DomainId, DomainId], Durations | None]
"""The durations of the pathway origin → destination; None where the destination is not a configured chain."""


@struct(frozen=True, slots=True)
class DueDates:
    """Until when each leg is due; kept with the transfer."""

    execute: Timestamp
    reconcile: Timestamp

    def of(self, leg: Leg) -> Timestamp:
        """The leg's own."""
        return self.execute if leg is Leg.EXECUTE else self.reconcile


@struct(frozen=True, slots=True)
class TransferWithDeadlines:
    """A transfer with the deadlines it was given; None where nobody watches its destination.

    ``number`` is the store's own; lists are in its order where transfers began in the same second.
    """

    transfer: Transfer
    due: DueDates | None
    number: int


@struct(frozen=True, slots=True)
class Awaited:
    """A leg that has not arrived, until when it is due, and the chain that it is due on."""

    transfer_id: TransferId
    leg: Leg
    due_at: Timestamp
    destination: DomainId


@struct(frozen=True, slots=True)
class OverdueLeg:
    """A leg that is called late and has not arrived; ``started_at`` is when its transfer began."""

    transfer_id: TransferId
    leg: Leg
    started_at: Timestamp


@struct(frozen=True, slots=True)
class ArmDeadline:
    """From now on the leg is awaited, until a different instant from before if it was."""

    awaited: Awaited


@struct(frozen=True, slots=True)
class CancelDeadline:
    """The leg is no longer awaited."""

    transfer_id: TransferId
    leg: Leg


_DONE = {
    Leg.EXECUTE: frozenset({TransferStatus.EXECUTED, TransferStatus.COMPLETED}),
    Leg.RECONCILE: frozenset({TransferStatus.RECONCILED, TransferStatus.COMPLETED}),
}
"""The answers of the destination that say that a leg has happened."""


def done(leg: Leg, answer: TransferStatus) -> bool:
    """Whether the destination's answer says that the leg has happened."""
    return answer in _DONE[leg]


def sighting_of(transfer: Transfer, leg: Leg) -> Sighting | None:
    """Where the leg's event stands, if it was seen."""
    return transfer.executed if leg is Leg.EXECUTE else transfer.reconciled


def due_dates(transfer: Transfer, durations: Durations | None) -> DueDates | None:
    """The transfer's deadlines; None without an XCalled, or without ``durations``: nobody watches its destination."""
    if transfer.xcalled is None or durations is None:
        return None
    return DueDates(*due_instants(transfer.xcalled.block.timestamp, durations))


def due_instants(start: Timestamp, durations: Durations) -> tuple[Timestamp, Timestamp]:
    """Until when the execution and the reconciliation are due of what was called at ``start``."""
    return Timestamp(start + durations.execute), Timestamp(start + durations.reconcile)


def state(
    sighting: Sighting | None, due_at: Timestamp, now: float, *, established: bool, observed: bool
) -> DeadlineState:
    """The deadline's state for people; ``established`` says that an overdue alert stands open."""
    if sighting is not None:
        return DeadlineState.MET if sighting.block.timestamp <= due_at else DeadlineState.LATE
    if established:
        return DeadlineState.OVERDUE
    return DeadlineState.UNOBSERVED if now > due_at and not observed else DeadlineState.PENDING
