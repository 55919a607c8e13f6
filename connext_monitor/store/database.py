"""The database: one writer, readers beside it, migrations when it is opened.

A transaction is one call: `Database.write` runs a function over a connection, and what that changes is committed
together or not at all, even if the caller is cancelled meanwhile; `Database.read` runs one that sees one state. The
functions run where the `Executor` runs them, by default in threads of the database's own: what they are given, and
what they call, must be immutable or safe to use there. What keeps the database from being used is raised as
`DatabaseUnavailableError`, by whatever part comes across it, and stands in its `condition`.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from connext_monitor.config import DatabaseUrl
from connext_monitor.store.condition import Condition
from connext_monitor.store.connection import Connection, transact, transact_patiently
from connext_monitor.store.engine import Engine, FindServer, SqliteFile, engine_of, server_of
from connext_monitor.store.errors import DatabaseUnavailableError
from connext_monitor.store.executor import Executor, MakeExecutor, Threads

if TYPE_CHECKING:
    from connext_monitor.store.turn import WriteTurn

T = TypeVar("T")

_READERS = 4
_ENDS_WITHIN = 1.5
"""Seconds that a write under way may take at the end; what it has not committed then was never there."""


class Database:
    """An open database."""

    def __init__(self, engine: Engine, writer: Executor, readers: Executor) -> None:
        self.condition = Condition(engine.files(), asyncio.get_running_loop().time)
        self._engine = engine
        self._writer = writer
        self._readers = readers
        self._last: asyncio.Future[Any] | None = None
        """The write that was asked for last; each waits for the one before."""
        self._ending = asyncio.Event()
        self._room = engine.room() if isinstance(engine, SqliteFile) else None
        self._lacks_room = False

    @classmethod
    async def open(
        cls,
        where: Path | DatabaseUrl,
        *,
        migrate: bool = True,
        executor: MakeExecutor = Threads,
        fast: bool = False,
        turn: "WriteTurn | None" = None,
        server: FindServer = server_of,
    ) -> Self:
        """Open a file, or by its URL a PostgreSQL database; make it, or bring its schema up to date.

        Raises DatabaseError.
        Without ``migrate`` the schema must be this version's. ``fast``, ``turn`` and ``server``: see `engine_of`.
        ``turn`` is the one by which an owner's term writes to a server; others write there as guests.
        """
        engine = engine_of(where, fast=fast, turn=turn, server=server)
        writer = executor(engine.writer, 1)
        await _first(writer, partial(engine.prepare, migrate=migrate))
        return cls(engine, writer, executor(engine.reader, _READERS))

    @classmethod
    async def open_readonly(
        cls, where: Path | DatabaseUrl, *, executor: MakeExecutor = Threads, server: FindServer = server_of
    ) -> Self:
        """Open an existing database to read it, beside a running monitor or without one.

        Raises DatabaseError: its schema must be this version's. What is not there is not made, and nothing is migrated.
        """
        engine = engine_of(where, readonly=True, server=server)
        readers = executor(engine.reader, _READERS)
        await _first(readers, engine.look_at)
        return cls(engine, readers, readers)

    @property
    def path(self) -> Path:
        """The file that it is."""
        if not isinstance(self._engine, SqliteFile):
            raise TypeError("the database is not a file")
        return self._engine.path

    async def written_at(self) -> datetime:
        """When something was last written, as far as a reader can tell. Raises DatabaseError."""
        return await self.read(self._engine.written_at)

    def end(self) -> None:
        """Wait for nobody from now on: what cannot be written at once fails."""
        self._ending.set()

    async def close(self) -> None:
        """Wait for the writes under way, for a moment, then let go of the file."""
        self.end()
        last = self._last
        if last is not None and not last.done():
            await asyncio.wait({last}, timeout=_ENDS_WITHIN)
        await self._readers.close(_ENDS_WITHIN)
        if self._writer is not self._readers:
            await self._writer.close(_ENDS_WITHIN if last is None or last.done() else 0.0)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one transaction: all of it is committed, or nothing. Writers take turns.

        ``work`` may be run again where another program holds the lock. Raises DatabaseUnavailableError.
        """
        before = self._last
        writing: asyncio.Future[T]
        if (before is None or before.done()) and self.condition.rest <= 0:
            writing = self._begin(work)
        else:
            writing = asyncio.ensure_future(self._write_after(before, work))
        self._last = writing
        try:
            return await asyncio.shield(writing)
        except asyncio.CancelledError:
            writing.add_done_callback(_nobody_hears)
            raise

    async def _write_after(self, before: "asyncio.Future[Any] | None", work: Callable[[Connection], T]) -> T:
        if before is not None:
            await asyncio.wait({before})
        await self._rest()
        return await self._begin(work)

    def _begin(self, work: Callable[[Connection], T]) -> "asyncio.Future[T]":
        """Nobody else writes now."""
        self.condition.begun("write")
        return self._writer.run(partial(self._commit, work=work), self._ended)

    def _ended(self, error: BaseException | None) -> None:
        self.condition.ended("write")
        if error is None:
            self.condition.written()
            self._make_room()
        elif isinstance(error, DatabaseUnavailableError):
            self.condition.not_written(error.trouble)

    def _make_room(self) -> None:
        """In the log, where the last commit used up what there was."""
        room, lacks, self._lacks_room = self._room, self._lacks_room, False
        if room is not None and lacks and not self._ending.is_set():
            self._writer.run(lambda _: room.make())

    async def _rest(self) -> None:
        """After a write that failed, have the next one wait for a while, whoever's it is."""
        rest = self.condition.rest
        if rest > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._ending.wait()
        if self._ending.is_set() and self.condition.write_trouble is not None:
            raise DatabaseUnavailableError(self.condition.write_trouble)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` on one consistent state, not waiting for the writer. Raises DatabaseError."""
        try:
            outcome = await self._readers.run(partial(self._read_through, work=work))
        except DatabaseUnavailableError as error:
            self.condition.not_read(error.trouble)
            raise
        self.condition.was_read()
        return outcome

    def _commit(self, connection: Connection, work: Callable[[Connection], T]) -> T:
        """Where the executor runs it."""
        try:
            done = transact_patiently(connection, work, self._ending.is_set)
        except connection.error as error:
            self._raise_trouble(error)
            raise
        self._lacks_room = self._room is not None and self._room.is_used_up()
        return done

    def _read_through(self, connection: Connection, work: Callable[[Connection], T]) -> T:
        """Where the executor runs it."""
        try:
            return transact(connection, work)
        except connection.error as error:
            self._raise_trouble(error)
            raise self._engine.unreadable(error) from error

    def _raise_trouble(self, error: Exception) -> None:
        trouble = self._engine.trouble_of(error)
        if trouble is not None:
            raise DatabaseUnavailableError(trouble) from error


def _nobody_hears(ended: "asyncio.Future[Any]") -> None:
    """Retrieve the exception: the caller may have been cancelled, and asyncio would report it as never retrieved."""
    if not ended.cancelled():
        ended.exception()


async def _first(executor: Executor, call: Callable[[Connection], None]) -> None:
    """The first call on a file; where it fails, the file is let go of."""
    try:
        await executor.run(call)
    except BaseException:
        await executor.close(_ENDS_WITHIN)
        raise
