"""Transfers as they stand: listed, and looked up.

The events are the truth; a transfer's row holds what is searched and sorted by, and its deadlines.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Select, select

from connext_monitor.core.coverage import BlockRange, StoredRange
from connext_monitor.core.deadline import DueDates, TransferWithDeadlines
from connext_monitor.core.events import BlockNumber, DomainId, EventKind, Hash32, Timestamp, TransferId
from connext_monitor.core.selection import Cursor, TransferFilter
from connext_monitor.core.transfer import UNFINISHED, EventRecord, fold
from connext_monitor.store import event_records, transfer_lists
from connext_monitor.store.bulk import SelectMany, parts
from connext_monitor.store.connection import Connection
from connext_monitor.store.event_kinds import KINDS, XCALLED
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, list_parameter, parameter
from connext_monitor.store.schema import events, transfers

_SELECT_STORED = SelectMany(
    lambda: (
        select(events.c.block_number, events.c.block_hash, events.c.kind, transfers.c.transfer_id)
        .join(transfers, transfers.c.id == events.c.transfer)
        .where(
            events.c.domain == parameter("domain"),
            events.c.block_number.between(parameter("first"), parameter("last")),
        )
    )
)
_SELECT_BY_IDS = Prepared(lambda: select(transfers).where(transfers.c.transfer_id.in_(list_parameter("ids"))))
_SELECT_BY_NUMBERS = Prepared(lambda: select(transfers).where(transfers.c.id.in_(list_parameter("numbers"))))
_SELECT_BY_TX = Prepared(
    lambda: (
        select(transfers.c.transfer_id)
        .join(events, events.c.transfer == transfers.c.id)
        .where(events.c.tx_start == parameter("tx_start"), events.c.tx_hash == parameter("tx_hash"))
        .order_by(events.c.log_index)
    )
)


def _select_unfinished() -> Select[*tuple[Any, ...]]:
    begun = select(events.c.transfer).where(
        events.c.domain == parameter("origin"),
        events.c.block_number.between(parameter("first"), parameter("last")),
        events.c.kind == XCALLED,
    )
    return select(transfers.c.transfer_id).where(
        transfers.c.id.in_(begun),
        transfers.c.origin == parameter("origin"),
        transfers.c.status.in_([status.value for status in UNFINISHED]),
    )


_SELECT_UNFINISHED = Prepared(_select_unfinished)


def stored(connection: Connection, domain: DomainId, blocks: BlockRange) -> StoredRange:
    """The events of these blocks of one chain, and where they stand."""
    rows = _SELECT_STORED(connection, domain=domain, first=blocks.first, last=blocks.last)
    standing: set[tuple[BlockNumber, Hash32]] = set()
    known: set[tuple[Hash32, EventKind, TransferId]] = set()
    for number, block_hash, kind, transfer_id in rows:
        standing.add((number, block_hash))
        known.add((block_hash, KINDS[kind], transfer_id))
    return StoredRange(standing, known)


def listed(
    connection: Connection, filters: TransferFilter, *, limit: int, after: Cursor | None = None
) -> list[TransferWithDeadlines]:
    """At most ``limit`` transfers, newest first, from behind the cursor ``after`` on."""
    positions = transfer_lists.newest(connection, filters, limit=limit, after=after)
    return by_numbers(connection, [number for _, number in positions])


def unfinished(connection: Connection, origin: DomainId, blocks: BlockRange) -> list[TransferWithDeadlines]:
    """The transfers that began in these blocks of their origin and are not completed, the oldest first."""
    ids = _SELECT_UNFINISHED.column(connection, origin=origin, first=blocks.first, last=blocks.last)
    known = by_ids(connection, ids)
    return sorted(known.values(), key=lambda stored: stored.transfer.started_at)


def by_id(connection: Connection, transfer_id: TransferId) -> TransferWithDeadlines | None:
    """One transfer, None where it is not known."""
    return by_ids(connection, [transfer_id]).get(transfer_id)


def by_ids(connection: Connection, ids: Collection[TransferId]) -> dict[TransferId, TransferWithDeadlines]:
    """Those of these transfers that are known, in no order."""
    known: dict[TransferId, TransferWithDeadlines] = {}
    for part in parts(ids):
        rows = _folded(connection, _SELECT_BY_IDS.rows(connection, ids=part))
        known |= {row.transfer.transfer_id: row for row in rows}
    return known


def by_numbers(connection: Connection, numbers: Sequence[int]) -> list[TransferWithDeadlines]:
    """Those with rows of these numbers, in their order."""
    rows = {row.id: row for part in parts(numbers) for row in _SELECT_BY_NUMBERS.rows(connection, numbers=part)}
    return _folded(connection, [rows[number] for number in numbers])


def ids_by_tx(connection: Connection, tx_hash: Hash32) -> list[TransferId]:
    """The transfers with an event in this transaction, in the order of its logs."""
    return list(
        dict.fromkeys(_SELECT_BY_TX.column(connection, tx_start=tx_hash[: event_records.TX_START], tx_hash=tx_hash))
    )


def _folded(connection: Connection, rows: Sequence[StoredRow]) -> list[TransferWithDeadlines]:
    """The transfers of these rows."""
    by_transfer: dict[TransferId, list[EventRecord]] = {}
    for record in event_records.of_transfers(connection, {row.id: row.transfer_id for row in rows}):
        by_transfer.setdefault(record.event.transfer_id, []).append(record)
    folded = ((fold(by_transfer.get(row.transfer_id, ())), row) for row in rows)
    return [
        TransferWithDeadlines(transfer, _due_dates(row), row.id) for transfer, row in folded if transfer is not None
    ]


def _due_dates(row: StoredRow) -> DueDates | None:
    if row.execute_due_at is None or row.reconcile_due_at is None:
        return None
    return DueDates(Timestamp(row.execute_due_at), Timestamp(row.reconcile_due_at))
