"""The legs that are past due and about which nobody has been told: neither that they are late, nor what is wrong."""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.alerts.kinds.overdue import OVERDUE
from connext_monitor.core.alerts.table import EXCLUDING_LEGS
from connext_monitor.core.deadline import Awaited, Leg
from connext_monitor.core.events import DomainId, Timestamp
from connext_monitor.core.unjudged import Marks, UnjudgedCount
from connext_monitor.store.connection import Connection
from connext_monitor.store.instants import to_ms
from connext_monitor.store.legs import ARRIVED, DUE
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.schema import alerts, transfers

Settling = tuple[datetime, datetime]
"""A leg whose alert ended within it is left in peace for a while: it may come and go with a reorg."""

_MARKS = ("now", "aged", "ripe")


def count(connection: Connection, marks: Mapping[DomainId, Marks], settling: Settling) -> dict[DomainId, UnjudgedCount]:
    """By destination, those that were due before each of its marks; absent where there are none."""
    counts: dict[DomainId, UnjudgedCount] = {}
    for leg in Leg if marks else ():
        for domain, of_leg in _counts(connection, leg, marks, settling).items():
            counts[domain] = _sum(counts.get(domain), of_leg)
    return counts


def first(
    connection: Connection, destination: DomainId, due_before: int, settling: Settling, *, limit: int
) -> list[Awaited]:
    """The first of one destination's that were due before then."""
    return [awaited for leg in Leg for awaited in _first(connection, leg, destination, due_before, settling, limit)]


def _counts(
    connection: Connection, leg: Leg, marks: Mapping[DomainId, Marks], settling: Settling
) -> dict[DomainId, UnjudgedCount]:
    values = {f"{name}{domain}": getattr(its, name) for domain, its in marks.items() for name in _MARKS}
    latest = max(its.now for its in marks.values())
    select_counts = _select_counts(leg, tuple(sorted(marks)))
    rows = select_counts.rows(connection, **values, due_before=latest, **_milliseconds(settling))
    return {DomainId(row[0]): UnjudgedCount(row[1], row[2], row[3], Timestamp(row[4])) for row in rows}


@cache
def _select_counts(leg: Leg, destinations: tuple[DomainId, ...]) -> Prepared:
    return Prepared(lambda: _write_counts(leg, destinations))


def _write_counts(leg: Leg, destinations: tuple[DomainId, ...]) -> Select[*tuple[Any, ...]]:
    due = DUE[leg]
    now, aged, ripe = (
        case({domain: parameter(f"{name}{domain}") for domain in destinations}, value=transfers.c.destination)
        for name in _MARKS
    )
    return (
        select(
            transfers.c.destination,
            func.count(),
            func.count().filter(due < aged),
            func.count().filter(due < ripe),
            func.min(due),
        )
        .where(*_unjudged(leg, destinations), due < now)
        .group_by(transfers.c.destination)
    )


def _first(
    connection: Connection, leg: Leg, destination: DomainId, due_before: int, settling: Settling, limit: int
) -> list[Awaited]:
    select_first = _select_first(leg, destination)
    rows = select_first.rows(connection, due_before=due_before, limit=limit, **_milliseconds(settling))
    return [Awaited(row.transfer_id, leg, row.due, destination) for row in rows]


@cache
def _select_first(leg: Leg, destination: DomainId) -> Prepared:
    due = DUE[leg]
    return Prepared(
        lambda: (
            select(transfers.c.transfer_id, due.label("due"))
            .where(*_unjudged(leg, [destination]))
            .order_by(due, transfers.c.transfer_id)
            .limit(parameter("limit"))
        )
    )


def _milliseconds(settling: Settling) -> dict[str, int]:
    since, until = settling
    return {"since": to_ms(since), "until": to_ms(until)}


def _unjudged(leg: Leg, destinations: Collection[DomainId]) -> list[ColumnElement[bool]]:
    """With the parameters ``due_before``, ``since`` and ``until``."""
    due, arrived = DUE[leg], ARRIVED[leg]
    lately = alerts.c.resolved_ms.between(parameter("since"), parameter("until"))
    own = and_(alerts.c.kind == OVERDUE[leg].name, or_(alerts.c.state == AlertState.OPEN.value, lately))
    excluded = and_(alerts.c.kind.in_([kind.name for kind in EXCLUDING_LEGS]), alerts.c.state == AlertState.OPEN.value)
    spoken_of: ColumnElement[Any] = exists().where(alerts.c.transfer_id == transfers.c.transfer_id, or_(own, excluded))
    # The first two are what the partial index of what is awaited is searched by.
    return [arrived.is_(None), due < parameter("due_before"), transfers.c.destination.in_(destinations), ~spoken_of]


def _sum(sum_so_far: UnjudgedCount | None, other: UnjudgedCount) -> UnjudgedCount:
    if sum_so_far is None:
        return other
    return UnjudgedCount(
        sum_so_far.past_due + other.past_due,
        sum_so_far.aged + other.aged,
        sum_so_far.ripe + other.ripe,
        min(sum_so_far.first_due, other.first_due),
    )
