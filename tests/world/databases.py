"""Databases for tests: the migrations run once, and each test gets a copy of what they made."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cache
from pathlib import Path
from threading import Lock

from connext_monitor.core.deadline import Awaited, Leg
from connext_monitor.core.events import TransferId
from connext_monitor.core.labels import ChainNames
from connext_monitor.store import migration, schema_revision
from connext_monitor.store.connection import Connection, reader_connection, transact
from connext_monitor.store.executor import Executor, Inline, MakeExecutor, Threads
from connext_monitor.store.store import Store
from tests.world.made_once import made_once

_making = Lock()


async def open_store(file: Path, names: ChainNames, executor: MakeExecutor = Threads) -> Store:
    """The store on that file, which a first run has made if it was not there."""
    with _making:
        if not file.exists():
            file.write_bytes(made_by_first_run())
    return await Store.open(file, names, executor=executor)


def watching(before: Callable[[str], None], kind: type[Threads] | type[Inline] = Threads) -> MakeExecutor:
    """Makes executors whose connections tell of each statement before SQLite gets it."""

    def make_executor(make: Callable[[], Connection], most: int) -> Executor:
        def watched() -> Connection:
            connection = make()
            connection.before = before
            return connection

        return kind(watched, most)

    return make_executor


def make_old(file: Path, revision: str) -> None:
    """A new file as the migrations up to this revision make it."""
    file.write_bytes(_made_by_migrations(revision))


def put_back(file: Path, revision: str) -> None:
    """Have the file be as this revision would have left it: its tables and columns, with the rows that there are."""
    rows_of = file.with_suffix(".rows")
    file.rename(rows_of)
    make_old(file, revision)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ATTACH ? AS newer", (str(rows_of),))
        tables = "SELECT name FROM {}.sqlite_schema WHERE type = 'table' AND name NOT IN ('alembic_version')"
        shared = f"{tables.format('main')} INTERSECT {tables.format('newer')}"
        # Transfers first: their triggers write into others.
        for (table,) in sorted(connection.execute(shared).fetchall(), key=lambda row: row != ("transfers",)):
            columns = ", ".join(name for _, name, *_ in connection.execute(f"PRAGMA main.table_info({table})"))
            connection.execute(f"DELETE FROM main.{table}")  # noqa: S608 - the names are ours
            copied = f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}"  # noqa: S608 - as above
            connection.execute(copied)
        connection.commit()
    rows_of.unlink()


@cache
def _made_by_migrations(revision: str) -> bytes:
    return made_once(f"{revision}.db", lambda file: _migrate(file, revision)).read_bytes()


def _migrate(file: Path, revision: str) -> None:
    # From what the one before made, which is wanted as well: each migration runs once.
    before = max((known for known in schema_revision.KNOWN if known < revision), default=None)
    file.write_bytes(b"" if before is None else _made_by_migrations(before))
    connection = reader_connection(file)
    transact(connection, lambda connection: migration.upgrade(connection, revision))
    connection.close()


async def awaited_in(store: Store, *, due_until: int = 2**62, transfer_id: TransferId | None = None) -> list[Awaited]:
    """The legs of one transfer, or of all, that have not arrived and are due until then; the earliest first."""
    legs = [await store.deadlines.awaited(leg, due_until=due_until, after=None, limit=10**6) for leg in Leg]
    awaited = [leg for of_kind in legs for leg in of_kind if transfer_id in {None, leg.transfer_id}]
    return sorted(awaited, key=lambda leg: leg.due_at)


@cache
def made_by_first_run() -> bytes:
    return made_once("monitor.db", _first_run).read_bytes()


def _first_run(file: Path) -> None:
    async def run() -> None:
        await (await Store.open(file, {})).close()

    # On a loop in a thread, so that nothing else of a test runs meanwhile: one first run, however many wait for it.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, run()).result()
