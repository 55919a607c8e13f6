"""The transfers that are not completed, counted."""

from typing import Any

from sqlalchemy import Column, Connection, func, select

from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId, Timestamp
from connext_monitor.core.stored_numbers import PathwayCount, PendingLegs
from connext_monitor.core.transfer import Status
from connext_monitor.store.legs import ARRIVED, PATHWAY
from connext_monitor.store.schema import transfers

_Counts = dict[tuple[int, int], tuple[int, int]]


def by_pathway(connection: Connection) -> list[PendingLegs]:
    """By pathway, the transfers whose XCalled stands and that have not been executed, or not been reconciled."""
    executions, reconciliations = (_missing(connection, ARRIVED[leg]) for leg in (Leg.EXECUTE, Leg.RECONCILE))
    return [
        PendingLegs(
            DomainId(origin),
            DomainId(destination),
            *_counted(executions.get((origin, destination))),
            *_counted(reconciliations.get((origin, destination))),
        )
        for origin, destination in sorted(executions.keys() | reconciliations.keys())
    ]


def by_status(connection: Connection) -> list[PathwayCount]:
    """How many transfers that are not completed stand where, by pathway and status."""
    columns = (transfers.c.origin, transfers.c.destination, transfers.c.status)
    completed = [Status.COMPLETED_FAST.value, Status.COMPLETED_SLOW.value]
    rows = connection.execute(
        select(*columns, func.count()).where(transfers.c.status.not_in(completed)).group_by(*columns).order_by(*columns)
    )
    return [PathwayCount(DomainId(row[0]), DomainId(row[1]), Status(row[2]), row[3]) for row in rows]


def _missing(connection: Connection, arrived: Column[Any]) -> _Counts:
    """By pathway, how many have not arrived, and when the oldest of them began."""
    rows = connection.execute(
        select(*PATHWAY, func.count(), func.min(transfers.c.started_at))
        .where(arrived.is_(None), transfers.c.xcalled_at.is_not(None))
        .group_by(*PATHWAY)
    )
    return {(origin, destination): (count, oldest) for origin, destination, count, oldest in rows}


def _counted(counted: tuple[int, int] | None) -> tuple[int, Timestamp | None]:
    return (counted[0], Timestamp(counted[1])) if counted else (0, None)
