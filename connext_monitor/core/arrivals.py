"""Legs that have arrived: how long they took and whether in time, as they are counted."""

from collections.abc import Iterator

from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId, EventKind, TransferId
from connext_monitor.core.recording import Changes
from connext_monitor.core.structs import struct

_EXECUTE, _RECONCILE = Leg.EXECUTE, Leg.RECONCILE
_EXECUTED = frozenset({EventKind.XCALLED, EventKind.EXECUTED})
_RECONCILED = frozenset({EventKind.XCALLED, EventKind.RECONCILED})
"""What makes a leg's both ends known where it comes last."""


@struct(frozen=True, slots=True)
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
    for transfer in changes.transfers:
        kinds = new.get(transfer.transfer_id)
        called = transfer.xcalled_at
        if called is None or kinds is None:
            continue
        # Both legs spelled out: history brings thousands of them at once.
        at, due = transfer.executed_at, transfer.execute_due_at
        if at is not None and not kinds.isdisjoint(_EXECUTED):
            in_time = None if due is None else at <= due
            yield Arrival(transfer.origin, transfer.destination, _EXECUTE, max(0, at - called), in_time)
        at, due = transfer.reconciled_at, transfer.reconcile_due_at
        if at is not None and not kinds.isdisjoint(_RECONCILED):
            in_time = None if due is None else at <= due
            yield Arrival(transfer.origin, transfer.destination, _RECONCILE, max(0, at - called), in_time)
