"""The transfers that are still owed a leg, counted."""

from typing import Any

from sqlalchemy import Column, Connection, func, select

from connext_monitor.core.events import DomainId, Timestamp
from connext_monitor.core.selection import PendingLegs
from connext_monitor.store.database import Database
from connext_monitor.store.schema import transfers

_Counts = dict[tuple[int, int], tuple[int, int]]


class InFlight:
    """Reads only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def by_pathway(self) -> list[PendingLegs]:
        """By pathway, the transfers whose XCalled stands and that have not been executed, or not been reconciled."""
        executions, reconciliations = await self._database.read(
            lambda connection: (
                _missing(connection, transfers.c.executed_at),
                _missing(connection, transfers.c.reconciled_at),
            )
        )
        return [
            PendingLegs(
                DomainId(origin),
                DomainId(destination),
                *_counted(executions.get((origin, destination))),
                *_counted(reconciliations.get((origin, destination))),
            )
            for origin, destination in sorted(executions.keys() | reconciliations.keys())
        ]


def _missing(connection: Connection, arrived: Column[Any]) -> _Counts:
    """By pathway, how many have not arrived, and when the oldest of them began."""
    pathway = (transfers.c.origin, transfers.c.destination)
    rows = connection.execute(
        select(*pathway, func.count(), func.min(transfers.c.started_at))
        .where(arrived.is_(None), transfers.c.xcalled_at.is_not(None))
        .group_by(*pathway)
    )
    return {(origin, destination): (count, oldest) for origin, destination, count, oldest in rows}


def _counted(found: tuple[int, int] | None) -> tuple[int, Timestamp | None]:
    return (found[0], Timestamp(found[1])) if found else (0, None)
