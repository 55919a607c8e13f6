"""Observations of one or several chains that are committed together."""

from collections.abc import Sequence

from connext_monitor.core.coverage import BlockRange, Coverage, SettledBlocks
from connext_monitor.core.events import BlockNumber, BlockRef, DomainId, Hash32, TransferId
from connext_monitor.core.history import HistoryRead
from connext_monitor.core.mismatch import Mismatch
from connext_monitor.core.router_books import moves_liquidity
from connext_monitor.core.structs import struct
from connext_monitor.core.transfer import EventRecord, ObservedChange

_NONE = frozenset[tuple[DomainId, Hash32]]()


@struct(frozen=True, slots=True)
class ChainProgress:
    """How far a chain has been read after a batch.

    ``first_nonce`` is the nonce before the first watched block, ``next_nonce`` the one the chain would give next at a
    covered block; None where it was not asked this time. ``anchor`` is the block of a checkpoint that has moved.
    ``replaced`` is a block that counted as final and that another one was found to stand in place of; ``whole`` says
    that all blocks from the checkpoint to the head have been read; ``unread`` are blocks that no endpoint has any more,
    and behind which the watch begins anew. ``settled`` are the blocks that the checkpoint moves over.
    ``since`` is the coverage that it starts from, and must be the stored one; None where that does not matter.
    """

    domain: DomainId
    coverage: Coverage
    first_nonce: int | None = None
    next_nonce: int | None = None
    anchor: BlockRef | None = None
    replaced: BlockNumber | None = None
    whole: bool = False
    unread: BlockRange | None = None
    settled: SettledBlocks | None = None
    since: Coverage | None = None


@struct(frozen=True, slots=True)
class UnreadableLog:
    """A log that is not ours or was mangled: what the endpoint gave, and what is wrong with it.

    ``delivery`` is the Executed that it holds, where that is proven not to be its transfer's, and ``mismatch`` why.
    ``beside``: it would be an event of the bridge besides its transfers, about which it says nothing.
    """

    domain: DomainId
    raw: bytes
    reason: str
    delivery: EventRecord | None = None
    mismatch: Mismatch | None = None
    beside: bool = False


@struct(frozen=True, slots=True)
class Batch:
    """Observations in the order in which they were made, by what becomes of their parts.

    ``changes`` are events seen and blocks gone, ``progress`` how far chains have been read, ``unreadable`` the logs
    that are not events, ``history`` what a backfill has read.
    """

    changes: Sequence[ObservedChange] = ()
    progress: Sequence[ChainProgress] = ()
    unreadable: Sequence[UnreadableLog] = ()
    history: Sequence[HistoryRead] = ()

    @property
    def transfer_ids(self) -> frozenset[TransferId]:
        """The transfers whose events were seen."""
        return frozenset(record.event.transfer_id for change in self.changes for record in change.seen)

    def seen_blocks(self) -> dict[DomainId, set[tuple[BlockNumber, Hash32]]]:
        """The blocks that events were seen in, by chain."""
        # Logs of one block mostly share one value for it: there are far fewer of these than logs.
        of_transfers = {(r.domain, id(r.sighting.block)): r for change in self.changes for r in change.seen}
        standing = [(r.domain, r.sighting.block) for r in of_transfers.values()]
        standing += [(r.domain, r.block) for change in self.changes for r in change.bridge]
        blocks: dict[DomainId, set[tuple[BlockNumber, Hash32]]] = {}
        for domain, block in standing:
            blocks.setdefault(domain, set()).add((block.number, block.hash))
        return blocks

    @property
    def bridge_blocks(self) -> frozenset[tuple[DomainId, Hash32]]:
        """The blocks in which events besides transfers were seen."""
        return frozenset([(r.domain, r.block.hash) for change in self.changes for r in change.bridge])

    @property
    def liquidity_transactions(self) -> frozenset[tuple[DomainId, Hash32]]:
        """The transactions in which a router was seen to add or remove funds."""
        records = [r for change in self.changes for r in change.bridge if moves_liquidity(r)]
        return frozenset([(r.domain, r.tx_hash) for r in records])

    @property
    def gone_blocks(self) -> frozenset[tuple[DomainId, Hash32]]:
        """All blocks that are proven gone."""
        gone = [change.gone for change in self.changes if change.gone]
        return frozenset().union(*gone) if gone else _NONE

    @property
    def is_beside_transfers(self) -> bool:
        """Whether anything besides transfers was seen."""
        return any(change.bridge for change in self.changes)
