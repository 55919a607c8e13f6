"""Many rows in one statement, in and out.

SQLAlchemy writes the statements, so that the schema stays the only place that names columns; the driver gets them with
plain tuples. What stands here is SQLite's way; PostgreSQL takes each column as an array (`postgres_bulk`).

Many rows in one step of SQLite: at each step the driver's thread gives up the interpreter, and has to wait to have it
back as long as the event loop has something to do. Row by row, the two would take turns instead of using a processor
each.
"""

from binascii import unhexlify
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Column, ColumnElement, Insert, LargeBinary, Select, case, func
from sqlalchemy.dialects import sqlite

from connext_monitor.store.connection import SQLITE, Connection
from connext_monitor.store.dialect import dialect_of
from connext_monitor.store.prepared import Prepared, list_parameter, parameter
from connext_monitor.store.sql_functions import Hexed

if TYPE_CHECKING:
    from connext_monitor.store import postgres_bulk

_rows = msgspec.json.Decoder(list[list[Any]]).decode
_MOST = 1024
"""Values in one list: far below the 32,766 variables that SQLite takes, so that no statement takes a long time."""
_ROWS = 1024
"""Rows in one answer."""
_VARIABLES = 2**14
"""Values in one statement, of the 32,766 that SQLite takes."""


class InsertMany:
    """An insert of rows, given as one list of the values of ``columns``, row after row; see `Prepared`.

    The order of the columns is the table's.
    """

    def __init__(self, write: Callable[[], Insert], columns: Sequence[Column[Any]]) -> None:
        self._write = write
        self._columns = columns
        self._names = [column.name for column in columns]
        if self._names != [column.name for column in columns[0].table.c if column.name in self._names]:
            raise ValueError(f"the columns are to be in the table's order, not {self._names}")
        self._sql = lru_cache(self._compile)

    @cached_property
    def _parts(self) -> tuple[str, str, str]:
        """What stands before the rows, a row, and what stands behind them."""
        compiled = str(self._write().compile(dialect=dialect_of(SQLITE), column_keys=self._names))
        before, row, after = compiled.partition(f"({', '.join('?' * len(self._names))})")
        return before.removesuffix("VALUES "), row, after

    @cached_property
    def _as_arrays(self) -> "postgres_bulk.ArrayInsert":
        from connext_monitor.store.postgres_bulk import ArrayInsert  # noqa: PLC0415 - see `dialect_of`

        return ArrayInsert(self._write, self._columns)

    def _compile(self, rows: int) -> str:
        before, row, after = self._parts
        return f"{before}{_values(row, rows)}{after}"

    def __call__(self, connection: Connection, values: list[object]) -> None:
        """Insert them, in their order."""
        if not values:
            return
        if connection.engine != SQLITE:
            self._as_arrays(connection, values)
            return
        for rows, part in _of_few_lengths(values, len(self._names)):
            connection.run(self._sql(rows), part)


class UpdateMany:
    """An update of rows by their ``key``, given as its value and the new ones of ``columns``, row after row.

    It ends the transaction where it fails; see `ending_all`.
    """

    def __init__(self, key: Column[Any], columns: Sequence[Column[Any]]) -> None:
        self._key, self._columns = key, columns
        table = key.table.name
        new = ", ".join(f"{column.name} = new.column{number}" for number, column in enumerate(columns, start=2))
        self._before = f"UPDATE OR ROLLBACK {table} SET {new} FROM ("  # noqa: S608 - the schema's names
        changed = ", ".join(f"{column.name} = ?" for column in columns)
        self._of_one_row = f"UPDATE OR ROLLBACK {table} SET {changed} WHERE {key.name} = ?"  # noqa: S608 - as above
        self._width = 1 + len(columns)
        self._row = f"({', '.join('?' * self._width)})"
        self._after = f") AS new WHERE {table}.{key.name} = new.column1"
        self._sql = lru_cache(self._write)

    @cached_property
    def _as_arrays(self) -> "postgres_bulk.ArrayUpdate":
        from connext_monitor.store.postgres_bulk import ArrayUpdate  # noqa: PLC0415 - see `dialect_of`

        return ArrayUpdate(self._key, self._columns)

    def _write(self, rows: int) -> str:
        return f"{self._before}{_values(self._row, rows)}{self._after}"

    def __call__(self, connection: Connection, values: list[object]) -> None:
        """Update those of them that are there; no key may come twice."""
        if not values:
            return
        if connection.engine != SQLITE:
            self._as_arrays(connection, values)
            return
        if len(values) == self._width:
            # A live event's: joined to a table of one row, it would take SQLite twice as long.
            connection.run(self._of_one_row, [*values[1:], values[0]])
            return
        for rows, part in _of_few_lengths(values, self._width):
            connection.run(self._sql(rows), part)


class SelectMany:
    """A select of rows of which there may be many, each as the list of its values; see `Prepared`."""

    def __init__(self, write: Callable[[], Select[*tuple[Any, ...]]]) -> None:
        self._write = write
        self._text = Prepared(self._as_one_text)
        self._rows = Prepared(write)

    @cached_property
    def _blobs(self) -> list[int]:
        return [
            index for index, column in enumerate(self._write().selected_columns) if isinstance(column.type, LargeBinary)
        ]

    def _as_one_text(self) -> Select[*tuple[Any, ...]]:
        """The whole answer as one row with one text in it."""
        query = self._write()
        values = [
            _as_text(column) if index in self._blobs else column for index, column in enumerate(query.selected_columns)
        ]
        return query.with_only_columns(func.json_group_array(func.json_array(*values)), maintain_column_froms=True)

    def __call__(self, connection: Connection, /, **values: object) -> Sequence[Sequence[Any]]:
        """The rows, in no order."""
        if connection.engine != SQLITE:
            return self._rows.rows(connection, **values)
        rows: list[list[Any]] = _rows(self._text.value(connection, **values))
        for row in rows:
            for index in self._blobs:
                if row[index] is not None:
                    row[index] = unhexlify(row[index])
        return rows


class SelectIn:
    """A select of the rows whose ``column`` is one of a list, however long, each as the list of its values.

    ``write`` writes it without that condition and without parameters; see `Prepared`.
    """

    def __init__(self, write: Callable[[], Select[*tuple[Any, ...]]], column: Column[Any]) -> None:
        self._write = write
        self._column = column
        self._select = SelectMany(lambda: write().where(column.in_(list_parameter("values"))))
        self._select_one = Prepared(lambda: write().where(column == parameter("value")))

    @cached_property
    def _as_arrays(self) -> "postgres_bulk.ArraySelect":
        from connext_monitor.store.postgres_bulk import ArraySelect  # noqa: PLC0415 - see `dialect_of`

        return ArraySelect(self._write, self._column)

    def __call__(self, connection: Connection, values: Collection[object]) -> Sequence[Sequence[Any]]:
        """The rows, in no order."""
        if connection.engine != SQLITE:
            return self._as_arrays(connection, values)
        if len(values) == 1:
            # A live event's: few rows, which are read in less time than it takes to write them into a text.
            return self._select_one.asked(connection, value=next(iter(values))).fetchall()
        rows: list[Sequence[Any]] = []
        for part in parts(values, _ROWS):
            rows += self._select(connection, values=part)
        return rows


def _as_text(column: ColumnElement[Any]) -> ColumnElement[Any]:
    # SQLite's hex() makes no difference between NULL and no bytes.
    return Hexed(column) if not getattr(column, "nullable", True) else case((column.is_not(None), Hexed(column)))


def ending_all(statement: Insert) -> Insert:
    """The insert, but one that fails ends the transaction, and not only itself.

    To undo one statement alone, SQLite would write each page that it is about to change to a file beside. It does so
    all the same where an index or a trigger calls a function, or where a foreign key is not deferred.
    """
    return statement.prefix_with("OR ROLLBACK", dialect=SQLITE)


def replacing(statement: sqlite.Insert, key: Column[Any]) -> sqlite.Insert:
    """The insert, but where there is a row with the same key already, that takes the other new values."""
    replaced = {
        column.name: statement.excluded[column.name]
        for column in key.table.c
        if column is not key and not column.primary_key
    }
    return statement.on_conflict_do_update(index_elements=[key], set_=replaced)


def flat(rows: Iterable[Iterable[object]]) -> list[object]:
    """The values of all rows, row after row."""
    return list(chain.from_iterable(rows))


def _values(row: str, rows: int) -> str:
    """As many rows as a statement has room for; of several, it is told how many there are."""
    if rows == 1:
        return f"VALUES {row}"
    return f"SELECT * FROM (VALUES {', '.join([row] * rows)}) LIMIT ?"  # noqa: S608 - nothing but places


def _of_few_lengths(values: list[object], width: int) -> Iterator[tuple[int, list[object]]]:
    """For how many rows a statement has room, and what it is given: see `_values`.

    A power of two, the rest of which is not looked at: SQLite compiles a statement for each length, and keeps it.
    """
    most = 1 << ((_VARIABLES // width).bit_length() - 1)
    for start in range(0, len(values), most * width):
        part = values[start : start + most * width]
        count = len(part) // width
        room = 1 << (count - 1).bit_length()
        if room > 1:
            part += [0] * ((room - count) * width)
            part.append(count)
        yield room, part


def parts(values: Iterable[Any], most: int = _MOST) -> Sequence[list[Any]]:
    """The values, at most so many at a time."""
    every = list(values)
    if len(every) <= most:
        return (every,) if every else ()
    return [every[start : start + most] for start in range(0, len(every), most)]
