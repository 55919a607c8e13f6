"""The stored history under other deadlines."""

from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId, Pathway
from connext_monitor.core.stats import LatencyPercentiles, Replayed, Window, latency
from connext_monitor.store.connection import Connection
from connext_monitor.store.counted_rows import latencies, read_latencies
from connext_monitor.store.legs import ARRIVED, DUE, PATHWAY
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared
from connext_monitor.store.schema import chains, transfers

_T = transfers.c

Today = Callable[[DomainId, DomainId], int | None]
"""Seconds after XCalled that a leg of the pathway origin → destination is due now; None where nobody watches it."""


def judge(connection: Connection, window: Window, leg: Leg, today: Today, deadlines: Sequence[int]) -> list[Replayed]:
    """One leg, by watched pathway, under today's deadline and each of these (seconds); the most transfers first.

    Judged as the monitor judges what it sees; see `core.stats.Replayed`. ``today`` must be pure.
    """
    due = {pathway: seconds for pathway in _pathways(connection, window) if (seconds := today(*pathway))}
    if not due:
        return []
    took = _latencies(connection, window, leg)
    rows = _alerts(connection, window, leg, due, deadlines)
    replayed = [_replayed(row, leg, took, due) for row in rows if (row.origin, row.destination) in due]
    return sorted(replayed, key=lambda pathway: (-pathway.transfers, pathway.origin, pathway.destination))


def _pathways(connection: Connection, window: Window) -> list[Pathway]:
    query = select(*PATHWAY).distinct().where(*_within(window), _T.xcalled_at.is_not(None))
    return [(row.origin, row.destination) for row in Prepared(lambda: query).rows(connection)]


def _latencies(connection: Connection, window: Window, leg: Leg) -> dict[Pathway, LatencyPercentiles]:
    """How long the leg took, by pathway."""
    query = select(*PATHWAY, latencies(leg).label("took")).where(*_within(window)).group_by(*PATHWAY)
    rows = Prepared(lambda: query).stream(connection)
    return {(row.origin, row.destination): latency(sorted(read_latencies(row.took))) for row in rows}


def _within(window: Window) -> list[ColumnElement[bool]]:
    """The condition of a transfer that belongs to the window."""
    ends = ((_T.origin, window.origin), (_T.destination, window.destination))
    of_ends = [column == domain for column, domain in ends if domain is not None]
    return [_T.started_at >= window.since, _T.started_at < window.until, *of_ends]


def _alerts(
    connection: Connection, window: Window, leg: Leg, due: dict[Pathway, int], deadlines: Sequence[int]
) -> Sequence[StoredRow]:
    today = case(*((and_(_T.origin == ends[0], _T.destination == ends[1]), seconds) for ends, seconds in due.items()))
    query = (
        select(
            *PATHWAY,
            func.count().label("transfers"),
            func.count().filter(ARRIVED[leg].is_(None), DUE[leg].is_(None)).label("unknown"),
            func.count().filter(_late(leg, today)).label("today"),
            *(func.count().filter(_late(leg, seconds)).label(f"under_{n}") for n, seconds in enumerate(deadlines)),
        )
        .join(chains, chains.c.domain == _T.destination, isouter=True)
        .where(*_within(window), _T.xcalled_at.is_not(None))
        .group_by(*PATHWAY)
    )
    return Prepared(lambda: query).rows(connection)


def _late(leg: Leg, deadline: ColumnElement[int] | int) -> ColumnElement[bool]:
    """Whether a leg that is due so many seconds after XCalled would be alerted."""
    due_at = _T.xcalled_at + deadline
    absent = and_(ARRIVED[leg].is_(None), DUE[leg].is_not(None), chains.c.covered_at > due_at)
    return or_(ARRIVED[leg] > due_at, absent)


def _replayed(row: StoredRow, leg: Leg, took: dict[Pathway, LatencyPercentiles], due: dict[Pathway, int]) -> Replayed:
    origin, destination, transfers_, unknown, today, *alerts = tuple(row)
    return Replayed(
        origin,
        destination,
        leg,
        transfers=transfers_,
        latency=took.get((origin, destination), LatencyPercentiles()),
        today=due[origin, destination],
        alerts_today=today,
        alerts=tuple(alerts),
        unknown=unknown,
    )
