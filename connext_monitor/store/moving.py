"""Copies a whole database from a file to a server, or from a server to a file. Everything here blocks.

The copy is made table by table, some rows a transaction, and says of itself how far it is: after a kill the same call
goes on. Until all of it has been compared with the source, its schema has a revision that is none: nobody else uses it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from hashlib import sha256
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Boolean, Table, insert

from connext_monitor.store import lease_tables, schema_revision
from connext_monitor.store.bulk import InsertMany, flat
from connext_monitor.store.connection import SQLITE, Connection, transact, transact_patiently
from connext_monitor.store.engine import Engine
from connext_monitor.store.errors import DatabaseError
from connext_monitor.store.schema import metadata

ROWS_AT_ONCE = 4096
"""In a transaction: a few MB."""
_NO_NUL = "\N{REPLACEMENT CHARACTER}"
"""What a server keeps in the place of a NUL in a text."""
_UNFINISHED = schema_revision.unfinished(schema_revision.NEWEST)
_OF_INSTANCES = {table.name for table in (lease_tables.lease, lease_tables.turn, lease_tables.instances)}
TABLES = tuple(table for table in metadata.sorted_tables if table.name not in _OF_INSTANCES)
"""In an order in which each row's reference to another one is there first."""

RowValues = tuple[Any, ...]


class MoveStoppedError(Exception):
    """Whoever asked for the move wants no more of it."""


@dataclass(slots=True)
class Move:
    """One move, so many rows ``at_once``.

    ``tell`` hears of each table and its rows once they are there, ``stopped`` says when to give up.
    """

    source: Engine
    destination: Engine
    tell: Callable[[str, int], None]
    stopped: Callable[[], bool] = field(default=lambda: False)
    at_once: int = ROWS_AT_ONCE

    def run(self, read: Connection, write: Connection) -> dict[str, int]:
        """The rows of each table. Raises DatabaseError, MoveStoppedError, and errors of the connections' kinds."""
        self.source.look_at(read)
        _refuse_instances(read)
        self._begin(write)
        counts = {table.name: self._copy(table, read, write) for table in TABLES}
        for table in TABLES:
            self._compare(table, read, write)
        _refuse_instances(read)
        transact_patiently(write, _finish)
        return counts

    def _begin(self, write: Connection) -> None:
        """Take an empty database, or one in which an earlier move stopped halfway."""
        with closing(self.destination.reader()) as look:
            if transact(look, _revision_of_any) == _UNFINISHED:
                return
        self.destination.prepare(write, migrate=True)
        _refuse_instances(write)
        if not transact_patiently(write, _mark):
            raise DatabaseError("the database to move to is not empty; name an empty one")

    def _copy(self, table: Table, read: Connection, write: Connection) -> int:
        done = transact(write, lambda connection: _rows_done(connection, table))
        with _rows_of(table, read, self.at_once) as rows:
            if sum(1 for _ in islice(rows, done)) < done:
                raise _changed(table)
            while part := list(islice(rows, self.at_once)):
                if self.stopped():
                    raise MoveStoppedError
                done += len(part)
                transact_patiently(write, partial(_insert, table=table, rows=part, done=done))
        self.tell(table.name, done)
        return done

    def _compare(self, table: Table, read: Connection, write: Connection) -> None:
        with _rows_of(table, read, self.at_once) as theirs, _rows_of(table, write, self.at_once) as ours:
            if self._digest(table, theirs) != self._digest(table, ours):
                raise _changed(table)

    def _digest(self, table: Table, rows: Iterator[RowValues]) -> tuple[int, int]:
        """How many rows, and what stands for all of them, in whatever order."""
        flags = [index for index, column in enumerate(table.c) if isinstance(column.type, Boolean)]
        encode, count, total = msgspec.msgpack.Encoder().encode, 0, 0
        for row in rows:
            values = [value.replace("\0", _NO_NUL) if type(value) is str else value for value in row]
            for index in flags:
                values[index] = None if values[index] is None else bool(values[index])
            total += int.from_bytes(sha256(encode(values)).digest())
            count += 1
            if count % self.at_once == 0 and self.stopped():
                raise MoveStoppedError
        return count, total % 2**256


def _changed(table: Table) -> DatabaseError:
    return DatabaseError(
        f"the table {table.name} differs from the one that it was copied from: something was written to one of them "
        "meanwhile; move into another empty database, with all monitors stopped"
    )


def _revision_of_any(connection: Connection) -> str | None:
    return schema_revision.current(connection)


def _mark(connection: Connection) -> bool:
    """Have the database be used by nobody else until it is whole; False where something is in it."""
    if any(connection.run(f"SELECT 1 FROM {table} LIMIT 1").fetchall() for table in ("chains", "transfers", "alerts")):  # noqa: S608
        return False
    connection.run("CREATE TABLE moved (name TEXT PRIMARY KEY, done BIGINT NOT NULL)")
    for table in reversed(TABLES):
        with _without_triggers(connection, table):
            connection.run(f"DELETE FROM {table.name}")  # noqa: S608 - the schema's names
    _set_revision(connection, _UNFINISHED)
    return True


def _finish(connection: Connection) -> None:
    connection.run("DROP TABLE moved")
    _set_revision(connection, schema_revision.NEWEST)
    if connection.engine != SQLITE:
        for table in TABLES:
            for column in table.primary_key:
                _go_on_counting(connection, table.name, column.name)
        connection.run("ANALYZE")


def _go_on_counting(connection: Connection, table: str, column: str) -> None:
    (sequence,) = connection.run("SELECT pg_get_serial_sequence(?, ?)", (table, column)).fetchone()
    if sequence is not None:
        highest = f"SELECT coalesce(max({column}), 0) + 1 FROM {table}"  # noqa: S608 - the schema's names
        connection.run(f"SELECT setval(?::regclass, ({highest}), false)", (sequence,)).fetchall()


def _set_revision(connection: Connection, revision: str) -> None:
    connection.run(f"UPDATE {schema_revision.TABLE} SET version_num = ?", (revision,))  # noqa: S608 - our own name


def _rows_done(connection: Connection, table: Table) -> int:
    row = connection.run("SELECT done FROM moved WHERE name = ?", (table.name,)).fetchone()
    return 0 if row is None else int(row[0])


def _insert(connection: Connection, table: Table, rows: Sequence[RowValues], done: int) -> None:
    with _without_triggers(connection, table):
        _into(table)(connection, flat(rows))
    connection.run("DELETE FROM moved WHERE name = ?", (table.name,))
    connection.run("INSERT INTO moved (name, done) VALUES (?, ?)", (table.name, done))


@cache
def _into(table: Table) -> InsertMany:
    return InsertMany(lambda: insert(table), list(table.c))


@contextmanager
def _without_triggers(connection: Connection, table: Table) -> Iterator[None]:
    """What they would keep right is copied as well."""
    if connection.engine != SQLITE:
        connection.run(f"ALTER TABLE {table.name} DISABLE TRIGGER USER")
        yield
        connection.run("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks to come cannot be altered
        connection.run(f"ALTER TABLE {table.name} ENABLE TRIGGER USER")
        return
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
    triggers = connection.run(query, (table.name,)).fetchall()
    for name, _ in triggers:
        connection.run(f"DROP TRIGGER {name}")
    yield
    for _, sql in triggers:
        connection.run(sql)


@contextmanager
def _rows_of(table: Table, connection: Connection, at_once: int) -> Iterator[Iterator[RowValues]]:
    """All rows, in the order of their key, as of one moment."""
    key = ", ".join(column.name for column in table.primary_key)
    columns = ", ".join(f'"{column.name}"' for column in table.c)
    query = f"SELECT {columns} FROM {table.name} ORDER BY {key}"  # noqa: S608 - the schema's names
    connection.begin()
    try:
        yield iter(connection.run(query)) if connection.engine == SQLITE else _fetched(connection, query, at_once)
    finally:
        connection.rollback()


def _fetched(connection: Connection, query: str, at_once: int) -> Iterator[RowValues]:
    """Few of them in memory at a time; the driver would take them all."""
    connection.run(f"DECLARE moved NO SCROLL CURSOR FOR {query}")
    while rows := connection.run(f"FETCH {at_once} FROM moved").fetchall():
        yield from rows


def _refuse_instances(connection: Connection) -> None:
    """Raise DatabaseError where an instance has been seen on the server within a minute; a file has a lock instead."""
    if connection.engine == SQLITE:
        return
    query = "SELECT name FROM instances WHERE seen_ms > extract(epoch FROM clock_timestamp()) * 1000 - 60000"
    names = [name for (name,) in transact(connection, lambda each: each.run(query).fetchall())]
    if names:
        last = f"{', '.join(names)} was at work on the database less than a minute ago"
        raise DatabaseError(f"{last}; stop it, or wait for a minute if it was killed")
