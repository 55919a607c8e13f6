"""Engines on the SQLite file, of one connection each, and a transaction on one of them."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from connext_monitor.store.trouble import is_locked

T = TypeVar("T")

_LOCK_LOOKS_APART = 250
"""Milliseconds that SQLite itself waits for the lock of another program."""
_LOCK_LOOKS = 20
"""How often it is asked for, one after the other: another program may hold it for five seconds."""
PRAGMAS = ("foreign_keys=ON", "busy_timeout=5000")
WRITER_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    *PRAGMAS,
    # Nothing ends this wait of SQLite's, not even the stop: `transact_patiently` waits longer by asking again.
    f"busy_timeout={_LOCK_LOOKS_APART}",
    # Ids and hashes come in no order, so a batch touches pages all over the file: within SQLite's 2 MB it would write
    # them out and read them again before it commits, and with a checkpoint every 4 MB copy most of them each time.
    "cache_size=-32768",
    "wal_autocheckpoint=4000",
)


def writer_engine(path: Path) -> Engine:
    """For writing; its transactions begin by taking the file's write lock."""
    return _engine(path, begin="BEGIN IMMEDIATE", pragmas=WRITER_PRAGMAS)


def reader_engine(path: Path, *, readonly: bool = False) -> Engine:
    """For reading beside a writer; each of its transactions sees one state."""
    return _engine(path, begin="BEGIN", pragmas=PRAGMAS, readonly=readonly)


def transact(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Run ``work`` in one transaction. Blocks."""
    with engine.begin() as connection:
        return work(connection)


def transact_patiently(engine: Engine, work: Callable[[Connection], T], given_up: Callable[[], bool] = bool) -> T:
    """The same, for as long as another program's lock may be waited for, or until ``given_up`` says so.

    ``work`` may be run again.
    """
    for looks_left in reversed(range(_LOCK_LOOKS)):
        try:
            return transact(engine, work)
        except (DBAPIError, sqlite3.Error) as error:
            if looks_left == 0 or not is_locked(cause_of(error)) or given_up():
                raise
    raise AssertionError("the last look returns or raises")


def cause_of(error: Exception) -> BaseException:
    """SQLite's own error."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def _engine(path: Path, *, begin: str, pragmas: Sequence[str], readonly: bool = False) -> Engine:
    # By its URI form SQLite refuses writes where they are not meant, and makes no file anew that was deleted.
    query = {"mode": "ro" if readonly else "rw", "uri": "true"}
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=path.absolute().as_uri(), query=query),
        # One connection, opened when it is first used; whatever an error leaves begun is rolled back after each use.
        poolclass=StaticPool,
    )

    @event.listens_for(engine, "connect")
    def _settle(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection has no type here
        # The driver must not begin transactions by itself: it would do so too late for a consistent read.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
