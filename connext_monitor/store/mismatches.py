"""Where deliveries stand that are not those of their transfer, so that a reorg that removes them is noticed."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, delete, select, tuple_
from sqlalchemy.dialects.sqlite import insert

from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.events import BlockNumber, DomainId, Hash32, TransferId
from connext_monitor.core.prior_state import FalseDelivery, FalseDeliveryChanges
from connext_monitor.store.bulk import InsertMany, parts
from connext_monitor.store.schema import mismatches

_INSERT = InsertMany(insert(mismatches).on_conflict_do_nothing(), list(mismatches.c))


def touched(connection: Connection, gone: Collection[tuple[DomainId, Hash32]]) -> list[FalseDelivery]:
    """Those in these blocks, and every other one that claims the same transfer."""
    rows: set[FalseDelivery] = set()
    for part in parts(gone):
        lost = select(mismatches.c.transfer_id).where(tuple_(mismatches.c.domain, mismatches.c.block_hash).in_(part))
        of_same = select(mismatches).where(mismatches.c.transfer_id.in_(lost))
        rows.update(_read(row) for row in connection.execute(of_same))
    return list(rows)


def save(connection: Connection, changes: FalseDeliveryChanges) -> None:
    """Keep where those stand that were seen, and forget those that were taken back."""
    _INSERT(
        connection,
        [
            (delivery.transfer_id, delivery.domain, delivery.block_hash, delivery.block_number)
            for delivery in changes.seen
        ],
    )
    for part in parts((delivery.transfer_id, delivery.domain, delivery.block_hash) for delivery in changes.taken_back):
        keys = tuple_(mismatches.c.transfer_id, mismatches.c.domain, mismatches.c.block_hash)
        connection.execute(delete(mismatches).where(keys.in_(part)))


def _read(row: Row[*tuple[Any, ...]]) -> FalseDelivery:
    return FalseDelivery(
        TransferId(row.transfer_id), DomainId(row.domain), Hash32(row.block_hash), BlockNumber(row.block_number)
    )


def mismatched_blocks(connection: Connection, domain: DomainId, blocks: BlockRange) -> set[tuple[BlockNumber, Hash32]]:
    """Those of these blocks of one chain that such deliveries stand in."""
    rows = connection.execute(
        select(mismatches.c.block_number, mismatches.c.block_hash).where(
            mismatches.c.domain == domain, mismatches.c.block_number.between(blocks.first, blocks.last)
        )
    )
    return {(BlockNumber(row.block_number), Hash32(row.block_hash)) for row in rows}
