"""How PostgreSQL takes and gives many rows: each column as one array."""

from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Column, Insert, Select, any_, bindparam

from connext_monitor.store.connection import Connection
from connext_monitor.store.postgres_arrays import ELEMENT_TYPES, ServerArray
from connext_monitor.store.postgres_dialect import DIALECT
from connext_monitor.store.prepared import Prepared


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
