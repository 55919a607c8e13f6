"""The blocks before a chain's watch begins: which of them a backfill still has to read, and what it read of them.

Events found there are recorded and counted; deadlines are only given to transfers whose XCalled was watched.
"""

from collections.abc import Iterable

from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.deadline import Durations, Leg, due_dates, sighting_of
from connext_monitor.core.events import BlockNumber, DomainId, Timestamp
from connext_monitor.core.structs import struct
from connext_monitor.core.transfer import Transfer


@struct(frozen=True, slots=True)
class HistoryRead:
    """Blocks of a chain that a backfill has read; committed together with their events."""

    domain: DomainId
    blocks: BlockRange


@struct(frozen=True, slots=True)
class LateLeg:
    """A leg that is late now, asked of its destination; ``due_at`` in Unix seconds."""

    transfer: Transfer
    leg: Leg
    due_at: Timestamp


def past_due(transfer: Transfer, durations: Durations | None, at: Timestamp) -> list[LateLeg]:
    """The legs of a transfer that have not been seen and were due before ``at``, by the deadlines of its pathway."""
    due = due_dates(transfer, durations)
    if due is None:
        return []
    missing = (leg for leg in Leg if sighting_of(transfer, leg) is None)
    return [LateLeg(transfer, leg, due.of(leg)) for leg in missing if due.of(leg) < at]


def joined(ranges: Iterable[BlockRange]) -> list[BlockRange]:
    """The same blocks as ranges that neither touch nor overlap, the lowest first."""
    merged: list[BlockRange] = []
    for blocks in sorted(ranges, key=lambda blocks: blocks.first):
        if merged and blocks.first <= merged[-1].last + 1:
            merged[-1] = BlockRange(merged[-1].first, max(merged[-1].last, blocks.last))
        else:
            merged.append(blocks)
    return merged


def unread(blocks: BlockRange, read: Iterable[BlockRange]) -> list[BlockRange]:
    """The parts of ``blocks`` that are in none of the ranges ``read``, the lowest first."""
    missing: list[BlockRange] = []
    first = blocks.first
    for part in joined(read):
        if part.last < first:
            continue
        if part.first > blocks.last:
            break
        if part.first > first:
            missing.append(BlockRange(first, BlockNumber(part.first - 1)))
        first = BlockNumber(part.last + 1)
    if first <= blocks.last:
        missing.append(BlockRange(first, blocks.last))
    return missing


def next_part(parts: Iterable[BlockRange], begun: BlockRange | None, span: int) -> BlockRange | None:
    """The next blocks of ``parts`` after the ones begun last, at most ``span`` of them; None if there are none."""
    for part in parts:
        first = max(part.first, begun.last + 1) if begun else part.first
        if first <= part.last:
            return BlockRange(BlockNumber(first), BlockNumber(min(part.last, first + span - 1)))
    return None
