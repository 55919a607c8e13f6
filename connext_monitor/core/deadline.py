"""Deadlines: when a leg is due, what its state is, and what a change of its transfer means for both.

Instants are Unix seconds of block time. A leg in a block stamped exactly ``due_at`` is met.
"""

from enum import StrEnum

from connext_monitor.core.alerts.resolution import Resolution
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


@struct(frozen=True, slots=True)
class DueDates:
    """Until when each leg is due; kept with the transfer."""

    execute: Timestamp
    reconcile: Timestamp

    def of(self, leg: Leg) -> Timestamp:
        """The leg's own."""
        return self.execute if leg is Leg.EXECUTE else self.reconcile


@struct(frozen=True, slots=True)
class Awaited:
    """A leg that has not arrived, until when it is due, and the chain that it is due on."""

    transfer_id: TransferId
    leg: Leg
    due_at: Timestamp
    destination: DomainId


@struct(frozen=True, slots=True)
class ArmDeadline:
    """From now on the leg is awaited, until another instant than before if it was."""

    awaited: Awaited


@struct(frozen=True, slots=True)
class CancelDeadline:
    """The leg is no longer awaited."""

    transfer_id: TransferId
    leg: Leg


@struct(frozen=True, slots=True)
class ResolveOverdue:
    """The leg's overdue alert, if one is open, has ended so."""

    transfer_id: TransferId
    leg: Leg
    resolution: Resolution


Effect = ArmDeadline | CancelDeadline | ResolveOverdue


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
    start = transfer.xcalled.block.timestamp
    return DueDates(Timestamp(start + durations.execute), Timestamp(start + durations.reconcile))


def effects(
    before: Transfer | None, was_due: DueDates | None, after: Transfer | None, due: DueDates | None
) -> list[Effect]:
    """What the change of one transfer means for its deadlines and alerts.

    Per leg:
    1. it was not awaited, or until another instant, and now it is: arm;
    2. it was awaited and no longer is: cancel;
    3. it was owed, deadline or not, and XCalled is gone: its alert resolves as reorged;
    4. it was owed and is there: its alert resolves as that;
    5. XCalled has moved, and the deadline with it to a later instant, which nothing is established about yet: its alert
       resolves as reorged.
    """
    found: list[Effect] = []
    for leg in LEGS:
        old = _awaited_until(before, was_due, leg)
        new = _awaited_until(after, due, leg)
        if after is not None and new is not None and new != old:
            found.append(ArmDeadline(Awaited(after.transfer_id, leg, new, after.destination)))
        if before is not None and old is not None and new is None:
            found.append(CancelDeadline(before.transfer_id, leg))
        moved = old is not None and (new is None or new > old)
        if before is not None and _owed(before, leg) and (ended := _ended(after, leg, moved=moved)):
            found.append(ResolveOverdue(before.transfer_id, leg, ended))
    return found


def state(
    sighting: Sighting | None, due_at: Timestamp, now: float, *, established: bool, observed: bool
) -> DeadlineState:
    """The deadline's state for people; ``established`` says that an overdue alert stands open."""
    if sighting is not None:
        return DeadlineState.MET if sighting.block.timestamp <= due_at else DeadlineState.LATE
    if established:
        return DeadlineState.OVERDUE
    return DeadlineState.UNOBSERVED if now > due_at and not observed else DeadlineState.PENDING


def _awaited_until(transfer: Transfer | None, due: DueDates | None, leg: Leg) -> Timestamp | None:
    if transfer is None or due is None or sighting_of(transfer, leg) is not None:
        return None
    return due.of(leg)


def _owed(transfer: Transfer, leg: Leg) -> bool:
    return transfer.xcalled is not None and sighting_of(transfer, leg) is None


def _ended(after: Transfer | None, leg: Leg, *, moved: bool) -> Resolution | None:
    if after is None or after.xcalled is None:
        return Resolution.REORGED
    if sighting_of(after, leg) is not None:
        return Resolution.EXECUTED if leg is Leg.EXECUTE else Resolution.RECONCILED
    return Resolution.REORGED if moved else None
