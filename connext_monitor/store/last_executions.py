"""The latest execution of each pathway by each set of routers.

SQLite would go through the whole index for it, one entry for each transfer ever executed; it is told to jump from one
destination, origin and set of routers to the next instead.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    LargeBinary,
    ScalarSelect,
    Select,
    Text,
    cast,
    func,
    literal_column,
    select,
)

from connext_monitor.core.events import DomainId, Pathway, Timestamp
from connext_monitor.core.stats import Window
from connext_monitor.store.connection import Connection
from connext_monitor.store.counted_rows import ends
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.schema import transfers
from connext_monitor.store.sql_functions import Hexed, Joined

_T = transfers.c


class LastBySet(NamedTuple):
    """The latest execution of a pathway by one set of routers, 20 bytes each; none of them where it was slow."""

    destination: DomainId
    origin: DomainId
    routers: bytes
    last: Timestamp


def last_executions(connection: Connection, window: Window) -> list[LastBySet]:
    """Those of each pathway; of the window its ends count."""
    select_last = _select(window.origin is not None, window.destination is not None)
    return [
        LastBySet(destination, origin, bytes.fromhex(routers), Timestamp(int(last)))
        for destination, origin, together in select_last.rows(connection, **ends(window))
        for routers, _, last in [its.partition(" ") for its in together.split(",")]
    ]


def last_execution(connection: Connection, pathway: Pathway) -> Timestamp | None:
    """The latest of a pathway, whoever fronted it; None where there is none."""
    at = _SELECT_LAST.value(connection, of_origin=pathway[0], of_destination=pathway[1])
    return None if at is None else Timestamp(at)


@cache
def _select(origin: bool, destination: bool) -> Prepared:
    return Prepared(lambda: _write_joined(_write(origin, destination)))


def _write_joined(each: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """A row for each pathway: for each row the threads would hand the interpreter to one another."""
    its = each.subquery().c
    together = Joined(Hexed(its.routers).concat(" ").concat(cast(its.last, Text)))
    return select(its.destination, its.origin, together).group_by(its.destination, its.origin)


def _write(origin: bool, destination: bool) -> Select[*tuple[Any, ...]]:
    of_destination = [_T.destination == parameter("of_destination")] if destination else []
    of_origin = [_T.origin == parameter("of_origin")] if origin else []
    destinations = _jumps("destinations", _T.destination, None, of_destination)
    pathways = _jumps("pathways", _T.origin, destinations, of_origin)
    groups = _jumps("groups", _T.routers, pathways, [])
    columns = (groups.c.destination, groups.c.origin, groups.c.routers)
    latest = _executed(func.max(_T.executed_at), *_same(groups)).scalar_subquery()
    return select(*columns, latest.label("last")).where(groups.c.routers.is_not(None))


def _jumps(name: str, column: Column[Any], outer: CTE | None, conditions: Sequence[ColumnElement[bool]]) -> CTE:
    """Each value of a column within each row of ``outer``, from one to the next; behind the last one follows NULL."""
    if outer is None:
        first = select(_lowest(column, conditions).label(column.name))
    else:
        within = [*conditions, *_same(outer)]
        first = select(*outer.c, _lowest(column, within).label(column.name))
        first = first.where(outer.c[outer.c.keys()[-1]].is_not(None))
    values = first.cte(name, recursive=True)
    *shared, its = values.c
    following = [*conditions, *(_T[key.name] == key for key in shared), column > its]
    return values.union_all(select(*shared, _lowest(column, following)).where(its.is_not(None)))


def _same(rows: CTE) -> list[ColumnElement[bool]]:
    return [_T[key.name] == key for key in rows.c]


def _lowest(column: Column[Any], conditions: Sequence[ColumnElement[bool]]) -> ScalarSelect[Any]:
    if not isinstance(column.type, LargeBinary):
        return _executed(func.min(column), *conditions).scalar_subquery()
    # PostgreSQL knows no lowest bytes: they are sorted.
    first = _executed(column, column.is_not(None), *conditions).order_by(column).limit(literal_column("1"))
    return first.scalar_subquery()


def _executed(what: ColumnElement[Any], *conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return select(what).where(_T.executed_at.is_not(None), *conditions)


_SELECT_LAST = Prepared(lambda: select(func.max(_write(origin=True, destination=True).subquery().c.last)))
