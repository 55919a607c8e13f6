"""What of the store is asked for, and in which shape it comes."""

from dataclasses import dataclass

from connext_monitor.core.alert import Alert
from connext_monitor.core.deadline import DueDates
from connext_monitor.core.events import BlockNumber, DomainId, Timestamp, TransferId
from connext_monitor.core.transfer import Status, Transfer

Cursor = tuple[int, TransferId]
"""Where a list of transfers goes on: (start in Unix seconds, id). Newest first, so new transfers do not move it."""


@dataclass(frozen=True, slots=True)
class TransferFilter:
    """Which transfers to list; None does not filter. ``started_before`` in Unix seconds, exclusive."""

    statuses: frozenset[Status] | None = None
    origin: DomainId | None = None
    destination: DomainId | None = None
    started_before: int | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """A transfer with the deadlines it was given; None where nobody watches its destination."""

    transfer: Transfer
    due: DueDates | None

    @property
    def cursor(self) -> Cursor:
        """Where a list goes on behind this one."""
        return (self.transfer.started_at, self.transfer.transfer_id)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A delivery without an XCalled: the nonce it claims, when it was executed (Unix seconds).

    ``holder`` is the transfer whose XCalled has that nonce, and ``holder_block`` where it stands on the origin.
    """

    transfer_id: TransferId
    nonce: int
    executed_at: Timestamp
    holder: TransferId | None = None
    holder_block: BlockNumber | None = None


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert of a list; the list goes on behind ``row``."""

    row: int
    alert: Alert
