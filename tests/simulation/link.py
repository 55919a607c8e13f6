"""The way of a simulated process to the simulated database server: its connections, and what becomes of them."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from connext_monitor.config import DatabaseUrl
from connext_monitor.core.database_trouble import DatabaseTrouble, TroubleKind
from connext_monitor.store.connection import COMMIT, Answer, Connection, transact
from connext_monitor.store.errors import DatabaseError, DatabaseNotOpenedError
from connext_monitor.store.executor import Ended, Inline
from connext_monitor.store.opening import wrong_schema
from connext_monitor.store.turn import GuestTurn, WriteTurn
from tests.simulation.disk import Disk, Killed, table_written
from tests.simulation.server import SimulatedServer

T = TypeVar("T")

SILENT_FOR, CONNECTS_WITHIN = 10.0, 5.0
"""Seconds after which a connection counts as lost on which nothing is heard, and that a new one may take."""


class LostError(sqlite3.OperationalError):
    """The connection to the server is no more."""


class ServerClients:
    """The processes that work on a server's database; as `DatabaseFiles`."""

    def __init__(self, server: SimulatedServer) -> None:
        self._server = server

    def open(self, instance: int, _full: object, on_commit: Callable[[], None]) -> "Link":
        """A new process's way to it."""
        return Link(self._server, instance, on_commit)

    def keep(self, _dying: Disk) -> None:
        """What it has stands in no file of a process's."""

    def leave(self, link: Disk, _kept: Path | None) -> None:
        """Once nothing of its process is on the stack any more."""
        link.close()


class Link(Disk):
    """One process's way to the server; see `Disk`."""

    def __init__(self, server: SimulatedServer, instance: int, on_commit: Callable[[], None]) -> None:
        super().__init__(Path(), lambda: None, on_commit)
        self.instance = instance
        self.way = server
        self.database = DatabaseUrl(f"postgresql://simulated/monitor{instance}")
        self.server = self._engine

    def _engine(self, url: DatabaseUrl, turn: WriteTurn | None = None, *, fast: bool = False) -> "_Engine":  # noqa: ARG002
        return _Engine(self, turn or GuestTurn(), url)

    def executor(self, make: Callable[[], Connection], most: int) -> Inline:  # noqa: ARG002 - calls take no time
        """See `Disk`."""
        connection = make()
        if not isinstance(connection, _ServerConnection):
            raise TypeError("the database is on a server")
        self._connections.append(connection)
        if connection.writes or self.dead or self.counts:
            connection.before = self.before_statement
        return _Calls(connection, self._after_call)

    def read(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """See `Disk`."""
        return self.way.database.execute(query, parameters).fetchall()

    def write(self, work: Callable[[Connection], T]) -> T:
        """See `Disk`; another program's way is as good as the server. Raises LostError."""
        return transact(_OwnConnection(self.way), work)

    def die(self) -> None:
        """See `Disk`."""
        super().die()
        self.way.died(self)


class _ServerConnection(Connection):
    """``writes``: whether it may; with a ``turn``, it waits for that. Opened anew where it was lost."""

    error: ClassVar[type[Exception]] = sqlite3.Error

    def __init__(self, link: Link, turn: WriteTurn | None = None, *, writes: bool = True) -> None:
        super().__init__("", "BEGIN", ())
        self.writes = writes
        self.silent_for = 0.0
        """Seconds until what came of the last transaction is known."""
        self.lost = False
        self._link = link
        self._turn = turn
        self._number: int | None = None
        self._unheard = False
        self._changes_lease = False

    def run(self, sql: str, values: Sequence[object] = ()) -> Answer:
        """See `Connection`."""
        if self.writes and self._turn is None:
            self._changes_lease |= table_written(sql) == "lease"
        return super().run(sql, values)

    def begin(self) -> None:
        """See `Connection`."""
        self.silent_for, self._unheard, self._changes_lease = 0.0, False, False
        self._reach(self._link.way)
        self._opened = self._link.way.database
        self.run(self._begin)
        if self._turn is not None:
            self._turn.begin(self)

    def commit(self) -> None:
        """See `Connection`."""
        if self._turn is not None:
            self._turn.hold()
        self.run(COMMIT)
        if self._turn is not None:
            self._link.way.moved_turn(self._link)
        if self._changes_lease:
            self._link.way.wrote_lease(self._link)
        if self._unheard:
            self._lose("nothing was heard of it", SILENT_FOR)
        if self._turn is not None:
            self._turn.committed()

    def rollback(self) -> None:
        """See `Connection`."""
        opened, self._opened = self._opened, None
        if opened is not None and opened is self._link.way.database and opened.in_transaction:
            opened.rollback()

    def close(self) -> None:
        """See `Connection`."""
        self._opened = self._number = None

    def heard(self) -> None:
        """What came of the last transaction is known now."""
        if self.lost and self._turn is not None:
            self._turn.lost()
        self.lost = False

    def connected(self) -> None:
        """It is, without a transaction."""
        self._number = self._link.way.connections

    def _reach(self, way: SimulatedServer) -> None:
        if self._number is not None and self._number != way.connections:
            self._lose("the server closed the connection")
        if way.down:
            self._lose("the server refused the connection")
        cut = way.cut_of(self._link.instance)
        if cut is not None:
            self._unheard = self.writes and way.may_go_unheard(cut)
            if not self._unheard:
                self._lose("the server does not answer", CONNECTS_WITHIN if self._number is None else SILENT_FOR)
        self._number = way.connections

    def _lose(self, words: str, silent_for: float = 0.0) -> None:
        self.lost, self.silent_for, self._number = True, silent_for, None
        raise LostError(words)


class _OwnConnection(Connection):
    """That of a program that neither owns the work nor waits for it, for one transaction."""

    error: ClassVar[type[Exception]] = sqlite3.Error

    def __init__(self, way: SimulatedServer) -> None:
        super().__init__("", "BEGIN", ())
        self._way = way

    def begin(self) -> None:
        """See `Connection`."""
        if self._way.down:
            raise LostError("the server refused the connection")
        self._opened = self._way.database
        self.run(self._begin)
        GuestTurn().begin(self)


class _Calls(Inline):
    """Their outcome is known at once, or once a connection that says nothing counts as lost."""

    def __init__(self, connection: _ServerConnection, after: Callable[[], None]) -> None:
        super().__init__(lambda: connection)
        self._of = connection
        self._after = after

    def run(self, call: Callable[[Connection], T], ended: Ended | None = None) -> "asyncio.Future[T]":
        loop = asyncio.get_running_loop()
        try:
            outcome = super().run(call)
        except Killed:
            return loop.create_future()
        error = outcome.exception()
        if self._of.writes:
            self._after()
        if not self._of.lost or not self._of.silent_for:
            self._hear(ended, error)
            return outcome
        later: asyncio.Future[T] = loop.create_future()

        def hear() -> None:
            self._hear(ended, error)
            if error is not None and not later.done():
                later.set_exception(error)

        loop.call_later(self._of.silent_for, hear)
        return later

    def _hear(self, ended: Ended | None, error: BaseException | None) -> None:
        self._of.heard()
        if ended is not None:
            ended(error)


class _Engine:
    """See `Server`. Held to a real one's by `tests/store/test_simulated_server.py`."""

    def __init__(self, link: Link, turn: WriteTurn, url: DatabaseUrl) -> None:
        self._link = link
        self._turn = turn
        self._url = url

    def writer(self) -> Connection:
        return _ServerConnection(self._link, self._turn)

    def reader(self) -> Connection:
        return _ServerConnection(self._link, writes=False)

    def lease(self) -> Connection:
        return _ServerConnection(self._link)

    def prepare(self, connection: Connection, *, migrate: bool) -> None:  # noqa: ARG002 - it has the newest schema
        own = self.lease()
        own.before = connection.before
        self.look_at(own)
        if isinstance(connection, _ServerConnection):
            connection.connected()

    def look_at(self, connection: Connection) -> None:
        try:
            wrong = transact(connection, wrong_schema)
        except LostError as error:
            raise self._not_opened(error) from error
        if wrong is not None:
            raise DatabaseError(f"{self._url} {wrong}")

    def trouble_of(self, error: Exception) -> DatabaseTrouble | None:
        if isinstance(error, LostError):
            return DatabaseTrouble(TroubleKind.SERVER, f"the database server cannot be used ({error})")
        return None

    def unreadable(self, error: Exception) -> DatabaseError:
        return DatabaseError(f"the database could not be read ({error})")

    def files(self) -> "_Engine":
        return self

    def look(self) -> None:
        """There are no files to be lost."""

    def unanswered(self, seconds: float) -> DatabaseTrouble:
        return DatabaseTrouble(TroubleKind.SERVER, f"the database server has not answered for {seconds:.0f} s")

    def written_at(self, connection: Connection) -> datetime:
        raise NotImplementedError("only the command line asks, and it is not simulated")

    def _not_opened(self, error: LostError) -> DatabaseNotOpenedError:
        trouble = self.trouble_of(error)
        if trouble is None:
            raise error
        return DatabaseNotOpenedError(f"{self._url} cannot be opened: {trouble.words}. {trouble.cure}", trouble)
