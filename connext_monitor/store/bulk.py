"""Many rows in one statement, past SQLAlchemy's handling of every single value.

SQLAlchemy writes the statements, so that the schema stays the only place that names columns; the driver gets them with
plain tuples. Measured by ``scripts.bench.ingest``: handling each value takes longer than SQLite takes to store it.

Many rows in one step of SQLite, in and out: at each step the driver's thread gives up the interpreter, and may wait
five milliseconds to have it back as long as the event loop has something to do. Row by row, the two would take turns
instead of using a processor each.
"""

from binascii import unhexlify
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, LargeBinary, Select, func
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import Insert

_DIALECT = sqlite.dialect()
_rows = msgspec.json.Decoder(list[list[Any]]).decode
_MOST = 1024
"""Values in one list: far below the 32,766 variables that SQLite takes, so that no statement takes a long time."""
_ROWS = 2048
"""Rows in one statement, of at most sixteen columns."""
_STEP = 64


class InsertMany:
    """An insert of rows that are tuples of values in the order of ``columns``.

    Of a row that is there already nothing more may come: to be few different statements, they are filled up with their
    last row again.
    """

    def __init__(self, statement: Insert, columns: Sequence[Column[Any]]) -> None:
        names = [column.name for column in columns]
        compiled = statement.compile(dialect=_DIALECT, column_keys=names)
        if compiled.positiontup != names:
            raise ValueError(f"the columns are to be in the table's order, {compiled.positiontup}")
        self._before, self._row, self._after = str(compiled).partition(f"({', '.join('?' * len(names))})")
        self._sql = lru_cache(self._compile)

    def _compile(self, rows: int) -> str:
        return f"{self._before}{', '.join([self._row] * rows)}{self._after}"

    def __call__(self, connection: Connection, rows: Sequence[tuple[object, ...]]) -> None:
        """Insert them, in their order."""
        for part in parts(rows, _ROWS):
            filled = _filled(part)
            connection.exec_driver_sql(self._sql(len(filled)), tuple(chain.from_iterable(filled)))


class SelectIn:
    """A select of the rows whose ``column`` is one of a list, however long, each as the list of its values.

    ``query`` must have no parameters of its own.
    """

    def __init__(self, query: Select[*tuple[Any, ...]], column: Column[Any]) -> None:
        columns = list(query.selected_columns)
        self._blobs = [index for index, column in enumerate(columns) if isinstance(column.type, LargeBinary)]
        values = [func.hex(column) if index in self._blobs else column for index, column in enumerate(columns)]
        # The whole answer is one row with one text in it.
        self._query = query.with_only_columns(
            func.json_group_array(func.json_array(*values)), maintain_column_froms=True
        )
        self._column = column
        self._sql = lru_cache(self._compile)

    def _compile(self, values: int) -> str:
        query = self._query.where(self._column.in_([None] * values))
        return str(query.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True}))

    def __call__(self, connection: Connection, values: Collection[object]) -> list[list[Any]]:
        """The rows, in no order."""
        rows: list[list[Any]] = []
        for part in parts(values, _ROWS):
            filled = _filled(part)
            rows += _rows(connection.exec_driver_sql(self._sql(len(filled)), tuple(filled)).scalar_one())
        for row in rows:
            for index in self._blobs:
                row[index] = unhexlify(row[index])
        return rows


def _filled(values: list[Any]) -> list[Any]:
    """The values, with the last one repeated up to one of few lengths: a prepared statement is kept for each."""
    count = len(values)
    size = 1 << (count - 1).bit_length() if count < _STEP else -(-count // _STEP) * _STEP
    return values + values[-1:] * (size - count)


def replacing(statement: Insert, key: Column[Any]) -> Insert:
    """The insert, but where there is a row with the same key already, that takes the other new values."""
    replaced = {
        column.name: statement.excluded[column.name]
        for column in key.table.c
        if column is not key and not column.primary_key
    }
    return statement.on_conflict_do_update(index_elements=[key], set_=replaced)


def parts(values: Iterable[Any], most: int = _MOST) -> Iterator[list[Any]]:
    """The values, at most so many at a time."""
    every = list(values)
    yield from (every[start : start + most] for start in range(0, len(every), most))
