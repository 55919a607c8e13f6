"""Coverage: which blocks of a chain have been read, which of them are final, and what to read next.

Start, catch-up, reconnect and steady state are one mechanism: cover the next range.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import Enum

from connext_monitor.core.events import BlockNumber, BlockRef, EventKind, Hash32, RawLog, TransferId


@dataclass(frozen=True, slots=True)
class BlockRange:
    """Blocks ``first`` to ``last``, both included."""

    first: BlockNumber
    last: BlockNumber

    def __len__(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far one chain has been read.

    ``start`` is the first block watched; ``checkpoint`` the last block covered and final (``start - 1`` at first);
    ``covered`` the last block covered: its time is the chain's watermark.
    """

    start: BlockNumber
    checkpoint: BlockNumber
    covered: BlockRef | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of a range of blocks: the places that something stands in; each event by block, kind and id."""

    places: AbstractSet[tuple[BlockNumber, Hash32]] = frozenset()
    events: AbstractSet[tuple[Hash32, EventKind, TransferId]] = frozenset()


@dataclass(frozen=True, slots=True)
class Nonces:
    """What is known of an origin's nonces.

    ``first`` is the first one watched, ``contiguous`` the first that is missing or not reached, ``next`` what the
    chain itself said it would give next at a covered block. Of those below ``pruned`` each was seen, and its transfer
    may be kept no longer.
    """

    first: int
    contiguous: int
    next: int
    pruned: int = 0

    @property
    def complete(self) -> bool:
        """Whether none is missing up to what the chain said."""
        return self.contiguous >= self.next


@dataclass(frozen=True, slots=True)
class NonceHole:
    """The nonces from ``first`` up to, not including, ``until`` were given and not seen; they stand in ``blocks``."""

    first: int
    until: int
    blocks: BlockRange


class Aim(Enum):
    """What a cover is for."""

    CONFIRM = "confirm"
    """Read again what is not final, up to the head: finds what a push did not bring and what a reorg took."""

    ADVANCE = "advance"
    """Read only what is new: moves the watermark."""


def begin(start: BlockNumber) -> Coverage:
    """The coverage of a chain that nothing has been read of; ``start`` is included."""
    return Coverage(start=start, checkpoint=BlockNumber(start - 1))


def next_range(coverage: Coverage, after: BlockNumber, head: BlockNumber, span: int) -> BlockRange | None:
    """The next blocks to read after block ``after``, at most ``span`` of them; None where there is nothing new."""
    first = BlockNumber(max(after + 1, coverage.start))
    if first > head:
        return None
    return BlockRange(first, BlockNumber(min(head, first + span - 1)))


def first_unread(coverage: Coverage, aim: Aim) -> BlockNumber:
    """The block after which a cover with this aim begins."""
    if aim is Aim.ADVANCE and coverage.covered is not None:
        return coverage.covered.number
    return coverage.checkpoint


def advance(coverage: Coverage, read: BlockRange, end: BlockRef, final: BlockNumber) -> Coverage:
    """The coverage after all logs of ``read`` were read from an endpoint that has its last block, ``end``.

    1. A range that leaves a gap after what is covered moves nothing.
    2. The covered block never goes back to a lower one: an endpoint that lags is no reorg. At the same height the
       block that stands now counts.
    3. The checkpoint moves over blocks that are both final and read without a gap since the last checkpoint.
    """
    reached = coverage.covered.number if coverage.covered else coverage.checkpoint
    if read.first > reached + 1:
        return coverage
    moved = coverage
    if end.number >= reached:
        moved = replace(moved, covered=end)
    if read.first <= coverage.checkpoint + 1:
        moved = replace(moved, checkpoint=BlockNumber(max(coverage.checkpoint, min(final, end.number))))
    return moved


def skip_to(coverage: Coverage, oldest: BlockNumber) -> Coverage:
    """The coverage of a chain that is watched from ``oldest`` on, since nobody has the blocks before it any more.

    It covers nothing yet: that would claim what was not read.
    """
    return begin(max(oldest, BlockNumber(coverage.checkpoint + 1)))


def final_by_depth(head: BlockNumber, depth: int) -> BlockNumber:
    """The highest block that is at least ``depth`` blocks behind the head."""
    return BlockNumber(head - depth)


def doubtful(
    known: Iterable[tuple[BlockNumber, Hash32]], answered: Iterable[tuple[BlockNumber, Hash32]]
) -> list[tuple[BlockNumber, Hash32]]:
    """The blocks that known events stand in and that the answer for their range did not name, lowest first.

    Each needs a look at its header before anything is concluded: another hash is a reorg, the same hash an answer
    that left a log out, no block at all lag.
    """
    return sorted(set(known) - set(answered))


def left_out(ours: Iterable[RawLog], theirs: Iterable[RawLog]) -> list[RawLog]:
    """The logs that another endpoint has in the same blocks and ours does not.

    Two endpoints may number the logs of a block differently, so a log is told by its transaction and its contents.
    """
    known = {_contents(log) for log in ours}
    return [log for log in theirs if _contents(log) not in known]


def _contents(log: RawLog) -> tuple[object, ...]:
    return (log.block_hash, log.tx_hash, log.topics, log.data)


def contiguous_until(first: int, nonces: Iterable[int]) -> int:
    """The first nonce from ``first`` on that is not in ``nonces`` (ascending, may repeat)."""
    expected = first
    for nonce in nonces:
        if nonce > expected:
            break
        expected = max(expected, nonce + 1)
    return expected
