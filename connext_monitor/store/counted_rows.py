"""Transfers counted from their rows, by pathway and part of time."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select

from connext_monitor.core.counts import PathwayCounts
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import Address, DomainId
from connext_monitor.core.stats import Window
from connext_monitor.store.connection import Connection
from connext_monitor.store.legs import ARRIVED, DUE, PATHWAY
from connext_monitor.store.owed import split
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.schema import transfers
from connext_monitor.store.sql_functions import Hexed, Joined, Larger

_T = transfers.c
_CALLED = _T.xcalled_at.is_not(None)
FAST = and_(_T.executed_at.is_not(None), func.length(_T.routers) > 0)
"""That routers fronted it."""
_SLOW = and_(_T.executed_at.is_not(None), func.length(_T.routers) == 0)
_RECONCILED = _T.reconciled_at.is_not(None)


def counted(connection: Connection, window: Window, width: int) -> Iterator[tuple[int, PathwayCounts]]:
    """The window's transfers by parts that begin at multiples of ``width`` (Unix seconds), each with its beginning."""
    values: dict[str, object] = {"since": window.since, "until": window.until, "width": width}
    values |= ends(window)
    for row in _select(window.origin is not None, window.destination is not None).stream(connection, **values):
        yield row.part, _counts(row)


def ends(window: Window) -> dict[str, object]:
    """The parameters of `of_ends`."""
    given = {"of_origin": window.origin, "of_destination": window.destination}
    return {name: domain for name, domain in given.items() if domain is not None}


def of_ends(origin: bool, destination: bool) -> list[ColumnElement[bool]]:
    """The condition of a transfer whose ends are given as parameters."""
    conditions = ((_T.origin, "of_origin", origin), (_T.destination, "of_destination", destination))
    return [column == parameter(name) for column, name, given in conditions if given]


@cache
def _select(origin: bool, destination: bool) -> Prepared:
    return Prepared(lambda: _write(origin, destination))


def _write(origin: bool, destination: bool) -> Select[*tuple[Any, ...]]:
    part = (_T.started_at - _T.started_at % parameter("width")).label("part")
    routers = Joined(Hexed(_T.routers)).filter(FAST).label("fills")
    counted = {
        "begun": _CALLED,
        "executed_fast": and_(_CALLED, FAST),
        "executed_slow": and_(_CALLED, _SLOW),
        "completed_fast": and_(_CALLED, FAST, _RECONCILED),
        "completed_slow": and_(_CALLED, _SLOW, _RECONCILED),
        "late_execute": and_(_CALLED, ARRIVED[Leg.EXECUTE] > DUE[Leg.EXECUTE]),
        "late_reconcile": and_(_CALLED, ARRIVED[Leg.RECONCILE] > DUE[Leg.RECONCILE]),
    }
    return (
        select(
            part,
            *PATHWAY,
            *(func.count().filter(condition).label(name) for name, condition in counted.items()),
            *(latencies(leg).label(leg.value) for leg in (Leg.EXECUTE, Leg.RECONCILE)),
            routers,
        )
        .where(_T.started_at >= parameter("since"), _T.started_at < parameter("until"), *of_ends(origin, destination))
        .group_by("part", *PATHWAY)
    )


def latencies(leg: Leg) -> ColumnElement[Any]:
    """The leg's, in seconds, all in one text: a row for each would take Python longer than SQLite takes to find it."""
    # A leg stamped before its XCalled took 0 s; where either has not been seen there is none.
    return Joined(Larger(ARRIVED[leg] - _T.xcalled_at, 0))


def _counts(row: StoredRow) -> PathwayCounts:
    together = Counter(row.fills.split(",")) if row.fills else Counter[str]()
    fills: Counter[Address] = Counter()
    for routers, count in together.items():
        for router in set(split(bytes.fromhex(routers))):
            fills[router] += count
    return PathwayCounts(
        DomainId(row.origin),
        DomainId(row.destination),
        row.begun,
        row.executed_fast,
        row.executed_slow,
        row.completed_fast,
        row.completed_slow,
        row.late_execute,
        row.late_reconcile,
        read_latencies(row.execute),
        read_latencies(row.reconcile),
        together.total(),
        sorted(fills.items()),
    )


def read_latencies(text: str | None) -> list[int]:
    """The latencies of such a text, in no order."""
    return list(map(int, text.split(","))) if text else []
