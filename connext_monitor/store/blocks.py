"""What is stored of a chain's blocks, whatever kind of log it is."""

from connext_monitor.core.batch import Batch
from connext_monitor.core.coverage import BlockRange, RecordedMeanwhile, StoredRange
from connext_monitor.core.events import DomainId
from connext_monitor.store import bridge_events, mismatches, transfers
from connext_monitor.store.connection import Connection


def stored(connection: Connection, domain: DomainId, blocks: BlockRange) -> StoredRange:
    """The transfers' events in these blocks, and where they, false deliveries and the bridge's other events stand."""
    of_transfers = transfers.stored(connection, domain, blocks)
    others = mismatches.mismatched_blocks(connection, domain, blocks) | bridge_events.blocks(connection, domain, blocks)
    return StoredRange(of_transfers.blocks | others, of_transfers.events)


def refuse_unknown(connection: Connection, batch: Batch) -> None:
    """Raise RecordedMeanwhile if a block becomes final in which something is recorded that its reader did not know."""
    for chain in batch.progress:
        if (settled := chain.settled) is None:
            continue
        recorded = set(stored(connection, chain.domain, settled.blocks).blocks)
        if len(batch.changes) > 1:
            # What was pushed a moment ago may be committed together with it.
            recorded |= batch.seen_in(chain.domain, settled.blocks)
        if unknown := recorded - settled.known:
            number, block_hash = min(unknown)
            raise RecordedMeanwhile(f"gave a log of block {number} 0x{block_hash.hex()} while that was being read")
