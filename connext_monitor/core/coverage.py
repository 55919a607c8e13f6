"""Coverage: which blocks of a chain have been read, which of them are final, and what to do next.

Start, catch-up, reconnect and steady state are one mechanism: cover the next range.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from enum import Enum

from connext_monitor.core.events import (
    BlockNumber,
    BlockRef,
    EventKind,
    EventLog,
    Hash32,
    SeenLog,
    Timestamp,
    TransferId,
)
from connext_monitor.core.structs import replace, struct


@struct(frozen=True, slots=True)
class BlockRange:
    """Blocks ``first`` to ``last``, both included."""

    first: BlockNumber
    last: BlockNumber

    def __len__(self) -> int:
        return self.last - self.first + 1


@struct(frozen=True, slots=True)
class Coverage:
    """How far one chain has been read.

    ``start`` is the first block watched; ``checkpoint`` the last block covered and final (``start - 1`` at first);
    ``covered`` the last block covered: its time is the chain's watermark.
    """

    start: BlockNumber
    checkpoint: BlockNumber
    covered: BlockRef | None = None


@struct(frozen=True, slots=True)
class StoredRange:
    """What is stored of a range of blocks: the blocks that something stands in; each event by block, kind and id."""

    blocks: AbstractSet[tuple[BlockNumber, Hash32]] = frozenset()
    events: AbstractSet[tuple[Hash32, EventKind, TransferId]] = frozenset()


@struct(frozen=True, slots=True)
class SettledBlocks:
    """Blocks that become final; ``known`` are those that something was known to stand in when they were read."""

    blocks: BlockRange
    known: AbstractSet[tuple[BlockNumber, Hash32]]


class RecordedMeanwhile(Exception):
    """While blocks were read, something was recorded in one of them that the reader did not know of.

    Below the checkpoint nothing is looked at again: they are to be read once more before they become final.
    """


class CoverageMoved(Exception):
    """The coverage that is stored is not the one that a progress starts from: what was read before it was not stored.

    Stored all the same, it would say that blocks are covered which are not.
    """


@struct(frozen=True, slots=True)
class Nonces:
    """What is known of an origin's nonces.

    ``first`` is the first one watched, ``contiguous`` the first that is missing or not reached, ``next`` what the
    chain itself said it would give next at a covered block. Of those below ``pruned`` each was seen, and its transfer
    may no longer be kept.
    """

    first: int
    contiguous: int
    next: int
    pruned: int = 0

    @property
    def complete(self) -> bool:
        """Whether none is missing up to what the chain said."""
        return self.contiguous >= self.next


@struct(frozen=True, slots=True)
class NonceHole:
    """The nonces from ``first`` up to, not including, ``until`` were given and not seen; they stand in ``blocks``."""

    first: int
    until: int
    blocks: BlockRange


class Aim(Enum):
    """What a cover is for."""

    CONFIRM = "confirm"
    """Read again what is not final, up to the head: finds what no push brought and what a reorg took."""

    ADVANCE = "advance"
    """Read only what is new: moves the watermark."""


@struct(frozen=True, slots=True)
class Cover:
    """Read block ranges up to the head. With ``settles`` also find out what is final, which costs requests."""

    aim: Aim
    settles: bool = False


@struct(frozen=True, slots=True)
class LookAtHead:
    """Ask the endpoint for its head."""


@struct(frozen=True, slots=True)
class Sleep:
    """Do nothing for so many seconds, or until something happens."""

    seconds: float


CoverAction = Cover | LookAtHead | Sleep


@struct(frozen=True, slots=True)
class CoverSituation:
    """What the next action depends on.

    ``head`` is the head announced last, None before the first; ``head_doubted``: the endpoint may not have it any more.
    ``failed`` is a cover that was broken off and is still to be done. ``confirmed``: a confirming cover has been done
    through this endpoint; the next one is due in ``until_confirm`` seconds, and is to settle what is final if
    ``settling_due``. ``reorg_hinted``: something suggests that blocks were replaced. ``awaited`` is the earliest block
    time that someone waits to see covered. ``pushes``: the endpoint pushes logs by itself.
    """

    coverage: Coverage
    head: BlockRef | None
    head_doubted: bool
    failed: Cover | None
    confirmed: bool
    until_confirm: float
    settling_due: bool
    reorg_hinted: bool
    awaited: Timestamp | None
    pushes: bool


def next_action(now: CoverSituation) -> CoverAction:
    """What to do next, by the first of these that fits.

    1. A cover that was broken off is done again, after a look at the head: it may be the head that is gone.
    2. Nothing has been confirmed through this endpoint, the time for it has come, or a reorg is hinted at: confirm.
    3. There is a block to read, and nothing is covered yet, someone waits for an instant that the head has passed, or
       the endpoint pushes no logs: advance.
    4. Otherwise sleep until the next confirming cover.

    Whatever is covered needs a head to be covered up to, so an unknown one is asked for first.
    """
    cover = now.failed or _due_cover(now)
    if cover is None:
        return Sleep(max(0.0, now.until_confirm))
    if now.head is None or (now.failed is not None and now.head_doubted):
        return LookAtHead()
    return cover


def _due_cover(now: CoverSituation) -> Cover | None:
    if now.reorg_hinted or not now.confirmed or now.until_confirm <= 0:
        return Cover(Aim.CONFIRM, settles=now.reorg_hinted or now.settling_due)
    if now.head is None or now.head.number <= first_unread(now.coverage, Aim.ADVANCE):
        return None
    awaited = now.awaited is not None and now.head.timestamp > now.awaited
    return Cover(Aim.ADVANCE) if awaited or now.coverage.covered is None or not now.pushes else None


def begin(start: BlockNumber) -> Coverage:
    """The coverage of a chain that nothing has been read of; ``start`` is included."""
    return Coverage(start=start, checkpoint=BlockNumber(start - 1))


def follows(stored: Coverage | None, since: Coverage) -> bool:
    """Whether what starts from ``since`` may be stored; None: nothing of the chain is yet."""
    return since == (begin(since.start) if stored is None else stored)


def next_range(coverage: Coverage, after: BlockNumber, head: BlockNumber, span: int) -> BlockRange | None:
    """The next blocks to read after block ``after``, at most ``span`` of them; None if there is nothing new."""
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
    2. The covered block never goes back to a lower one: a lagging endpoint is not a reorg. At the same height the
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
    stored: Iterable[tuple[BlockNumber, Hash32]], answered: Iterable[tuple[BlockNumber, Hash32]]
) -> list[tuple[BlockNumber, Hash32]]:
    """The blocks that hold stored events and that the answer for their range did not name, the lowest first.

    Each needs a look at its header before anything is concluded: another hash is a reorg, the same hash an answer
    that left a log out, no block at all lag.
    """
    return sorted(set(stored) - set(answered))


def left_out(ours: Iterable[SeenLog], theirs: Iterable[SeenLog]) -> list[SeenLog]:
    """The logs that another endpoint has in the same blocks and ours does not.

    Two endpoints may number the logs of a block differently, so a log is identified by its transaction and contents; in
    one whose event was read these are the event. Both are to be read the same way.
    """
    own_contents = {_contents(log) for log in ours}
    return [log for log in theirs if _contents(log) not in own_contents]


def _contents(log: SeenLog) -> tuple[object, ...]:
    if isinstance(log, EventLog):
        return (log.block_hash, log.tx_hash, log.event)
    return (log.block_hash, log.tx_hash, log.topics, log.data)
