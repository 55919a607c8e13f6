"""The SQLite file: one writer, readers beside it, migrations when it is opened.

Every change goes through `Database.write`: one transaction, run to its end even if the caller is cancelled, because a
task cancelled between BEGIN and COMMIT would leave the connection inside the transaction.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from connext_monitor.store import schema_revision
from connext_monitor.store.careful_engine import CarefulEngine

T = TypeVar("T")

_READERS = 4
PRAGMAS = ("foreign_keys=ON", "busy_timeout=5000")
WRITER_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    *PRAGMAS,
    # Ids and hashes come in no order, so a batch touches pages all over the file: within SQLite's 2 MB it would write
    # them out and read them again before it commits, and with a checkpoint every 4 MB copy most of them each time.
    "cache_size=-32768",
    "wal_autocheckpoint=4000",
)
_NOT_OURS = "is no database of connext-monitor; name another file in monitor.database"
_NEWER = "was written by a newer version of connext-monitor; run that version, or name another database"


class DatabaseError(Exception):
    """The database file cannot be used; the message names it and says what to do."""


class Database:
    """An open database."""

    def __init__(self, writer: AsyncEngine, readers: AsyncEngine) -> None:
        self._writer = writer
        self._readers = readers
        self._turn = asyncio.Lock()
        self._writes: set[asyncio.Task[Any]] = set()

    @classmethod
    async def open(cls, path: Path, *, migrate: bool = True) -> Self:
        """Open the file, making it or bringing its schema up to date. Raises DatabaseError.

        Without ``migrate`` the schema must be this version's.
        """
        try:
            ours = await asyncio.to_thread(_try_opening, path, "rwc")
        except sqlite3.Error as error:
            raise DatabaseError(_explain(path, error)) from error
        if not ours:
            raise DatabaseError(f"{path} {_NOT_OURS}")
        writer = _engine(path, begin="BEGIN IMMEDIATE", size=1, pragmas=WRITER_PRAGMAS)
        try:
            async with writer.begin() as connection:
                wrong = await connection.run_sync(_migrate if migrate else _wrong_schema)
        except DBAPIError as error:
            await writer.dispose()
            raise DatabaseError(_explain(path, error)) from error
        except BaseException:
            await writer.dispose()
            raise
        if wrong:
            await writer.dispose()
            raise DatabaseError(f"{path} {wrong}")
        return cls(writer, _engine(path, begin="BEGIN", size=_READERS))

    @classmethod
    async def open_readonly(cls, path: Path) -> Self:
        """Open an existing file to read it, beside a running monitor or without one; its schema must be this version's.

        Raises DatabaseError; a file that is not there is not made, and nothing is migrated.
        """
        try:
            await asyncio.to_thread(_try_opening, path, "ro")
        except sqlite3.Error as error:
            raise DatabaseError(_explain_reading(path, error)) from error
        readers = _engine(path, begin="BEGIN", size=_READERS, readonly=True)
        try:
            async with readers.begin() as connection:
                wrong = await connection.run_sync(_wrong_schema)
        except DBAPIError as error:
            await readers.dispose()
            raise DatabaseError(_explain_reading(path, error)) from error
        except BaseException:
            await readers.dispose()
            raise
        if wrong:
            await readers.dispose()
            raise DatabaseError(f"{path} {wrong}")
        return cls(readers, readers)

    async def close(self) -> None:
        """Wait for the writes under way, then let go of the file."""
        await asyncio.gather(*self._writes, return_exceptions=True)
        await self._readers.dispose()
        await self._writer.dispose()

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run ``work`` in one transaction: all of it is committed, or nothing. Writers take turns."""
        task = asyncio.ensure_future(self._write(work))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        return await asyncio.shield(task)

    async def _write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async with self._turn, self._writer.begin() as connection:
            return await work(connection)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees one consistent state and never waits for the writer. Raises DatabaseError."""
        try:
            async with self._readers.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise DatabaseError(f"the database could not be read ({error.orig}); is its file damaged?") from error


def _engine(
    path: Path, *, begin: str, size: int, pragmas: Sequence[str] = PRAGMAS, readonly: bool = False
) -> AsyncEngine:
    # SQLite itself refuses writes where the mode says so; only its URI form can say it.
    as_uri = URL.create("sqlite+aiosqlite", database=path.absolute().as_uri(), query={"mode": "ro", "uri": "true"})
    engine = create_async_engine(
        as_uri if readonly else URL.create("sqlite+aiosqlite", database=str(path)),
        poolclass=AsyncAdaptedQueuePool,
        pool_size=size,
        max_overflow=0,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _settle(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection has no type here
        # The driver must not begin transactions by itself: it would do so too late for a consistent read.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return CarefulEngine(engine.sync_engine)


def _migrate(connection: Connection) -> str | None:
    """Bring the schema up to date; else why not, in words that go on from the file's name."""
    found = schema_revision.current(connection)
    if found not in (None, *schema_revision.KNOWN):
        return _NEWER
    if found != schema_revision.NEWEST:
        from connext_monitor.store import migration  # noqa: PLC0415 - slow to load, and needed once a version

        migration.upgrade(connection)
    return None


def _wrong_schema(connection: Connection) -> str | None:
    """Why this program cannot read the schema that it finds, in words that go on from the file's name."""
    found = schema_revision.current(connection)
    if found == schema_revision.NEWEST:
        return None
    if found is None:
        return _NOT_OURS
    if found not in schema_revision.KNOWN:
        return _NEWER
    return "was written by an older version of connext-monitor; its next run brings it up to date"


def _try_opening(path: Path, mode: str) -> bool:
    """Whether the file is empty or ours; another program's is to be left as it is.

    Raises what is wrong with it: the async driver's thread outlives a connection that fails, and its loop.
    """
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return not tables or schema_revision.TABLE in tables


def _explain_reading(path: Path, error: Exception) -> str:
    if not path.exists():
        return f"{path} does not exist yet; the first run of the monitor makes it"
    return _explain(path, error)


def _explain(path: Path, error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.DatabaseError) and "not a database" in str(cause):
        return f"{path} is not a SQLite database; name another file in monitor.database"
    return f"{path} cannot be opened ({cause}); check monitor.database, and that its folder can be written to"
