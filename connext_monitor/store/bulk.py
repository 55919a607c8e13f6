"""Many rows in one statement, in and out.

SQLAlchemy writes the statements, so that the schema stays the only place that names columns; the driver gets them with
plain tuples.

Many rows in one step of SQLite: at each step the driver's thread gives up the interpreter, and may wait
five milliseconds to have it back as long as the event loop has something to do. Row by row, the two would take turns
instead of using a processor each.
"""

from binascii import unhexlify
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import Column, LargeBinary, Select, func
from sqlalchemy.dialects.sqlite import Insert

from connext_monitor.store.connection import Connection
from connext_monitor.store.prepared import DIALECT, Prepared, filled, list_parameter

_rows = msgspec.json.Decoder(list[list[Any]]).decode
_MOST = 1024
"""Values in one list: far below the 32,766 variables that SQLite takes, so that no statement takes a long time."""
_ROWS = 2048
"""Rows in one statement, of at most sixteen columns."""


class InsertMany:
    """An insert of rows that are tuples of values in the order of ``columns``, which is the table's; see `Prepared`.

    Of a row that is there already nothing more may come: to be few different statements, they are filled up with their
    last row again.
    """

    def __init__(self, write: Callable[[], Insert], columns: Sequence[Column[Any]]) -> None:
        self._write = write
        self._names = [column.name for column in columns]
        if self._names != [column.name for column in columns[0].table.c if column.name in self._names]:
            raise ValueError(f"the columns are to be in the table's order, not {self._names}")
        self._sql = lru_cache(self._compile)

    @cached_property
    def _parts(self) -> tuple[str, str, str]:
        """What stands before a row, a row, and what stands behind it."""
        compiled = self._write().compile(dialect=DIALECT, column_keys=self._names)
        return str(compiled).partition(f"({', '.join('?' * len(self._names))})")

    def _compile(self, rows: int) -> str:
        before, row, after = self._parts
        return f"{before}{', '.join([row] * rows)}{after}"

    def __call__(self, connection: Connection, rows: Sequence[tuple[object, ...]]) -> None:
        """Insert them, in their order."""
        for part in parts(rows, _ROWS):
            full = filled(part)
            connection.run(self._sql(len(full)), tuple(chain.from_iterable(full)))


class SelectIn:
    """A select of the rows whose ``column`` is one of a list, however long, each as the list of its values.

    ``write`` writes it without that condition and without parameters; see `Prepared`.
    """

    def __init__(self, write: Callable[[], Select[*tuple[Any, ...]]], column: Column[Any]) -> None:
        self._write = write
        self._column = column
        self._select = Prepared(self._as_one_text)

    @cached_property
    def _blobs(self) -> list[int]:
        return [
            index for index, column in enumerate(self._write().selected_columns) if isinstance(column.type, LargeBinary)
        ]

    def _as_one_text(self) -> Select[*tuple[Any, ...]]:
        """The whole answer as one row with one text in it."""
        query = self._write()
        values = [
            func.hex(column) if index in self._blobs else column for index, column in enumerate(query.selected_columns)
        ]
        return query.with_only_columns(
            func.json_group_array(func.json_array(*values)), maintain_column_froms=True
        ).where(self._column.in_(list_parameter("values")))

    def __call__(self, connection: Connection, values: Collection[object]) -> list[list[Any]]:
        """The rows, in no order."""
        rows: list[list[Any]] = []
        for part in parts(values, _ROWS):
            rows += _rows(self._select.value(connection, values=part))
        for row in rows:
            for index in self._blobs:
                row[index] = unhexlify(row[index])
        return rows


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
