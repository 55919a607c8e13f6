"""The SQLite file: one writer, readers beside it, migrations when it is opened.

Every change goes through `Database.write`: one transaction, run to its end even if the caller is cancelled, because a
task cancelled between BEGIN and COMMIT would leave the connection inside the transaction. What keeps the database from
being used is raised as `DatabaseUnavailableError`, by whatever part comes across it, and stands in its `condition`.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from connext_monitor.core.database_trouble import DatabaseTrouble, StoreUnavailable, TroubleKind
from connext_monitor.core.operator_error import OperatorError
from connext_monitor.store import schema_revision
from connext_monitor.store.careful_engine import CarefulEngine
from connext_monitor.store.condition import Condition
from connext_monitor.store.daemon_thread import in_daemon_thread
from connext_monitor.store.trouble import is_locked, trouble_of

T = TypeVar("T")

_READERS = 4
_LOCK_LOOKS_APART = 250
"""Milliseconds that SQLite itself waits for the lock of another program."""
_LOCK_PATIENCE = 5.0
"""Seconds that another program may hold the lock."""
_ENDS_WITHIN = 1.5
"""Seconds that a write under way may take at the end; what it has not committed then was never there."""
PRAGMAS = ("foreign_keys=ON", "busy_timeout=5000")
WRITER_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    *PRAGMAS,
    # Nothing ends this wait of SQLite's, not even the stop: `Database` waits longer by asking again.
    f"busy_timeout={_LOCK_LOOKS_APART}",
    # Ids and hashes come in no order, so a batch touches pages all over the file: within SQLite's 2 MB it would write
    # them out and read them again before it commits, and with a checkpoint every 4 MB copy most of them each time.
    "cache_size=-32768",
    "wal_autocheckpoint=4000",
)
_RESTORE = 'put the newest backup in its place: "connext-monitor restore FILE"'
_CHECK_PATH = "check monitor.database, and that its folder can be written to"
_NOT_OURS = "is no database of connext-monitor; name another file in monitor.database"
_NEWER = "was written by a newer version of connext-monitor; run that version, or name another database"


class DatabaseError(OperatorError):
    """The database file cannot be used; the message names it and says what to do."""


class DatabaseUnavailableError(DatabaseError, StoreUnavailable):
    """The database cannot be used now: the disk is full, or another program holds its lock."""


class DatabaseNotOpenedError(DatabaseError, StoreUnavailable):
    """The database cannot be opened; the message names it and says what to do."""

    def __init__(self, message: str, trouble: DatabaseTrouble) -> None:
        super().__init__(trouble)
        self.args = (message,)


class Database:
    """An open database."""

    def __init__(self, path: Path, writer: AsyncEngine, readers: AsyncEngine) -> None:
        self.condition = Condition(path, asyncio.get_running_loop().time)
        self.path = path
        self._writer = writer
        self._readers = readers
        self._turn = asyncio.Lock()
        self._writes: set[asyncio.Task[Any]] = set()
        self._ending = asyncio.Event()

    @classmethod
    async def open(cls, path: Path, *, migrate: bool = True) -> Self:
        """Open the file, making it or bringing its schema up to date. Raises DatabaseError.

        Without ``migrate`` the schema must be this version's.
        """
        try:
            ours = await asyncio.to_thread(_try_opening, path, "rwc")
        except sqlite3.Error as error:
            raise _not_opened(path, error) from error
        if not ours:
            raise DatabaseError(f"{path} {_NOT_OURS}")
        writer = _engine(path, begin="BEGIN IMMEDIATE", size=1, pragmas=WRITER_PRAGMAS)
        prepare = _migrate if migrate else _wrong_schema
        try:
            wrong = await _patiently(writer, lambda connection: connection.run_sync(prepare), asyncio.Event())
        except DBAPIError as error:
            await writer.dispose()
            raise _not_opened(path, error) from error
        except BaseException:
            await writer.dispose()
            raise
        if wrong:
            await writer.dispose()
            raise DatabaseError(f"{path} {wrong}")
        return cls(path, writer, _engine(path, begin="BEGIN", size=_READERS))

    @classmethod
    async def open_readonly(cls, path: Path) -> Self:
        """Open an existing file to read it, beside a running monitor or without one; its schema must be this version's.

        Raises DatabaseError; a file that is not there is not made, and nothing is migrated.
        """
        try:
            await asyncio.to_thread(_try_opening, path, "ro")
        except sqlite3.Error as error:
            raise _not_read(path, error) from error
        readers = _engine(path, begin="BEGIN", size=_READERS, readonly=True)
        try:
            async with readers.begin() as connection:
                wrong = await connection.run_sync(_wrong_schema)
        except DBAPIError as error:
            await readers.dispose()
            raise _not_read(path, error) from error
        except BaseException:
            await readers.dispose()
            raise
        if wrong:
            await readers.dispose()
            raise DatabaseError(f"{path} {wrong}")
        return cls(path, readers, readers)

    def end(self) -> None:
        """Wait for nobody from now on: what cannot be written at once fails."""
        self._ending.set()

    async def close(self) -> None:
        """Wait for the writes under way, for a moment, then let go of the file."""
        self.end()
        if self._writes:
            await asyncio.wait(self._writes, timeout=_ENDS_WITHIN)
        await self._readers.dispose()
        await self._writer.dispose()

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run ``work`` in one transaction: all of it is committed, or nothing. Writers take turns.

        ``work`` may be run again where another program holds the lock. Raises DatabaseUnavailableError.
        """
        task = asyncio.ensure_future(self._write(work))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        # Whoever waited for it may be cancelled at the stop, and nobody need hear of it then.
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return await asyncio.shield(task)

    async def _write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async with self._turn:
            await self._rest()
            self.condition.begun("write")
            try:
                done = await _patiently(self._writer, work, self._ending)
            except (DBAPIError, sqlite3.Error) as error:
                trouble = await self._trouble_of(error)
                if trouble is None:
                    raise
                self.condition.not_written(trouble)
                raise DatabaseUnavailableError(trouble) from error
            finally:
                self.condition.ended("write")
            self.condition.written()
            return done

    async def _rest(self) -> None:
        """After a write that failed, have the next one wait for a while, whoever's it is."""
        rest = self.condition.rest
        if rest > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._ending.wait()
        if self._ending.is_set() and self.condition.write_trouble is not None:
            raise DatabaseUnavailableError(self.condition.write_trouble)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees one consistent state and never waits for the writer. Raises DatabaseError."""
        try:
            async with self._readers.begin() as connection:
                yield connection
        except (DBAPIError, sqlite3.Error) as error:
            trouble = await self._trouble_of(error)
            if trouble is not None:
                self.condition.not_read(trouble)
                raise DatabaseUnavailableError(trouble) from error
            raise DatabaseError(f"the database could not be read ({_cause(error)}); is its file damaged?") from error
        self.condition.was_read()

    async def _trouble_of(self, error: Exception) -> DatabaseTrouble | None:
        return await in_daemon_thread(partial(trouble_of, _cause(error), self.path))


async def _patiently(engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[T]], ending: asyncio.Event) -> T:
    """Run ``work`` in one transaction, for as long as another program's lock may be waited for."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _LOCK_PATIENCE
    while True:
        try:
            async with engine.begin() as connection:
                return await work(connection)
        except (DBAPIError, sqlite3.Error) as error:
            if not is_locked(_cause(error)) or ending.is_set() or loop.time() >= until:
                raise


def _engine(
    path: Path, *, begin: str, size: int, pragmas: Sequence[str] = PRAGMAS, readonly: bool = False
) -> AsyncEngine:
    # By its URI form SQLite refuses writes where they are not meant, and makes no file anew that was deleted.
    query = {"mode": "ro" if readonly else "rw", "uri": "true"}
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=path.absolute().as_uri(), query=query),
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


def _not_read(path: Path, error: Exception) -> DatabaseError:
    if not path.exists():
        return DatabaseError(f"{path} does not exist yet; the first run of the monitor makes it")
    return _not_opened(path, error)


def _not_opened(path: Path, error: Exception) -> DatabaseError:
    cause = _cause(error)
    trouble = trouble_of(cause, path)
    if trouble is None:
        return DatabaseError(f"{path} cannot be opened ({cause}); {_CHECK_PATH}")
    return DatabaseNotOpenedError(f"{path} {_why_not_opened(cause, trouble)}", trouble)


def _why_not_opened(cause: BaseException, trouble: DatabaseTrouble) -> str:
    if trouble.kind is TroubleKind.NOT_WRITABLE:
        return f"cannot be opened: {trouble.words}; {_CHECK_PATH}"
    if "not a database" in str(cause):
        return f"is not a SQLite database; name another file in monitor.database, or, if it was one, {_RESTORE}"
    if trouble.kind is TroubleKind.DAMAGED:
        return f"cannot be opened: {trouble.words}; {_RESTORE}"
    return f"cannot be opened: {trouble.words}. {trouble.cure}"


def _cause(error: Exception) -> BaseException:
    """SQLite's own error."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
