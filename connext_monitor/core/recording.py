"""What a batch of observations changes: from the records known to the records after, and what follows from it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from connext_monitor.core.coverage import BlockRange, Coverage
from connext_monitor.core.deadline import ArmDeadline, DueDates, Durations, Effect, due_dates, effects
from connext_monitor.core.events import BlockNumber, BlockRef, DomainId, Hash32, TransferId
from connext_monitor.core.mismatch import Mismatch
from connext_monitor.core.transfer import EventRecord, ObservedChange, Transfer, by_transfer, fold, merge

PathwayDurations = Callable[[DomainId, DomainId], Durations | None]
"""The durations of the pathway origin → destination; None where the destination is no configured chain."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the store holds of the transfers that a batch touches."""

    records: Sequence[EventRecord] = ()
    due: Mapping[TransferId, DueDates] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changes:
    """What to store and what to do after a batch.

    ``added`` and ``removed`` are event records; ``transfers`` every transfer that is new or different, with its
    deadlines; ``vanished`` the ids of those that nothing is known of any more.
    """

    added: tuple[EventRecord, ...] = ()
    removed: tuple[EventRecord, ...] = ()
    transfers: tuple[tuple[Transfer, DueDates | None], ...] = ()
    vanished: tuple[TransferId, ...] = ()
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class ChainProgress:
    """How far a chain has been read after a batch.

    ``first_nonce`` is the nonce before the first watched block, ``next_nonce`` the one the chain would give next at a
    covered block; None where it was not asked this time. ``anchor`` is the block of a checkpoint that has moved.
    ``replaced`` is a block that counted as final and that another one was found to stand in place of; ``whole`` says
    that all blocks from the checkpoint to the head have been read; ``unread`` are blocks that no endpoint has any more,
    and behind which the watch begins anew.
    """

    domain: DomainId
    coverage: Coverage
    first_nonce: int | None = None
    next_nonce: int | None = None
    anchor: BlockRef | None = None
    replaced: BlockNumber | None = None
    whole: bool = False
    unread: BlockRange | None = None


@dataclass(frozen=True, slots=True)
class UnreadableLog:
    """A log that is none of ours or was mangled: what the endpoint gave, and what is wrong with it.

    ``delivery`` is the Executed that it holds, where that is proven not to be its transfer's, and ``mismatch`` why.
    """

    domain: DomainId
    raw: bytes
    reason: str
    delivery: EventRecord | None = None
    mismatch: Mismatch | None = None


def record(known: Known, observed: Sequence[ObservedChange], durations: PathwayDurations) -> Changes:
    """The changes that what was observed, in its order, makes to what is known."""
    before = by_transfer(known.records)
    added: list[EventRecord] = []
    removed: list[EventRecord] = []
    transfers: list[tuple[Transfer, DueDates | None]] = []
    vanished: list[TransferId] = []
    following: list[Effect] = []
    for transfer_id, has in merge(before, observed).items():
        had = before.get(transfer_id, {})
        if has.keys() == had.keys():
            continue
        added += [record for identity, record in has.items() if identity not in had]
        removed += [record for identity, record in had.items() if identity not in has]
        old, new = fold(had.values()), fold(has.values())
        if old == new:
            continue
        was_due = known.due.get(transfer_id)
        due = _due(old, was_due, new, durations)
        following += effects(old, was_due, new, due)
        if new is None:
            vanished.append(transfer_id)
        else:
            transfers.append((new, due))
    return Changes(
        added=tuple(added),
        removed=tuple(removed),
        transfers=tuple(transfers),
        vanished=tuple(vanished),
        effects=tuple(following),
    )


def without(changes: Changes, ids: Collection[TransferId]) -> Changes:
    """The changes to all other transfers than these."""
    if not ids:
        return changes
    return Changes(
        added=tuple(record for record in changes.added if record.event.transfer_id not in ids),
        removed=tuple(record for record in changes.removed if record.event.transfer_id not in ids),
        transfers=tuple(pair for pair in changes.transfers if pair[0].transfer_id not in ids),
        vanished=tuple(transfer_id for transfer_id in changes.vanished if transfer_id not in ids),
        effects=tuple(effect for effect in changes.effects if _transfer_of(effect) not in ids),
    )


def _transfer_of(effect: Effect) -> TransferId:
    return effect.awaited.transfer_id if isinstance(effect, ArmDeadline) else effect.transfer_id


def gone_blocks(observed: Sequence[ObservedChange]) -> frozenset[tuple[DomainId, Hash32]]:
    """All blocks that are proven gone."""
    return frozenset().union(*(change.gone for change in observed))


def _due(
    old: Transfer | None, was_due: DueDates | None, new: Transfer | None, durations: PathwayDurations
) -> DueDates | None:
    if new is None or new.xcalled is None:
        return None
    # A deadline is a promise made when XCalled was seen: it moves only when XCalled itself does. Where none was made,
    # because a backfill found it or nobody watched its destination, a leg that arrives makes none.
    if old and old.xcalled and old.xcalled.block.timestamp == new.xcalled.block.timestamp:
        return was_due
    return due_dates(new, durations(new.origin, new.destination))
