"""The transfers that are not completed, counted."""

from collections.abc import Mapping

from connext_monitor.core.events import DomainId, Timestamp
from connext_monitor.core.stored_numbers import PendingLegs
from connext_monitor.core.transfer import Status
from connext_monitor.store.connection import Connection
from connext_monitor.store.transfer_states import State, counted

_Counts = dict[tuple[DomainId, DomainId], tuple[int, int]]


def by_pathway(connection: Connection) -> list[PendingLegs]:
    """By pathway, the transfers whose XCalled stands and that have not been executed, or not been reconciled."""
    counts = counted(connection, {Status.XCALLED, Status.EXECUTED, Status.RECONCILED})
    executions = _missing(counts, Status.XCALLED, Status.RECONCILED)
    reconciliations = _missing(counts, Status.XCALLED, Status.EXECUTED)
    return [
        PendingLegs(
            *pathway,
            *_counted(executions.get(pathway)),
            *_counted(reconciliations.get(pathway)),
        )
        for pathway in sorted(executions.keys() | reconciliations.keys())
    ]


def _missing(counts: Mapping[State, tuple[int, int]], *statuses: Status) -> _Counts:
    """By pathway, how many have one of these statuses, and when the oldest of them began."""
    missing: _Counts = {}
    for (origin, destination, status), (count, oldest) in counts.items():
        if status in statuses:
            others, oldest_other = missing.get((origin, destination), (0, oldest))
            missing[origin, destination] = (others + count, min(oldest_other, oldest))
    return missing


def _counted(counted: tuple[int, int] | None) -> tuple[int, Timestamp | None]:
    return (counted[0], Timestamp(counted[1])) if counted else (0, None)
