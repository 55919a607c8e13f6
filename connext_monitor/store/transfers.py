"""Events, and the transfers folded from them.

The events are the truth; a transfer's row holds what is searched and sorted by, and its deadlines.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Select, delete, select, tuple_
from sqlalchemy.dialects.sqlite import insert

from connext_monitor.core.coverage import BlockRange, StoredRange
from connext_monitor.core.deadline import DueDates, TransferWithDeadlines
from connext_monitor.core.events import (
    BlockNumber,
    BlockRef,
    DomainId,
    EventKind,
    Hash32,
    Timestamp,
    TransferId,
)
from connext_monitor.core.prior_state import PriorState
from connext_monitor.core.recording import Changes
from connext_monitor.core.selection import TransferFilter
from connext_monitor.core.transfer import EventRecord, Sighting, Status, Transfer, fold
from connext_monitor.store.bulk import InsertMany, SelectIn, parts, replacing
from connext_monitor.store.connection import Connection
from connext_monitor.store.payload import pack, unpack
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, list_parameter, parameter
from connext_monitor.store.schema import events, transfers

_KINDS = {kind.value: kind for kind in EventKind}

_EVENT_COLUMNS = (
    events.c.transfer_id, events.c.domain, events.c.kind, events.c.block_number, events.c.block_hash, events.c.block_at,
    events.c.tx_hash, events.c.log_index, events.c.payload,
)  # fmt: skip
_TRANSFER_COLUMNS = (
    transfers.c.transfer_id, transfers.c.origin, transfers.c.destination, transfers.c.status, transfers.c.nonce,
    transfers.c.started_at, transfers.c.xcalled_at, transfers.c.executed_at, transfers.c.reconciled_at,
    transfers.c.execute_due_at, transfers.c.reconcile_due_at, transfers.c.routers,
)  # fmt: skip
_INSERT_EVENTS = InsertMany(lambda: insert(events).on_conflict_do_nothing(), _EVENT_COLUMNS)
_UPSERT_TRANSFERS = InsertMany(lambda: replacing(insert(transfers), transfers.c.transfer_id), _TRANSFER_COLUMNS)
_SELECT_RECORDS = SelectIn(lambda: select(*_EVENT_COLUMNS), events.c.transfer_id)
_SELECT_KNOWN = SelectIn(
    lambda: select(transfers.c.execute_due_at, transfers.c.reconcile_due_at, *_EVENT_COLUMNS).select_from(
        events.outerjoin(transfers, transfers.c.transfer_id == events.c.transfer_id)
    ),
    events.c.transfer_id,
)
_COMPLETED = (Status.COMPLETED_FAST.value, Status.COMPLETED_SLOW.value)
_SELECT_STORED = Prepared(
    lambda: select(events.c.block_number, events.c.block_hash, events.c.kind, events.c.transfer_id).where(
        events.c.domain == parameter("domain"),
        events.c.block_number.between(parameter("first"), parameter("last")),
    )
)
_SELECT_IN_BLOCKS = Prepared(
    lambda: select(events.c.transfer_id).where(
        tuple_(events.c.domain, events.c.block_hash).in_(list_parameter("blocks"))
    )
)
_DELETE_EVENTS = Prepared(
    lambda: delete(events).where(
        tuple_(events.c.domain, events.c.kind, events.c.transfer_id, events.c.block_hash).in_(
            list_parameter("identities")
        )
    )
)
_DELETE_TRANSFERS = Prepared(lambda: delete(transfers).where(transfers.c.transfer_id.in_(list_parameter("ids"))))
_SELECT_BY_IDS = Prepared(lambda: select(transfers).where(transfers.c.transfer_id.in_(list_parameter("ids"))))
_SELECT_BY_TX = Prepared(
    lambda: select(events.c.transfer_id).where(events.c.tx_hash == parameter("tx_hash")).order_by(events.c.log_index)
)


def _select_unfinished() -> Select[*tuple[Any, ...]]:
    begun = select(events.c.transfer_id).where(
        events.c.domain == parameter("origin"),
        events.c.block_number.between(parameter("first"), parameter("last")),
        events.c.kind == EventKind.XCALLED.value,
    )
    return select(transfers.c.transfer_id).where(
        transfers.c.transfer_id.in_(begun),
        transfers.c.origin == parameter("origin"),
        transfers.c.status.not_in(_COMPLETED),
    )


_SELECT_UNFINISHED = Prepared(_select_unfinished)


def prior_state(
    connection: Connection, ids: Collection[TransferId], gone: Collection[tuple[DomainId, Hash32]]
) -> PriorState:
    """All that is stored of these transfers and of those with an event in one of the ``gone`` blocks."""
    touched = set(ids)
    for part in parts(gone):
        touched.update(_SELECT_IN_BLOCKS.column(connection, blocks=part))
    records: list[EventRecord] = []
    due: dict[TransferId, DueDates] = {}
    for execute_due_at, reconcile_due_at, *row in _SELECT_KNOWN(connection, touched):
        record = _record(row)
        records.append(record)
        if execute_due_at is not None and reconcile_due_at is not None:
            due[record.event.transfer_id] = DueDates(Timestamp(execute_due_at), Timestamp(reconcile_due_at))
    return PriorState(records, due)


def records_of(connection: Connection, ids: Collection[TransferId]) -> list[EventRecord]:
    """The event records of these transfers."""
    return [_record(row) for row in _SELECT_RECORDS(connection, ids)]


def save(connection: Connection, changes: Changes) -> None:
    """Store what a batch changed."""
    for identity_part in parts(r.identity for r in changes.removed):
        _DELETE_EVENTS.execute(connection, identities=identity_part)
    for vanished in parts(changes.vanished):
        _DELETE_TRANSFERS.execute(connection, ids=vanished)
    _INSERT_EVENTS(connection, [_event_row(record) for record in changes.added])
    _UPSERT_TRANSFERS(connection, [_transfer_row(transfer, due) for transfer, due in changes.transfers])


def stored(connection: Connection, domain: DomainId, blocks: BlockRange) -> StoredRange:
    """The events of these blocks of one chain, and where they stand."""
    rows = _SELECT_STORED.rows(connection, domain=domain, first=blocks.first, last=blocks.last)
    standing: set[tuple[BlockNumber, Hash32]] = set()
    known: set[tuple[Hash32, EventKind, TransferId]] = set()
    for number, block_hash, kind, transfer_id in rows:
        standing.add((number, block_hash))
        known.add((block_hash, _KINDS[kind], transfer_id))
    return StoredRange(standing, known)


def listed(
    connection: Connection, filters: TransferFilter, *, limit: int, after: tuple[int, TransferId] | None = None
) -> list[TransferWithDeadlines]:
    """At most ``limit`` transfers, newest first, from behind the cursor ``after`` on."""
    query = select(transfers).where(*conditions(filters))
    if after is not None:
        query = query.where(tuple_(transfers.c.started_at, transfers.c.transfer_id) < tuple_(*after))
    ordered = query.order_by(transfers.c.started_at.desc(), transfers.c.transfer_id.desc()).limit(limit)
    return _folded(connection, Prepared(lambda: ordered).rows(connection))


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


def ids_by_tx(connection: Connection, tx_hash: Hash32) -> list[TransferId]:
    """The transfers with an event in this transaction, in the order of its logs."""
    return list(dict.fromkeys(_SELECT_BY_TX.column(connection, tx_hash=tx_hash)))


def _folded(connection: Connection, rows: Sequence[StoredRow]) -> list[TransferWithDeadlines]:
    """The transfers of these rows."""
    by_transfer: dict[TransferId, list[EventRecord]] = {}
    for record in records_of(connection, [row.transfer_id for row in rows]):
        by_transfer.setdefault(record.event.transfer_id, []).append(record)
    folded = ((fold(by_transfer.get(row.transfer_id, ())), row) for row in rows)
    return [TransferWithDeadlines(transfer, _due_dates(row)) for transfer, row in folded if transfer is not None]


def conditions(filters: TransferFilter) -> Iterator[Any]:
    """What a row of the table must meet to be listed."""
    if filters.statuses is not None:
        yield transfers.c.status.in_([status.value for status in filters.statuses])
    if filters.origin is not None:
        yield transfers.c.origin == filters.origin
    if filters.destination is not None:
        yield transfers.c.destination == filters.destination
    if filters.started_before is not None:
        yield transfers.c.started_at < filters.started_before


def _record(row: Iterable[Any]) -> EventRecord:
    """The record of a row of `_EVENT_COLUMNS`."""
    transfer_id, domain, kind, block_number, block_hash, block_at, tx_hash, log_index, payload = row
    event = unpack(_KINDS[kind], transfer_id, payload)
    return EventRecord(domain, event, Sighting(BlockRef(block_number, block_hash, block_at), tx_hash, log_index))


def _event_row(record: EventRecord) -> tuple[object, ...]:
    """The values of `_EVENT_COLUMNS`."""
    event, sighting = record.event, record.sighting
    block = sighting.block
    return (
        event.transfer_id, record.domain, event.kind.value, block.number, block.hash, block.timestamp, sighting.tx_hash,
        sighting.log_index, pack(event),
    )  # fmt: skip


def _transfer_row(transfer: Transfer, due: DueDates | None) -> tuple[object, ...]:
    """The values of `_TRANSFER_COLUMNS`."""
    return (
        transfer.transfer_id, transfer.origin, transfer.destination, transfer.status.value,
        transfer.info.nonce if transfer.info else None, transfer.started_at,
        _at(transfer.xcalled), _at(transfer.executed), _at(transfer.reconciled),
        due.execute if due else None, due.reconcile if due else None,
        b"".join(transfer.routers) if transfer.executed else None,
    )  # fmt: skip


def _at(sighting: Sighting | None) -> int | None:
    return sighting.block.timestamp if sighting else None


def _due_dates(row: StoredRow) -> DueDates | None:
    if row.execute_due_at is None or row.reconcile_due_at is None:
        return None
    return DueDates(Timestamp(row.execute_due_at), Timestamp(row.reconcile_due_at))
