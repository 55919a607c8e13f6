"""What the bridge says besides its transfers, as it stands."""

from collections.abc import Collection

from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects.sqlite import Insert, insert

from connext_monitor.core.batch import Batch
from connext_monitor.core.bridge_events import BridgeEvent, BridgeRecord
from connext_monitor.core.bridge_records import BridgeChanges, StoredBridgeRecord
from connext_monitor.core.events import BlockNumber, BlockRef, DomainId, Hash32, Timestamp
from connext_monitor.core.router_books import LIQUIDITY_ADDED, LIQUIDITY_REMOVED
from connext_monitor.core.selection import BridgeEventFilter, BridgeEventPage, Cursor
from connext_monitor.store.bridge_tables import bridge_events
from connext_monitor.store.bulk import InsertMany, flat, parts
from connext_monitor.store.connection import Connection
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, list_parameter, parameter
from connext_monitor.store.sql_functions import Larger

_B = bridge_events.c
_IDENTITY = (_B.domain, _B.block_hash, _B.tx_hash, _B.digest, _B.ordinal)
_SELECT_IN_BLOCKS = Prepared(
    lambda: select(bridge_events).where(tuple_(_B.domain, _B.block_hash).in_(list_parameter("blocks"))).order_by(_B.id)
)
_SELECT_OF_TX = Prepared(
    lambda: (
        select(bridge_events).where(tuple_(_B.domain, _B.tx_hash).in_(list_parameter("transactions"))).order_by(_B.id)
    )
)
_SELECT_TX_ABOVE = Prepared(
    lambda: (
        select(_B.tx_hash)
        .where(
            _B.domain == parameter("domain"),
            _B.block_number > parameter("block"),
            _B.kind.in_((LIQUIDITY_ADDED, LIQUIDITY_REMOVED)),
        )
        .distinct()
    )
)
_DELETE = Prepared(lambda: delete(bridge_events).where(tuple_(*_IDENTITY).in_(list_parameter("identities"))))


def _save() -> Insert:
    row = insert(bridge_events)
    changes = {"log_index": row.excluded.log_index, "covered": Larger(_B.covered, row.excluded.covered)}
    return row.on_conflict_do_update(index_elements=_IDENTITY, set_=changes)


_SAVE = InsertMany(_save, [column for column in _B if column is not _B.id])


def in_blocks(connection: Connection, blocks: Collection[tuple[DomainId, Hash32]]) -> list[StoredBridgeRecord]:
    """All of these blocks, in the order in which they were first stored."""
    return [read(row) for part in parts(blocks) for row in _SELECT_IN_BLOCKS.rows(connection, blocks=part)]


def touched(connection: Connection, batch: Batch) -> list[StoredBridgeRecord]:
    """Those in blocks where something was seen or that are gone.

    Of transactions in the latter, and of those in which a router was seen to add or remove funds, wherever they stand.
    """
    blocks = batch.gone_blocks
    if not blocks and not batch.is_beside_transfers:
        return []
    records = in_blocks(connection, {*batch.bridge_blocks, *blocks})
    moved = {(r.domain, r.tx_hash) for r in (stored.record for stored in records) if (r.domain, r.block.hash) in blocks}
    moved |= batch.liquidity_transactions
    of_tx = [read(row) for part in parts(moved) for row in _SELECT_OF_TX.rows(connection, transactions=part)]
    return list({stored.record.identity: stored for stored in (*records, *of_tx)}.values())


def liquidity_above(connection: Connection, domain: DomainId, block: BlockNumber) -> list[BridgeRecord]:
    """All of the transactions in which routers added or removed funds above a block of a chain, wherever they stand."""
    moved = [(domain, tx_hash) for tx_hash in _SELECT_TX_ABOVE.column(connection, domain=domain, block=block)]
    return [read(row).record for part in parts(moved) for row in _SELECT_OF_TX.rows(connection, transactions=part)]


def save(connection: Connection, changes: BridgeChanges) -> None:
    """Store what a batch changed of them."""
    for part in parts([stored.record.identity for stored in changes.removed]) if changes.removed else ():
        _DELETE.execute(connection, identities=part)
    if changes.saved:
        _SAVE(connection, flat(map(_row, changes.saved)))


def listed(
    connection: Connection, which: BridgeEventFilter, *, limit: int, after: Cursor | None = None
) -> BridgeEventPage:
    """At most ``limit`` of them, newest first, from behind ``after`` on."""
    query = select(bridge_events).order_by(_B.block_at.desc(), _B.id.desc()).limit(limit + 1)
    if which.domain is not None:
        query = query.where(_B.domain == which.domain)
    if which.kind is not None:
        query = query.where(_B.kind == which.kind)
    if which.since is not None:
        query = query.where(_B.block_at >= which.since)
    if after is not None:
        query = query.where(tuple_(_B.block_at, _B.id) < after)
    rows = Prepared(lambda: query).rows(connection)
    more = (rows[limit - 1].block_at, rows[limit - 1].id) if len(rows) > limit else None
    return BridgeEventPage([read(row).record for row in rows[:limit]], more)


def read(row: StoredRow) -> StoredBridgeRecord:
    """What a row says."""
    block = BlockRef(BlockNumber(row.block_number), Hash32(row.block_hash), Timestamp(row.block_at))
    record = BridgeRecord(
        DomainId(row.domain),
        BridgeEvent(row.kind, bytes(row.payload), bytes(row.digest)),
        block,
        Hash32(row.tx_hash),
        row.log_index,
        row.ordinal,
    )
    return StoredBridgeRecord(record, bool(row.covered))


def _row(stored: StoredBridgeRecord) -> tuple[object, ...]:
    record, block, event = stored.record, stored.record.block, stored.record.event
    return (
        record.domain, event.kind, block.number, block.hash, block.timestamp, record.tx_hash, record.log_index,
        event.digest, record.ordinal, event.payload, stored.covered,
    )  # fmt: skip
