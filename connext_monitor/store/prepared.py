"""Statements that are asked again and again, each written once.

SQLAlchemy writes the statement, so that the schema stays the only place that names columns, when it is first asked; the
driver gets it with plain values. Building a statement anew for each question takes fifty times as long as SQLite takes
to answer it. Values go in and come out as they are stored: flags as 0 and 1.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import BindParameter, CompoundSelect, Delete, Insert, Select, Update, bindparam

from connext_monitor.store.connection import Answer, Connection
from connext_monitor.store.dialect import dialect_of
from connext_monitor.store.plain import StoredRow, row_type

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler

_STEP = 64
_ROWS_AT_A_TIME = 1_000

Statement = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]] | Insert | Update | Delete
Values = Mapping[str, object]


def parameter(name: str) -> BindParameter[Any]:
    """What is given a value each time that a prepared statement is asked."""
    return bindparam(name)


def parameters(*names: str) -> dict[str, BindParameter[Any]]:
    """A parameter for each of these columns, as INSERT and UPDATE want their values."""
    return {name: parameter(name) for name in names}


def list_parameter(name: str) -> BindParameter[Any]:
    """What is given a list each time: the right side of an IN. For long lists see `bulk.parts`."""
    return bindparam(name, expanding=True)


class Prepared:
    """What ``write`` writes; its `parameter`s are given by name, in each question all of them."""

    def __init__(self, write: Callable[[], Statement]) -> None:
        self._write = write
        self._texts: dict[str, _Text] = {}
        self._make_row: Callable[[Sequence[object]], StoredRow] | None = None

    def execute(self, connection: Connection, /, **values: object) -> None:
        """Run it, for what it changes."""
        self._run(connection, values)

    def asked(self, connection: Connection, /, **values: object) -> Answer:
        """Run it; what comes of it, for whom it concerns later."""
        return self._run(connection, values)

    def changed(self, connection: Connection, /, **values: object) -> int:
        """Run it; how many rows it changes."""
        return self._run(connection, values).rowcount

    def execute_many(self, connection: Connection, rows: Iterable[Values], /) -> None:
        """Run it with each of these rows of values; without lists."""
        text = self._texts.get(connection.engine) or self._text(connection.engine)
        connection.run_many(text.sql, [text.placed(row) for row in rows])

    def rows(self, connection: Connection, /, **values: object) -> list[StoredRow]:
        """All rows."""
        cursor = self._run(connection, values)
        return list(map(self._row_maker(cursor), cursor))

    def row(self, connection: Connection, /, **values: object) -> StoredRow | None:
        """The first row, if there is any."""
        cursor = self._run(connection, values)
        first = cursor.fetchone()
        return None if first is None else self._row_maker(cursor)(first)

    def column(self, connection: Connection, /, **values: object) -> list[Any]:
        """The first column of all rows."""
        return [row[0] for row in self._run(connection, values).fetchall()]

    def value(self, connection: Connection, /, **values: object) -> Any:  # noqa: ANN401 - whatever the column holds
        """The first column of the first row; None where there is no row."""
        first = self._run(connection, values).fetchone()
        return None if first is None else first[0]

    def stream(self, connection: Connection, /, **values: object) -> Iterator[StoredRow]:
        """The rows, few of them in memory at a time."""
        cursor = self._run(connection, values)
        make_row = self._row_maker(cursor)
        while rows := cursor.fetchmany(_ROWS_AT_A_TIME):
            yield from map(make_row, rows)

    def _run(self, connection: Connection, values: dict[str, object]) -> Answer:
        text = self._texts.get(connection.engine) or self._text(connection.engine)
        if text.lists:
            return connection.run(*text.with_lists(values))
        return connection.run(text.sql, text.placed(values))

    def _text(self, engine: str) -> "_Text":
        text = self._texts[engine] = _Text(self._write, engine)
        return text

    def _row_maker(self, cursor: Answer) -> Callable[[Sequence[object]], StoredRow]:
        if self._make_row is None:
            self._make_row = partial(tuple.__new__, row_type([column[0] for column in cursor.description]))
        return self._make_row


class _Text:
    """A statement as an engine takes it.

    What SQLAlchemy wrote it from is not kept, which is 17 KB for each: for lists of other lengths it is written again.
    """

    def __init__(self, write: Callable[[], Statement], engine: str) -> None:
        self._write, self._engine = write, engine
        compiled = self._compile()
        self.sql = str(compiled)
        self._names = list(compiled.positiontup or ())
        binds = {name: compiled.binds[name] for name in self._names}
        self._known = {name: bind.effective_value for name, bind in binds.items() if not bind.required}
        self.lists = [name for name, bind in binds.items() if bind.expanding]
        self._in_order = _in_order(self._names)
        self._are_lists = frozenset(self.lists)
        self._by_lengths: dict[tuple[int, ...], str] = {}
        self._for_first_lengths = compiled if self.lists else None

    def _compile(self) -> "SQLCompiler":
        return self._write().compile(dialect=dialect_of(self._engine))

    def placed(self, values: Values) -> Sequence[object]:
        """The values in the order of their places."""
        return self._in_order({**self._known, **values} if self._known else values)

    def with_lists(self, values: Values) -> tuple[str, list[object]]:
        """The statement for lists of these lengths, and the values in the order of their places."""
        given: dict[str, Any] = {**self._known, **values}
        lengths = []
        for name in self.lists:
            listed = given[name] = filled(list(given[name]))
            lengths.append(len(listed))
        placed: list[object] = []
        for name in self._names:
            if name not in self._are_lists:
                placed.append(given[name])
            elif (listed := given[name]) and isinstance(listed[0], tuple):
                placed += chain.from_iterable(listed)
            else:
                placed += listed
        sql = self._by_lengths.get(key := tuple(lengths))
        if sql is None:
            sql = self._by_lengths[key] = self._expanded(given)
        return sql, placed

    def _expanded(self, given: Values) -> str:
        compiled, self._for_first_lengths = self._for_first_lengths or self._compile(), None
        return compiled.construct_expanded_state(given).statement


def _in_order(names: Sequence[str]) -> Callable[[Values], Sequence[object]]:
    """Picks the values of these names, in their order."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: [values[name] for name in names]


def filled(values: list[Any]) -> list[Any]:
    """The values, with the last one repeated up to one of few lengths: a statement is kept for each."""
    count = len(values)
    if count == 1:
        return values
    size = 1 << (count - 1).bit_length() if count < _STEP else -(-count // _STEP) * _STEP
    return values + values[-1:] * (size - count)
