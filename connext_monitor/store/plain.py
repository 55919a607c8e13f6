"""Selects in plain SQL, and the rows of all answers.

What `status` shows is read by these: SQLAlchemy, which writes all other statements (`prepared`), takes a third of that
command's time to load.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from connext_monitor.store.connection import Connection


class StoredRow(tuple[Any, ...]):
    """A row of an answer; its columns have their names."""

    __slots__ = ()
    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...  # noqa: ANN401 - whatever the column holds


def row_type(names: Collection[str]) -> type[StoredRow]:
    """A type of rows with these columns."""
    columns = {name: property(itemgetter(index)) for index, name in enumerate(names)}
    return type("StoredRow", (StoredRow,), {"__slots__": (), **columns})


class Plain:
    """A select; each ``?`` in it is given a value in each question, in order. Flags are 0 and 1."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._row_type: type[StoredRow] | None = None

    def rows(self, connection: Connection, values: Sequence[object] = ()) -> list[StoredRow]:
        """All rows."""
        cursor = connection.run(self._sql, values)
        if self._row_type is None:
            self._row_type = row_type([column[0] for column in cursor.description])
        return list(map(partial(tuple.__new__, self._row_type), cursor))

    def first(self, connection: Connection, values: Sequence[object]) -> tuple[Any, ...] | None:
        """The first row without its columns' names; None where there is none."""
        row: tuple[Any, ...] | None = connection.run(self._sql, values).fetchone()
        return row

    def stream(self, connection: Connection, values: Sequence[object]) -> Iterator[tuple[Any, ...]]:
        """The rows without their columns' names, each read when it is taken."""
        yield from connection.run(self._sql, values)
