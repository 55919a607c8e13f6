"""Selects that are asked again and again, each written once.

SQLAlchemy writes the statement, so that the schema stays the only place that names columns; the driver gets it with
plain values. Building a statement anew for each question takes five times as long as SQLite takes to answer it.
"""

from typing import Any

from sqlalchemy import BindParameter, Connection, CursorResult, Select, bindparam
from sqlalchemy.dialects import sqlite

_DIALECT = sqlite.dialect()


def parameter(name: str) -> BindParameter[Any]:
    """What is given a value each time that a prepared select is asked."""
    return bindparam(name, required=False)


class Prepared:
    """A select whose parameters are its `parameter`s; flags come as 0 and 1, all other values as they are stored."""

    def __init__(self, query: Select[*tuple[Any, ...]]) -> None:
        compiled = query.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        self._sql = str(compiled)
        self._names = list(compiled.positiontup or ())
        self._known = dict(compiled.construct_params())

    def __call__(self, connection: Connection, **values: object) -> CursorResult[*tuple[Any, ...]]:
        """The rows for these values of its parameters."""
        given = self._known | values
        return connection.exec_driver_sql(self._sql, tuple(given[name] for name in self._names))
