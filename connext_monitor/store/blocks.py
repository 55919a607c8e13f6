"""What is stored of a chain's blocks, whatever kind of log it is."""

from connext_monitor.core.batch import Batch
from connext_monitor.core.coverage import BlockRange, RecordedMeanwhile, StoredRange
from connext_monitor.core.events import BlockNumber, DomainId, Hash32
from connext_monitor.store import bridge_events, mismatches, transfers
from connext_monitor.store.connection import Connection


def stored(connection: Connection, domain: DomainId, blocks: BlockRange) -> StoredRange:
    """The transfers' events in these blocks, and where they, false deliveries and the bridge's other events stand."""
    of_transfers = transfers.stored(connection, domain, blocks)
    return StoredRange(of_transfers.blocks | _beside_transfers(connection, domain, blocks), of_transfers.events)


def refuse_unknown(connection: Connection, batch: Batch) -> None:
    """Raise RecordedMeanwhile if a block becomes final in which something is recorded that its reader did not know."""
    settling = [(chain.domain, chain.settled) for chain in batch.progress if chain.settled is not None]
    # What was pushed a moment ago may be committed together with it.
    coming = batch.seen_blocks() if settling and len(batch.changes) > 1 else {}
    for domain, settled in settling:
        blocks = settled.blocks
        recorded = transfers.blocks_with_events(connection, domain, blocks)
        recorded |= _beside_transfers(connection, domain, blocks)
        recorded |= {block for block in coming.get(domain, ()) if blocks.first <= block[0] <= blocks.last}
        if unknown := recorded - settled.known:
            number, block_hash = min(unknown)
            raise RecordedMeanwhile(f"gave a log of block {number} 0x{block_hash.hex()} while that was being read")


def _beside_transfers(connection: Connection, domain: DomainId, blocks: BlockRange) -> set[tuple[BlockNumber, Hash32]]:
    return mismatches.mismatched_blocks(connection, domain, blocks) | bridge_events.blocks(connection, domain, blocks)
