"""What is stored of a chain's blocks, whatever kind of log it is."""

from connext_monitor.core.coverage import BlockRange, StoredRange
from connext_monitor.core.events import DomainId
from connext_monitor.store import mismatches, transfers
from connext_monitor.store.connection import Connection


def stored(connection: Connection, domain: DomainId, blocks: BlockRange) -> StoredRange:
    """The events of these blocks, and where they and false deliveries stand."""
    of_transfers = transfers.stored(connection, domain, blocks)
    return StoredRange(
        of_transfers.blocks | mismatches.mismatched_blocks(connection, domain, blocks), of_transfers.events
    )
