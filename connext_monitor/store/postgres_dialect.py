"""How PostgreSQL has the statements: SQLAlchemy's dialect of it, with our functions, partial indexes and many rows.

Slow to load, and only loaded where the database is a PostgreSQL.
"""

import re
from collections.abc import Callable, Collection, Sequence
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import Boolean, Column, Insert, Select, any_, bindparam, text
from sqlalchemy.dialects.postgresql.base import PGCompiler, PGDDLCompiler, PGDialect
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from connext_monitor.store import dialect
from connext_monitor.store.connection import POSTGRESQL, Connection
from connext_monitor.store.postgres_arrays import ELEMENT_TYPES, ServerArray
from connext_monitor.store.prepared import Prepared
from connext_monitor.store.schema import metadata

_WORDS = {
    dialect.NowMs: "(extract(epoch FROM clock_timestamp()) * 1000)::bigint",
    # SQLite's max() and min() of several values are NULL where one of them is; GREATEST and LEAST leave that one out.
    dialect.Larger: "CASE WHEN num_nulls({0}) = 0 THEN greatest({0}) END",
    dialect.Smaller: "CASE WHEN num_nulls({0}) = 0 THEN least({0}) END",
    dialect.Joined: "string_agg(({0})::text, ',')",
    dialect.Hexed: "encode({0}, 'hex')",
    dialect.HoldsForAny: "bool_or({0})",
}
_FLAG = re.compile(
    r"\b("
    + "|".join(sorted({c.name for table in metadata.tables.values() for c in table.c if isinstance(c.type, Boolean)}))
    + r") = ([01])\b"
)


def _written(element: FunctionElement[Any], compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401 - as SQLAlchemy's
    return _WORDS[type(element)].format(compiler.process(element.clauses, **how))


for _function in _WORDS:
    compiles(_function, POSTGRESQL)(_written)


@compiles(dialect.Contains, POSTGRESQL)
def _contains(element: dialect.Contains, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401 - as SQLAlchemy's
    whole, part = (compiler.process(clause, **how) for clause in element.clauses)
    return f"position({part} in {whole}) > 0"


@compiles(CreateIndex, POSTGRESQL)
def _create_index(create: CreateIndex, compiler: PGDDLCompiler, **how: Any) -> str:  # noqa: ANN401 - as SQLAlchemy's
    """An index of some rows is of the same rows here: the schema and the migrations say it for SQLite."""
    only = create.element.dialect_options["sqlite"]["where"]
    if only is not None:
        create.element.dialect_options[POSTGRESQL]["where"] = text(with_flags(str(only)))
    return str(compiler.visit_create_index(create, **how))  # type: ignore[no-untyped-call]


def with_flags(sql: str) -> str:
    """The same SQL, but a flag is compared to a truth value, not to 0 or 1."""
    return _FLAG.sub(lambda flag: f"{flag[1]} = {'true' if flag[2] == '1' else 'false'}", sql)


@lru_cache(maxsize=4096)
def as_driver_wants(sql: str) -> str:
    """A statement with a ``?`` for each value, as psycopg takes it."""
    return with_flags(sql).replace("%", "%%").replace("?", "%s")


class _Compiler(PGCompiler):
    def _on_conflict_target(self, clause: Any, **how: Any) -> str:  # noqa: ANN401 - as SQLAlchemy's
        # The statements are SQLite's, which knows no constraint as the target of an upsert. PostgreSQL's own insert
        # would do for both, and take every command that uses SQLite 50 ms to load.
        if not hasattr(clause, "constraint_target"):
            clause.constraint_target = None
        return str(super()._on_conflict_target(clause, **how))  # type: ignore[no-untyped-call]


class _Dialect(PGDialect):
    statement_compiler = _Compiler
    supports_statement_cache = True


DIALECT: Dialect = _Dialect(paramstyle="qmark")  # type: ignore[no-untyped-call]


class ArrayInsert:
    """See `bulk.InsertMany`: each column's values come as one array."""

    def __init__(self, write: Callable[[], Insert], columns: Sequence[Column[Any]]) -> None:
        self._write = write
        self._columns = columns

    @cached_property
    def _sql(self) -> str:
        names = [column.name for column in self._columns]
        compiled = str(self._write().compile(dialect=DIALECT, column_keys=names))
        before, _, after = compiled.partition(f"VALUES ({', '.join('?' * len(names))})")
        return f"{before}SELECT * FROM {_rows_of(self._columns)}{after}"  # noqa: S608 - the schema's names

    def __call__(self, connection: Connection, values: list[object]) -> None:
        """Insert them, in their order."""
        if values:
            connection.run(self._sql, _by_columns(values, self._columns))


class ArrayUpdate:
    """See `bulk.UpdateMany`."""

    def __init__(self, key: Column[Any], columns: Sequence[Column[Any]]) -> None:
        quoted, every = DIALECT.identifier_preparer.quote, [key, *columns]
        table = quoted(key.table.name)
        new = ", ".join(f"{quoted(column.name)} = new.{quoted(column.name)}" for column in columns)
        names = ", ".join(quoted(column.name) for column in every)
        self._sql = f"UPDATE {table} SET {new} FROM {_rows_of(every)} AS new ({names})"  # noqa: S608 - the schema's names
        self._sql += f" WHERE {table}.{quoted(key.name)} = new.{quoted(key.name)}"
        self._every = every

    def __call__(self, connection: Connection, values: list[object]) -> None:
        """Update those of them that are there; no key may come twice."""
        if values:
            connection.run(self._sql, _by_columns(values, self._every))


class ArraySelect:
    """See `bulk.SelectIn`."""

    def __init__(self, write: Callable[[], Select[*tuple[Any, ...]]], column: Column[Any]) -> None:
        self._select = Prepared(lambda: write().where(column == any_(bindparam("values"))))
        self._column = column

    def __call__(self, connection: Connection, values: Collection[object]) -> list[list[Any]]:
        """The rows, in no order."""
        if not values:
            return []
        return [list(row) for row in self._select.rows(connection, values=_array(self._column, list(values)))]


def _rows_of(columns: Sequence[Column[Any]]) -> str:
    return f"unnest({', '.join(f'?::{column.type.compile(DIALECT)}[]' for column in columns)})"


def _by_columns(values: list[object], columns: Sequence[Column[Any]]) -> list[ServerArray]:
    width = len(columns)
    return [_array(column, values[start::width]) for start, column in enumerate(columns)]


def _array(column: Column[Any], values: list[object]) -> ServerArray:
    return ServerArray(values, ELEMENT_TYPES[column.type.compile(DIALECT)])
