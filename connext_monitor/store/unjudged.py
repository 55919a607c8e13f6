"""The legs that are past due and about which nobody has been told: neither that they are late, nor what is wrong."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, or_, select

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.alerts.kinds.overdue import OVERDUE
from connext_monitor.core.alerts.table import EXCLUDING_LEGS
from connext_monitor.core.deadline import Awaited, Leg
from connext_monitor.core.events import DomainId, Timestamp
from connext_monitor.core.unjudged import Marks, UnjudgedCount
from connext_monitor.store.legs import ARRIVED, DUE
from connext_monitor.store.schema import alerts, transfers

Settling = tuple[datetime, datetime]
"""A leg whose alert ended within it is left in peace for a while: it may come and go with a reorg."""


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
    due = DUE[leg]
    now, aged, ripe = (
        case({domain: getattr(its, name) for domain, its in marks.items()}, value=transfers.c.destination)
        for name in ("now", "aged", "ripe")
    )
    rows = connection.execute(
        select(
            transfers.c.destination,
            func.count(),
            func.count().filter(due < aged),
            func.count().filter(due < ripe),
            func.min(due),
        )
        .where(
            *_unjudged(leg, max(its.now for its in marks.values()), marks, settling),
            due < now,
        )
        .group_by(transfers.c.destination)
    )
    return {DomainId(row[0]): UnjudgedCount(row[1], row[2], row[3], Timestamp(row[4])) for row in rows}


def _first(
    connection: Connection, leg: Leg, destination: DomainId, due_before: int, settling: Settling, limit: int
) -> list[Awaited]:
    due = DUE[leg]
    rows = connection.execute(
        select(transfers.c.transfer_id, due.label("due"))
        .where(*_unjudged(leg, due_before, [destination], settling))
        .order_by(due, transfers.c.transfer_id)
        .limit(limit)
    )
    return [Awaited(row.transfer_id, leg, row.due, destination) for row in rows]


def _unjudged(
    leg: Leg, due_before: int, destinations: Collection[DomainId], settling: Settling
) -> list[ColumnElement[bool]]:
    due, arrived = DUE[leg], ARRIVED[leg]
    since, until = (round(instant.timestamp() * 1000) for instant in settling)
    own = and_(
        alerts.c.kind == OVERDUE[leg].name,
        or_(alerts.c.state == AlertState.OPEN.value, alerts.c.resolved_ms.between(since, until)),
    )
    excluded = and_(alerts.c.kind.in_([kind.name for kind in EXCLUDING_LEGS]), alerts.c.state == AlertState.OPEN.value)
    spoken_of: ColumnElement[Any] = exists().where(alerts.c.transfer_id == transfers.c.transfer_id, or_(own, excluded))
    # The first two are what the partial index of what is awaited is searched by.
    return [arrived.is_(None), due < due_before, transfers.c.destination.in_(destinations), ~spoken_of]


def _sum(sum_so_far: UnjudgedCount | None, other: UnjudgedCount) -> UnjudgedCount:
    if sum_so_far is None:
        return other
    return UnjudgedCount(
        sum_so_far.past_due + other.past_due,
        sum_so_far.aged + other.aged,
        sum_so_far.ripe + other.ripe,
        min(sum_so_far.first_due, other.first_due),
    )
