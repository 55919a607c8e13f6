"""The transfers that are not completed, counted."""

from functools import cache

from sqlalchemy import func, select

from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId, Timestamp
from connext_monitor.core.stored_numbers import PendingLegs
from connext_monitor.store.connection import Connection
from connext_monitor.store.legs import ARRIVED, PATHWAY
from connext_monitor.store.prepared import Prepared
from connext_monitor.store.schema import transfers

_Counts = dict[tuple[int, int], tuple[int, int]]


def by_pathway(connection: Connection) -> list[PendingLegs]:
    """By pathway, the transfers whose XCalled stands and that have not been executed, or not been reconciled."""
    executions, reconciliations = (_missing(connection, leg) for leg in (Leg.EXECUTE, Leg.RECONCILE))
    return [
        PendingLegs(
            DomainId(origin),
            DomainId(destination),
            *_counted(executions.get((origin, destination))),
            *_counted(reconciliations.get((origin, destination))),
        )
        for origin, destination in sorted(executions.keys() | reconciliations.keys())
    ]


@cache
def _select_missing(leg: Leg) -> Prepared:
    return Prepared(
        lambda: (
            select(*PATHWAY, func.count(), func.min(transfers.c.started_at))
            .where(ARRIVED[leg].is_(None), transfers.c.xcalled_at.is_not(None))
            .group_by(*PATHWAY)
        )
    )


def _missing(connection: Connection, leg: Leg) -> _Counts:
    """By pathway, how many have not arrived, and when the oldest of them began."""
    rows = _select_missing(leg).rows(connection)
    return {(origin, destination): (count, oldest) for origin, destination, count, oldest in rows}


def _counted(counted: tuple[int, int] | None) -> tuple[int, Timestamp | None]:
    return (counted[0], Timestamp(counted[1])) if counted else (0, None)
