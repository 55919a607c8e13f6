"""The latest execution of each pathway by each set of routers.

SQLite would go through the whole index for it, one entry for each transfer ever executed; it is told to jump from one
destination, origin and set of routers to the next instead.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import CTE, Column, ColumnElement, LargeBinary, ScalarSelect, Select, func, literal_column, select

from connext_monitor.core.stats import Window
from connext_monitor.store.connection import Connection
from connext_monitor.store.counted_rows import ends
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.schema import transfers

_T = transfers.c


def last_executions(connection: Connection, window: Window) -> Sequence[StoredRow]:
    """Rows of ``destination``, ``origin``, ``routers``, and ``last``, when it was; of the window its ends count."""
    select_last = _select(window.origin is not None, window.destination is not None)
    return select_last.rows(connection, **ends(window))


@cache
def _select(origin: bool, destination: bool) -> Prepared:
    return Prepared(lambda: _write(origin, destination))


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
