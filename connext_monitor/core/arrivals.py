"""Legs that have arrived: how long they took and whether in time, as they are counted."""

from collections.abc import Iterator

from connext_monitor.core.deadline import LEGS, Leg, sighting_of
from connext_monitor.core.events import DomainId, EventKind, TransferId
from connext_monitor.core.recording import Changes
from connext_monitor.core.value import value

_KINDS = {Leg.EXECUTE: EventKind.EXECUTED, Leg.RECONCILE: EventKind.RECONCILED}


@value(frozen=True, slots=True)
class Arrival:
    """A leg of which both ends are known now.

    ``seconds`` is from XCalled's block time to the leg's, 0 where the two chains' clocks say that it came first;
    ``in_time`` is None where the leg had no deadline.
    """

    origin: DomainId
    destination: DomainId
    leg: Leg
    seconds: int
    in_time: bool | None


def arrivals(changes: Changes) -> Iterator[Arrival]:
    """The legs that arrived in a batch, or whose XCalled did; one that a reorg has moved arrives once more."""
    new: dict[TransferId, set[EventKind]] = {}
    for record in changes.added:
        new.setdefault(record.event.transfer_id, set()).add(record.event.kind)
    for transfer, due in changes.transfers:
        called = transfer.xcalled
        kinds = new.get(transfer.transfer_id)
        if called is None or kinds is None:
            continue
        for leg in LEGS:
            seen = sighting_of(transfer, leg)
            if seen is None or (_KINDS[leg] not in kinds and EventKind.XCALLED not in kinds):
                continue
            at = seen.block.timestamp
            in_time = at <= due.of(leg) if due else None
            yield Arrival(transfer.origin, transfer.destination, leg, max(0, at - called.block.timestamp), in_time)
