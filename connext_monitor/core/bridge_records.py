"""The events besides transfers as a set: what a batch adds to it and takes away, whatever the order (promise 4)."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from connext_monitor.core.bridge_events import BridgeIdentity, BridgeRecord
from connext_monitor.core.structs import replace, struct
from connext_monitor.core.transfer import ObservedChange, Provenance


@struct(frozen=True, slots=True)
class StoredBridgeRecord:
    """One of them, and whether all was read of its block: one that was only pushed is provisional."""

    record: BridgeRecord
    covered: bool


@struct(frozen=True, slots=True)
class BridgeChanges:
    """What a batch changes of them: ``saved`` are new or different, ``removed`` stand in blocks that are gone.

    ``covered`` are those of which it is known now, for the first time and to whoever watches the chain, that they stand
    in a covered block. ``standing`` are all that stand in the blocks that the batch touches.
    """

    saved: tuple[StoredBridgeRecord, ...] = ()
    removed: tuple[StoredBridgeRecord, ...] = ()
    covered: tuple[BridgeRecord, ...] = ()
    standing: tuple[StoredBridgeRecord, ...] = ()


NO_BRIDGE_CHANGES = BridgeChanges()


def numbered(records: Iterable[BridgeRecord]) -> tuple[BridgeRecord, ...]:
    """The records of one answer: those that say the same in one transaction count up; a log that comes twice is one."""
    seen: Counter[BridgeIdentity] = Counter()
    ordered: list[BridgeRecord] = []
    logs = {(record.identity, record.log_index): record for record in records}
    for record in sorted(logs.values(), key=lambda record: (record.block.number, record.block.hash, record.log_index)):
        ordered.append(replace(record, ordinal=seen[record.identity]))
        seen[record.identity] += 1
    return tuple(ordered)


def bridge_changes(prior: Collection[StoredBridgeRecord], observed: Sequence[ObservedChange]) -> BridgeChanges:
    """The changes that what was observed, in its order, makes to what is stored of the blocks that it touches."""
    if not prior and not any(change.bridge for change in observed):
        return NO_BRIDGE_CHANGES
    before = {stored.record.identity: stored for stored in prior}
    after = dict(before)
    watched: set[BridgeIdentity] = set()
    for change in observed:
        for identity, stored in list(after.items()) if change.gone else ():
            if (stored.record.domain, stored.record.block.hash) in change.gone:
                del after[identity]
        for record in change.bridge:
            after[record.identity] = _seen_again(after.get(record.identity), record, change.provenance)
        if change.provenance is Provenance.COVERED:
            watched.update(record.identity for record in change.bridge)
    covered = [
        after[identity].record
        for identity in after
        if identity in watched and not (identity in before and before[identity].covered)
    ]
    return BridgeChanges(
        tuple(stored for identity, stored in after.items() if before.get(identity) != stored),
        tuple(stored for identity, stored in before.items() if identity not in after),
        tuple(covered),
        tuple(after.values()),
    )


def _seen_again(stored: StoredBridgeRecord | None, record: BridgeRecord, provenance: Provenance) -> StoredBridgeRecord:
    if stored is None:
        return StoredBridgeRecord(record, provenance is not Provenance.PUSHED)
    # Endpoints that number logs differently may have shown it: which of them came first must not matter.
    lowest = min(stored.record.log_index, record.log_index)
    return StoredBridgeRecord(
        replace(stored.record, log_index=lowest), stored.covered or provenance is not Provenance.PUSHED
    )
