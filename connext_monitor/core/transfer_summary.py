"""A transfer in short, as its row has it: what it is searched and sorted by, and its deadlines."""

from connext_monitor.core.deadline import DueDates
from connext_monitor.core.events import DomainId, Timestamp, TransferId
from connext_monitor.core.structs import struct
from connext_monitor.core.transfer import Sighting, Status, Transfer, status_of


@struct(frozen=True, slots=True)
class TransferSummary:
    """What its events amount to, as far as it takes no look at them.

    ``nonce`` is None while only Reconciled has been seen. ``xcalled_at`` and the like are block times in Unix seconds,
    None of an event that has not been seen; both deadlines are None, or none. ``routers`` are those that fronted the
    funds, 20 bytes each, one behind the other; None until it is executed.
    """

    transfer_id: TransferId
    origin: DomainId
    destination: DomainId
    nonce: int | None
    xcalled_at: Timestamp | None
    executed_at: Timestamp | None
    reconciled_at: Timestamp | None
    execute_due_at: Timestamp | None
    reconcile_due_at: Timestamp | None
    routers: bytes | None

    @property
    def due(self) -> DueDates | None:
        """Its deadlines."""
        if self.execute_due_at is None or self.reconcile_due_at is None:
            return None
        return DueDates(self.execute_due_at, self.reconcile_due_at)

    @property
    def status(self) -> Status:
        """How far it has come."""
        return status_of(self.xcalled_at, self.executed_at, self.reconciled_at, fronted=bool(self.routers))

    @property
    def started_at(self) -> Timestamp:
        """Unix seconds of XCalled, or of the earliest leg while the origin has not been seen."""
        if self.xcalled_at is not None:
            return self.xcalled_at
        return min(at for at in (self.executed_at, self.reconciled_at) if at is not None)


def summary(transfer: Transfer, due: DueDates | None) -> TransferSummary:
    """The transfer in short."""
    return TransferSummary(
        transfer.transfer_id,
        transfer.origin,
        transfer.destination,
        transfer.info.nonce if transfer.info else None,
        _at(transfer.xcalled),
        _at(transfer.executed),
        _at(transfer.reconciled),
        due.execute if due else None,
        due.reconcile if due else None,
        b"".join(transfer.routers) if transfer.executed else None,
    )


def _at(sighting: Sighting | None) -> Timestamp | None:
    return sighting.block.timestamp if sighting else None
