"""What is counted for the metrics: one consistent look, through indexes over what is in flight, never over history."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import Address, DomainId, Pathway
from connext_monitor.core.stored_numbers import AwaitedLegs, PathwayLeg, StoredNumbers
from connext_monitor.store import glance, lease, router_books
from connext_monitor.store.connection import SQLITE, Connection
from connext_monitor.store.in_flight import by_pathway
from connext_monitor.store.legs import ARRIVED, DUE, PATHWAY
from connext_monitor.store.overdue import count_overdue
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.schema import transfers

MOST_ROUTERS = 20
"""How many routers are told of where none are asked for."""


def look(connection: Connection, now: float, routers: Sequence[Address] = ()) -> StoredNumbers:
    """All of it as of one moment; ``now`` (Unix seconds) decides what is past due.

    ``routers`` are those to be told of; where there are none, those with the most fills are.
    """
    return StoredNumbers(
        nonces=glance.every_nonces(connection),
        awaited=_awaited(connection, now),
        overdue={(*pathway, leg): count for (pathway, leg, _), count in count_overdue(connection).items()},
        open_alerts=glance.count_open(connection),
        backlogs=glance.backlogs(connection),
        routers=router_books.numbers(connection, routers or router_books.busiest(connection, MOST_ROUTERS)),
        database_bytes=_size(connection),
        instances=lease.listed(connection),
    )


def _size(connection: Connection) -> int | None:
    if connection.engine == SQLITE:
        return None
    (size,) = connection.run("SELECT pg_database_size(current_database())").fetchone()
    return int(size)


def _awaited(connection: Connection, now: float) -> dict[PathwayLeg, AwaitedLegs]:
    """The legs that have a deadline: all that are missing but those without one.

    An index counts what is missing by its state. The rows of those with a deadline to come are not looked up.
    """
    awaited: dict[PathwayLeg, AwaitedLegs] = {}
    pending = by_pathway(connection)
    for leg in Leg:
        without_deadline = _counts(_select_without_deadline(leg).rows(connection))
        past_due = _counts(_select_past_due(leg).rows(connection, now=now))
        for its in pending:
            pathway = (its.origin, its.destination)
            missing = its.executions if leg is Leg.EXECUTE else its.reconciliations
            if count := missing - without_deadline.get(pathway, 0):
                awaited[*pathway, leg] = AwaitedLegs(count, past_due.get(pathway, 0))
    return awaited


def _counts(rows: Iterable[StoredRow]) -> dict[Pathway, int]:
    return {(DomainId(origin), DomainId(destination)): count for origin, destination, count in rows}


@cache
def _select_without_deadline(leg: Leg) -> Prepared:
    return Prepared(lambda: _count(leg, DUE[leg].is_(None), transfers.c.xcalled_at.is_not(None)))


@cache
def _select_past_due(leg: Leg) -> Prepared:
    # As a range with two ends: else SQLite goes through all transfers in the order of their pathways.
    return Prepared(lambda: _count(leg, DUE[leg] >= 0, DUE[leg] < parameter("now")))


def _count(leg: Leg, *conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return select(*PATHWAY, func.count()).where(ARRIVED[leg].is_(None), *conditions).group_by(*PATHWAY)
