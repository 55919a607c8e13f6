"""Where deliveries stand that are not those of their transfer, so that a reorg that takes them is noticed."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, select, tuple_
from sqlalchemy.dialects.sqlite import insert

from connext_monitor.core.alerts.kinds.delivery_mismatch import DELIVERY_MISMATCH
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.events import BlockNumber, DomainId, Hash32, TransferId
from connext_monitor.core.recording import UnreadableLog
from connext_monitor.store.alerts import resolve
from connext_monitor.store.bulk import InsertMany, parts
from connext_monitor.store.schema import mismatches

_INSERT = InsertMany(insert(mismatches).on_conflict_do_nothing(), list(mismatches.c))


def settle(
    connection: Connection,
    unreadable: Iterable[UnreadableLog],
    gone: Collection[tuple[DomainId, Hash32]],
    at: datetime,
) -> list[str]:
    """Keep where deliveries among these stand and forget those in ``gone`` blocks; the alerts that this resolved."""
    deliveries = [log.delivery for log in unreadable if log.delivery is not None]
    _INSERT(
        connection,
        [(one.event.transfer_id, one.domain, one.sighting.block.hash, one.sighting.block.number) for one in deliveries],
    )
    lost: set[TransferId] = set()
    for part in parts(gone):
        taken = delete(mismatches).where(tuple_(mismatches.c.domain, mismatches.c.block_hash).in_(part))
        rows = connection.execute(taken.returning(mismatches.c.transfer_id))
        lost.update(TransferId(transfer_id) for transfer_id in rows.scalars())
    if not lost:
        return []
    # One that a reorg has moved stands elsewhere by now.
    standing = select(mismatches.c.transfer_id).where(mismatches.c.transfer_id.in_(lost))
    lost -= {TransferId(transfer_id) for transfer_id in connection.execute(standing).scalars()}
    return resolve(
        connection, {DELIVERY_MISMATCH.alert_id(transfer_id): Resolution.REORGED for transfer_id in lost}, at
    )


def mismatched_blocks(connection: Connection, domain: DomainId, blocks: BlockRange) -> set[tuple[BlockNumber, Hash32]]:
    """Those of these blocks of one chain that such deliveries stand in."""
    rows = connection.execute(
        select(mismatches.c.block_number, mismatches.c.block_hash).where(
            mismatches.c.domain == domain, mismatches.c.block_number.between(blocks.first, blocks.last)
        )
    )
    return {(BlockNumber(row.block_number), Hash32(row.block_hash)) for row in rows}
