"""Queries to the store, and the shapes of their results."""

from collections.abc import Sequence
from datetime import datetime

from connext_monitor.core.alerts.alert import Alert, AlertKind
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.bridge_events import BridgeRecord
from connext_monitor.core.events import Address, BlockNumber, DomainId, Pathway, Timestamp, TransferId
from connext_monitor.core.structs import struct
from connext_monitor.core.transfer import Status, Transfer

Cursor = tuple[int, int]
"""Where a list of transfers continues: (start in Unix seconds, the store's number of the transfer); others likewise.

Newest first, so new transfers do not move it.
"""


@struct(frozen=True, slots=True)
class TransferFilter:
    """Which transfers to list; None does not filter. ``started_before`` in Unix seconds, exclusive."""

    statuses: frozenset[Status] | None = None
    origin: DomainId | None = None
    destination: DomainId | None = None
    started_before: int | None = None


@struct(frozen=True, slots=True)
class BridgeEventFilter:
    """Which of the bridge's events to list; None does not filter. ``since`` in Unix seconds, inclusive."""

    domain: DomainId | None = None
    kind: str | None = None
    since: int | None = None


@struct(frozen=True, slots=True)
class BridgeEventPage:
    """Part of a list of the bridge's events, the newest first; ``next`` is where it continues, None at its end."""

    records: Sequence[BridgeRecord]
    next: Cursor | None


@struct(frozen=True, slots=True)
class Suspect:
    """A delivery without an XCalled: the nonce it claims, when it was executed (Unix seconds).

    ``holder`` is the transfer whose XCalled has that nonce, and ``holder_block`` where it stands on the origin.
    """

    transfer_id: TransferId
    nonce: int
    executed_at: Timestamp
    holder: TransferId | None = None
    holder_block: BlockNumber | None = None


@struct(frozen=True, slots=True)
class AlertRow:
    """One alert of a list; the list continues after ``row``."""

    row: int
    alert: Alert


@struct(frozen=True, slots=True)
class OpenAlerts:
    """How many alerts of one kind and severity stand open about one pathway, or one chain or channel (``subject``).

    ``since`` is when the oldest of them was opened.
    """

    kind: AlertKind
    severity: Severity
    pathway: Pathway | None
    subject: str | None
    count: int
    since: datetime


@struct(frozen=True, slots=True)
class TransferIdPage:
    """Part of a list of transfers; ``next`` is where it continues, None at its end.

    A search that looks through many transfers may find few of them, and still go on.
    """

    ids: Sequence[TransferId]
    next: Cursor | None


def parties(transfer: Transfer) -> frozenset[Address]:
    """The addresses involved in a transfer: sender, recipient, delegate, routers and the token."""
    info = transfer.info
    people = (info.origin_sender, info.to, info.delegate) if info else ()
    return frozenset((*people, *transfer.routers, *((transfer.asset,) if transfer.asset is not None else ())))
