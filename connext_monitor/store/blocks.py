"""What is stored of a chain's blocks, whatever kind of log it is."""

from typing import Any

from sqlalchemy import CompoundSelect, Table, select, union

from connext_monitor.core.batch import Batch
from connext_monitor.core.coverage import BlockRange, RecordedMeanwhile, StoredRange
from connext_monitor.core.events import BlockNumber, DomainId, Hash32
from connext_monitor.store import transfers
from connext_monitor.store.bridge_tables import bridge_events
from connext_monitor.store.connection import Connection
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.schema import events, mismatches


def stored(connection: Connection, domain: DomainId, blocks: BlockRange) -> StoredRange:
    """The transfers' events in these blocks, and where they, false deliveries and the bridge's other events stand."""
    of_transfers = transfers.stored(connection, domain, blocks)
    beside = _among(connection, _SELECT_BESIDE_TRANSFERS, domain, blocks)
    return StoredRange(of_transfers.blocks | beside, of_transfers.events)


def refuse_unknown(connection: Connection, batch: Batch) -> None:
    """Raise RecordedMeanwhile if a block becomes final in which something is recorded that its reader did not know."""
    settling = [(chain.domain, chain.settled) for chain in batch.progress if chain.settled is not None]
    # What was pushed a moment ago may be committed together with it.
    coming = batch.seen_blocks() if settling and len(batch.changes) > 1 else {}
    for domain, settled in settling:
        blocks = settled.blocks
        recorded = _among(connection, _SELECT_STANDING, domain, blocks)
        recorded |= {block for block in coming.get(domain, ()) if blocks.first <= block[0] <= blocks.last}
        if unknown := recorded - settled.known:
            number, block_hash = min(unknown)
            raise RecordedMeanwhile(f"gave a log of block {number} 0x{block_hash.hex()} while that was being read")


def _standing_in(*tables: Table) -> CompoundSelect[*tuple[Any, ...]]:
    """In which blocks of a range of one chain anything of these tables stands."""
    within = parameter("first"), parameter("last")
    return union(
        *(
            select(table.c.block_number, table.c.block_hash).where(
                table.c.domain == parameter("domain"), table.c.block_number.between(*within)
            )
            for table in tables
        )
    )


_SELECT_BESIDE_TRANSFERS = Prepared(lambda: _standing_in(mismatches, bridge_events))
_SELECT_STANDING = Prepared(lambda: _standing_in(events, mismatches, bridge_events))


def _among(
    connection: Connection, standing: Prepared, domain: DomainId, blocks: BlockRange
) -> set[tuple[BlockNumber, Hash32]]:
    rows = standing.asked(connection, domain=domain, first=blocks.first, last=blocks.last)
    return {(BlockNumber(number), Hash32(block_hash)) for number, block_hash in rows}
