"""Numbers over many transfers, counted by SQLite: what comes out is small, however many there are."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Label, Select, and_, case, func, select

from connext_monitor.core.deadline import LEGS, Leg
from connext_monitor.core.events import Address, DomainId, EventKind, Executed, Pathway, Timestamp
from connext_monitor.core.stats import (
    LatencyPercentiles,
    LegStats,
    Owed,
    PathwayStats,
    RouterStats,
    Stats,
    TimeBucket,
    Timeline,
    Window,
    histogram,
    latency,
    share_of,
    starts,
)
from connext_monitor.core.transfer import Status
from connext_monitor.store.connection import Connection
from connext_monitor.store.event_kinds import EXECUTED
from connext_monitor.store.legs import ARRIVED, DUE, PATHWAY
from connext_monitor.store.overdue import count_overdue
from connext_monitor.store.payload import unpack
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, list_parameter
from connext_monitor.store.schema import events, transfers

Key = tuple[int, ...]

_T = transfers.c
_EXECUTED = _T.executed_at.is_not(None)
_FAST = and_(_EXECUTED, func.length(_T.routers) > 0)
_SLOW = and_(_EXECUTED, func.length(_T.routers) == 0)
_ADDRESS = 20
_CHUNK = 1_000
_SELECT_EXECUTED = Prepared(
    lambda: (
        select(transfers.c.transfer_id, events.c.domain, events.c.payload)
        .join(events, events.c.transfer == transfers.c.id)
        .where(transfers.c.transfer_id.in_(list_parameter("ids")), events.c.kind == EXECUTED)
        # Where an Executed stands in two places, one of which a reorg took, the lower one counts.
        .order_by(events.c.block_number, events.c.block_hash)
    )
)


def over(connection: Connection, window: Window) -> Stats:
    """Pathways and routers; see `core.stats` for what each number means."""
    last = _last_executions(connection, window)
    return Stats(window, _pathways(connection, window, last), _routers(connection, window, last))


def timeline(connection: Connection, window: Window, width: int) -> Timeline:
    """The window in parts of ``width`` seconds."""
    return Timeline(width, _buckets(connection, window, width))


def _pathways(connection: Connection, window: Window, last: Sequence[StoredRow]) -> tuple[PathwayStats, ...]:
    begun = {(row.origin, row.destination): row for row in Prepared(lambda: _counts(window, *PATHWAY)).rows(connection)}
    overdue = count_overdue(connection, *of_ends(window), split_by=and_(*within(window)))
    by_leg = {leg: _leg_latencies(connection, window, leg) for leg in LEGS}
    last_executed: dict[Pathway, int] = {}
    for row in last:
        pathway = (row.origin, row.destination)
        last_executed[pathway] = max(last_executed.get(pathway, 0), row.last)

    def leg_stats(pathway: Pathway, leg: Leg) -> LegStats:
        late = getattr(begun[pathway], f"late_{leg.value}") if pathway in begun else 0
        inside, before = overdue[pathway, leg, True], overdue[pathway, leg, False]
        known = by_leg[leg].get(pathway, LegStats())
        return replace(known, late=late + inside, overdue=inside + before)

    every = [
        _pathway(pathway, begun.get(pathway), last_executed.get(pathway), *(leg_stats(pathway, leg) for leg in LEGS))
        for pathway in {*begun, *last_executed, *(pathway for pathway, _, _ in overdue)}
    ]
    return tuple(sorted(every, key=lambda pathway: (-pathway.begun, pathway.origin, pathway.destination)))


def _pathway(
    pathway: Pathway, begun: StoredRow | None, last_executed: int | None, execute: LegStats, reconcile: LegStats
) -> PathwayStats:
    return PathwayStats(
        *pathway,
        begun=begun.begun if begun else 0,
        executed_fast=begun.executed_fast if begun else 0,
        executed_slow=begun.executed_slow if begun else 0,
        completed_fast=begun.completed_fast if begun else 0,
        completed_slow=begun.completed_slow if begun else 0,
        last_executed=None if last_executed is None else Timestamp(last_executed),
        execute=execute,
        reconcile=reconcile,
    )


def _leg_latencies(connection: Connection, window: Window, leg: Leg) -> dict[Pathway, LegStats]:
    stats = {}
    for (origin, destination), counted in latencies(connection, window, leg, *PATHWAY):
        stats[DomainId(origin), DomainId(destination)] = LegStats(latency(counted), histogram(counted))
    return stats


def _routers(connection: Connection, window: Window, last: Sequence[StoredRow]) -> tuple[RouterStats, ...]:
    last_fill: dict[Address, int] = {}
    for row in last:
        for router in _split(row.routers):
            last_fill[router] = max(last_fill.get(router, 0), row.last)
    fills: Counter[Address] = Counter()
    fronted = 0
    query = select(_T.routers, func.count()).where(*within(window), _FAST).group_by(_T.routers)
    for together, count in Prepared(lambda: query).rows(connection):
        fronted += count
        for router in _split(together):
            fills[router] += count
    owed = _owed(connection, window)
    every = [
        RouterStats(
            router,
            fills[router],
            fills[router] / fronted if fronted else None,
            Timestamp(latest),
            tuple(its for owner, its in owed if owner == router),
        )
        for router, latest in last_fill.items()
    ]
    return tuple(sorted(every, key=lambda router: (-router.fills, -router.last_fill, router.router)))


def _owed(connection: Connection, window: Window) -> list[tuple[Address, Owed]]:
    """What each router is owed by token, the most transfers first."""
    amounts: Counter[tuple[Address, DomainId, Address]] = Counter()
    counts: Counter[tuple[Address, DomainId, Address]] = Counter()
    for domain, event in _unreconciled_fills(connection, window):
        shares = share_of(event.params.bridged_amount, len(event.routers))
        for router, amount in zip(event.routers, shares, strict=True):
            amounts[router, domain, event.local] += amount
        for router in set(event.routers):
            counts[router, domain, event.local] += 1
    return [
        (router, Owed(domain, asset, amounts[router, domain, asset], count))
        for (router, domain, asset), count in sorted(counts.items(), key=lambda counted: (-counted[1], counted[0]))
    ]


def _unreconciled_fills(connection: Connection, window: Window) -> Iterator[tuple[DomainId, Executed]]:
    """The fast executions that have not been reconciled, each with the chain that it stands on."""
    # Asked for in two steps: in one, SQLite goes through all events to find the few that are wanted.
    query = select(_T.transfer_id, _T.destination).where(_T.reconciled_at.is_(None), _FAST, *of_ends(window))
    unreconciled = Prepared(lambda: query).stream(connection)
    while rows := list(islice(unreconciled, _CHUNK)):
        destinations = {row.transfer_id: row.destination for row in rows}
        for transfer_id, domain, payload in _SELECT_EXECUTED.rows(connection, ids=destinations):
            if destinations.get(transfer_id) != domain:
                continue
            del destinations[transfer_id]
            event = unpack(EventKind.EXECUTED, transfer_id, payload)
            if isinstance(event, Executed):
                yield domain, event


def _buckets(connection: Connection, window: Window, width: int) -> tuple[TimeBucket, ...]:
    part = (_T.started_at - _T.started_at % width).label("part")
    begun = {row.part: row for row in Prepared(lambda: _counts(window, part)).rows(connection)}
    took: dict[Leg, dict[int, LatencyPercentiles]] = {leg: {} for leg in LEGS}
    for leg in LEGS:
        for (since,), counted in latencies(connection, window, leg, part):
            took[leg][since] = latency(counted)
    return tuple(
        TimeBucket(
            since,
            begun=begun[since].begun,
            executed_fast=begun[since].executed_fast,
            executed_slow=begun[since].executed_slow,
            execute=took[Leg.EXECUTE].get(since, LatencyPercentiles()),
            reconcile=took[Leg.RECONCILE].get(since, LatencyPercentiles()),
        )
        if since in begun
        else TimeBucket(since)
        for since in starts(window, width)
    )


def _counts(window: Window, *by: ColumnElement[int]) -> Select[*tuple[Any, ...]]:
    """How many transfers of the window stand where."""
    return (
        select(
            *by,
            func.count().label("begun"),
            func.count().filter(_FAST).label("executed_fast"),
            func.count().filter(_SLOW).label("executed_slow"),
            func.count().filter(_T.status == Status.COMPLETED_FAST.value).label("completed_fast"),
            func.count().filter(_T.status == Status.COMPLETED_SLOW.value).label("completed_slow"),
            *(func.count().filter(ARRIVED[leg] > DUE[leg]).label(f"late_{leg.value}") for leg in LEGS),
        )
        .where(*within(window), _T.xcalled_at.is_not(None))
        .group_by(*by)
    )


def latencies(
    connection: Connection, window: Window, leg: Leg, *by: ColumnElement[int]
) -> Iterator[tuple[Key, list[tuple[int, int]]]]:
    """The leg's latencies, counted, for each of what they are looked at by."""
    took = ARRIVED[leg] - _T.xcalled_at
    seconds = case((took < 0, 0), else_=took).label("seconds")
    query = (
        select(*by, seconds, func.count())
        .where(*within(window), _T.xcalled_at.is_not(None), ARRIVED[leg].is_not(None))
        .group_by(*by, seconds)
        .order_by(*by, seconds)
    )
    key: Key | None = None
    counted: list[tuple[int, int]] = []
    for row in Prepared(lambda: query).stream(connection):
        *of, lasted, count = tuple(row)
        if key is not None and key != tuple(of):
            yield key, counted
            counted = []
        key = tuple(of)
        counted.append((lasted, count))
    if key is not None:
        yield key, counted


def _last_executions(connection: Connection, window: Window) -> Sequence[StoredRow]:
    """The latest execution of each pathway by each set of routers, whenever it was."""
    columns = (_T.destination, _T.origin, _T.routers)
    latest: Label[int] = func.max(_T.executed_at).label("last")
    query = select(*columns, latest).where(_EXECUTED, *of_ends(window)).group_by(*columns)
    return Prepared(lambda: query).rows(connection)


def within(window: Window) -> list[ColumnElement[bool]]:
    """The condition of a transfer that belongs to the window."""
    return [_T.started_at >= window.since, _T.started_at < window.until, *of_ends(window)]


def of_ends(window: Window) -> list[ColumnElement[bool]]:
    """The condition of a transfer whose ends the window is about, whenever it began."""
    ends = ((_T.origin, window.origin), (_T.destination, window.destination))
    return [column == domain for column, domain in ends if domain is not None]


def _split(routers: bytes) -> set[Address]:
    return {Address(routers[at : at + _ADDRESS]) for at in range(0, len(routers), _ADDRESS)}
