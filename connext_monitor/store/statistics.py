"""Numbers over many transfers, added up from what SQLite has counted; see `core.stats` for what each means."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import and_

from connext_monitor.core.counts import PathwayCounts, Sums, WholeParts, parts_of
from connext_monitor.core.deadline import LEGS, Leg
from connext_monitor.core.events import Address, Pathway, Timestamp
from connext_monitor.core.stats import (
    FilledByRouter,
    LegStats,
    Owed,
    PathwayStats,
    RouterStats,
    Stats,
    TimeBucket,
    Timeline,
    Window,
    WindowStats,
    starts,
    usual_width,
)
from connext_monitor.store.connection import Connection
from connext_monitor.store.kept_spans import added_up
from connext_monitor.store.last_executions import last_of_pathways, last_of_sets
from connext_monitor.store.overdue import count_overdue
from connext_monitor.store.owed import owed, split
from connext_monitor.store.schema import transfers

_T = transfers.c


def over(connection: Connection, window: Window, width: int | None = None) -> WindowStats:
    """Pathways and routers, and the window in parts of ``width`` seconds, by default as wide as shows it well."""
    width = width or usual_width(window)
    pathways: defaultdict[Pathway, Sums] = defaultdict(Sums)
    counted_by_part: list[tuple[int, PathwayCounts]] = []
    buckets: list[TimeBucket] = []
    for counted in added_up(connection, window, width):
        if isinstance(counted, WholeParts):
            for its in counted.pathways:
                pathways[its.pathway].add(its)
            buckets += counted.parts
        else:
            pathways[counted[1].pathway].add(counted[1])
            counted_by_part.append(counted)
    part_since = {part.since: part for part in (*buckets, *parts_of(counted_by_part, width))}
    filled, unpaid = _filled(pathways.values()), owed(connection, window)
    routers = _routers(unpaid, filled, last_of_sets(connection, window))
    stats = Stats(window, _pathways(connection, window, pathways), routers)
    timeline = tuple(part_since.get(since) or TimeBucket(since) for since in starts(window, width))
    return WindowStats(stats, filled, unpaid, Timeline(width, timeline))


def router_fills(connection: Connection, window: Window) -> FilledByRouter:
    """What routers fronted, without all else that `over` counts."""
    sums = Sums()
    for counted in added_up(connection, window, usual_width(window)):
        for its in counted.pathways if isinstance(counted, WholeParts) else counted[1:]:
            sums.add(its)
    return FilledByRouter(sums.fills, sums.fronted)


def _filled(sums: Collection[Sums]) -> FilledByRouter:
    fills: Counter[Address] = Counter()
    for its in sums:
        fills.update(its.fills)
    return FilledByRouter(fills, sum(its.fronted for its in sums))


def _pathways(connection: Connection, window: Window, sums: Mapping[Pathway, Sums]) -> tuple[PathwayStats, ...]:
    within = and_(_T.started_at >= window.since, _T.started_at < window.until)
    overdue = count_overdue(connection, *_conditions(window), split_by=within)
    last_executed = last_of_pathways(connection, window)

    def leg_stats(pathway: Pathway, its: Sums, leg: Leg) -> LegStats:
        inside, before = overdue[pathway, leg, True], overdue[pathway, leg, False]
        return LegStats(*its.took(leg).summary(), its.late(leg) + inside, inside + before)

    begun = {pathway: its for pathway, its in sums.items() if its.begun}
    every = [
        _pathway(pathway, its, last_executed.get(pathway), *(leg_stats(pathway, its, leg) for leg in LEGS))
        for pathway in {*begun, *last_executed, *(pathway for pathway, _, _ in overdue)}
        for its in (begun.get(pathway, Sums()),)
    ]
    return tuple(sorted(every, key=lambda pathway: (-pathway.begun, pathway.origin, pathway.destination)))


def _pathway(
    pathway: Pathway, its: Sums, last_executed: Timestamp | None, execute: LegStats, reconcile: LegStats
) -> PathwayStats:
    return PathwayStats(
        *pathway,
        begun=its.begun,
        executed_fast=its.executed_fast,
        executed_slow=its.executed_slow,
        completed_fast=its.completed_fast,
        completed_slow=its.completed_slow,
        last_executed=last_executed,
        execute=execute,
        reconcile=reconcile,
    )


def _routers(
    unpaid: Sequence[tuple[Address, Owed]], filled: FilledByRouter, last_of_sets: Mapping[bytes, Timestamp]
) -> tuple[RouterStats, ...]:
    last_fill: dict[Address, Timestamp] = {}
    for together, at in last_of_sets.items():
        for router in split(together):
            last_fill[router] = max(last_fill.get(router, at), at)
    owed_to: defaultdict[Address, list[Owed]] = defaultdict(list)
    for owner, its in unpaid:
        owed_to[owner].append(its)
    every = [
        RouterStats(router, filled.fills.get(router, 0), filled.share(router), latest, tuple(owed_to[router]))
        for router, latest in last_fill.items()
    ]
    return tuple(sorted(every, key=lambda router: (-router.fills, -router.last_fill, router.router)))


def _conditions(window: Window) -> list[Any]:
    ends_given = ((_T.origin, window.origin), (_T.destination, window.destination))
    return [column == domain for column, domain in ends_given if domain is not None]
