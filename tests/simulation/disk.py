"""The disk of a simulated process: its database's files, and what befalls them while statements run."""

import asyncio
import re
import shutil
import sqlite3
from collections.abc import Callable
from enum import Enum, auto
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from connext_monitor.config import DatabaseUrl
from connext_monitor.store.connection import COMMIT, Connection, transact
from connext_monitor.store.engine import FindServer, server_of
from connext_monitor.store.executor import Ended, Inline
from tests.simulation.disk_connections import CopyInMemory, Reader, SharedFile
from tests.simulation.trace import AlertChange, State

T = TypeVar("T")

FILE = "monitor.db"
_MARK = "PRAGMA user_version = "
_WRITING = ("INSERT", "UPDATE", "DELETE", _MARK)
"""How statements begin that write something."""
_INTO_TABLE = re.compile(r"(?:INSERT (?:OR [A-Z]+ )?INTO|UPDATE(?: OR [A-Z]+)?) (\w+) ")
_KEPT = (FILE, f"{FILE}-wal", f"{FILE}.lock")
"""What outlives a process; SQLite makes the rest anew."""
_CHANGED = "SELECT id, kind, subject, severity, state, resolution, revision FROM alerts WHERE revision > ? ORDER BY 7"


class Killed(BaseException):
    """The process is gone in the midst of a transaction; nothing of it is to run any more."""


class Disk:
    """One process's database in ``folder``, on a disk of which ``full`` says that nothing more can be written to it.

    It names the statement of each transaction that is refused for that: the so-many-th that writes, 0 for none before
    its COMMIT, which is refused in any case; None while there is room. What only reads is not refused.
    ``on_commit`` is called after every commit that may have changed alerts. ``alone``: no other process ever opens the
    files. `kill_at` has the process die in the midst of a transaction.
    """

    def __init__(
        self, folder: Path, full: Callable[[], int | None], on_commit: Callable[[], None], *, alone: bool = True
    ) -> None:
        self.file = folder / FILE
        self.database: Path | DatabaseUrl = self.file
        self.server: FindServer = server_of
        self.asked_to_stop = False
        """Whether its process was."""
        self._full = full
        self._written = 0
        self._on_commit = on_commit
        self._writer = CopyInMemory(self.file, lambda: not self.dead) if alone else SharedFile(self.file)
        self._connections: list[Connection] = []
        self._statements: int | None = None
        self._die: Callable[[], None] = lambda: None
        self._waits_for: str | None = None
        self._alerts_written = True  # by a process that was killed before anybody looked
        self._marked = self._folded = False
        self.dead = False

    @property
    def opened(self) -> bool:
        """Whether its process got as far as to open the database."""
        return bool(self._connections)

    @property
    def counts(self) -> bool:
        """Whether its process is to die at a statement."""
        return self._statements is not None

    def executor(self, _make: Callable[[], Connection], most: int) -> Inline:
        """See `MakeExecutor`: calls run where they are made, what only reads on the writer's connection too."""
        connection = self._writer if most == 1 else Reader(self._writer)
        self._connections.append(connection)
        if most == 1 or self.dead or self._statements is not None:
            connection.before = self.before_statement
        return _Calls(connection, self._after_call if most == 1 else None)

    def _after_call(self) -> None:
        if self._marked and not self._folded:
            self._writer.bring_into_file()  # as the program does soon
            self._folded = True
        if self._alerts_written:
            self._alerts_written = False
            self._on_commit()

    def kill_at(self, statement: int, die: Callable[[], None], table: str | None = None) -> None:
        """Call ``die`` instead of the so-many-th statement from now on, or from the next one on that writes a table."""
        self._statements, self._die, self._waits_for = statement, die, table
        self._hear_all()

    def die(self) -> None:
        """Its process is gone: no statement is run any more."""
        self.dead = True
        self._hear_all()

    def _hear_all(self) -> None:
        # What only reads is heard of where it matters how many statements there are: each costs as much as it does.
        for connection in self._connections:
            connection.before = self.before_statement

    def copy_to(self, folder: Path) -> None:
        """Copy what a new process would find there; this one makes no statement any more."""
        self._writer.give_up()
        for name in _KEPT:
            if (there := self.file.with_name(name)).exists():
                shutil.copyfile(there, folder / name)

    def read(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What is committed, between two of the process' transactions."""
        return self._writer.opened().execute(query, parameters).fetchall()

    def write(self, work: Callable[[Connection], T]) -> T:
        """Have another program commit something, between two of the process' transactions."""
        heard, self._writer.before = self._writer.before, None
        try:
            return transact(self._writer, work)
        finally:
            self._writer.before = heard

    def close(self) -> None:
        """The process that had it open is gone."""
        self.dead = True
        for connection in self._connections:
            connection.close()

    def before_statement(self, statement: str) -> None:
        """Hears of each statement before it is run."""
        if self.dead or self._statements is not None:
            self._count(statement)
        does = _does(statement)
        if does is _Does.READ:
            return
        self._alerts_written |= does is _Does.WRITE_ALERTS
        self._marked |= does is _Does.MARK
        room = self._full()
        if room is not None and self._is_refused(does, room):
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error

    def _is_refused(self, does: "_Does", room: int) -> bool:
        # A transaction passes in no time: the disk has room for all of it, or is full from its begin on.
        if does is _Does.BEGIN:
            self._written = 0
            return False
        if does is _Does.COMMIT:
            return self._written > 0
        self._written += 1
        return room == self._written

    def _count(self, statement: str) -> None:
        if self.dead:
            raise Killed
        if self._waits_for is not None and table_written(statement) == self._waits_for:
            self._waits_for = None
        if self._statements is not None and self._waits_for is None:
            self._statements -= 1
            if self._statements <= 0:
                self._statements = None
                self._die()
                raise Killed


class _Does(Enum):
    """What a statement does."""

    READ = auto()
    BEGIN = auto()
    WRITE = auto()
    WRITE_ALERTS = auto()
    MARK = auto()
    COMMIT = auto()


@lru_cache(1024)
def _does(statement: str) -> _Does:
    if statement.startswith("BEGIN"):
        return _Does.BEGIN
    if statement == COMMIT:
        return _Does.COMMIT
    if statement.startswith(_MARK):
        return _Does.MARK
    if table_written(statement) == "alerts":
        return _Does.WRITE_ALERTS
    return _Does.WRITE if statement.startswith(_WRITING) else _Does.READ


@lru_cache(1024)
def table_written(statement: str) -> str | None:
    """The table that a statement adds rows to, or changes some of; None where it does neither."""
    into = _INTO_TABLE.match(statement)
    return None if into is None else into[1]


class _Calls(Inline):
    def __init__(self, connection: Connection, after: Callable[[], None] | None) -> None:
        super().__init__(lambda: connection)
        self._after = after

    def run(self, call: Callable[[Connection], T], ended: Ended | None = None) -> "asyncio.Future[T]":
        try:
            outcome = super().run(call, ended)
        except Killed:  # nobody is there to hear of it
            return asyncio.get_running_loop().create_future()
        if self._after is not None and outcome.exception() is None:
            self._after()
        return outcome


class AlertHistory:
    """Every change of an alert that was committed, over all processes."""

    def __init__(self) -> None:
        self.changes: list[AlertChange] = []
        self.lost: list[AlertChange] = []
        self._last: dict[str, tuple[object, ...]] = {}
        self._revision = 0

    def rewind(self, since: float) -> None:
        """What was committed since then is lost, and may be committed anew."""
        kept = [change for change in self.changes if change.at <= since]
        self.lost += self.changes[len(kept) :]
        self.changes = kept
        self._last = {change.alert_id: (change.severity, change.state, change.resolution) for change in kept}
        self._revision = 0

    def look(self, disk: Disk, at: float, instance: int) -> None:
        """Note what the last commit changed, which an instance made."""
        for alert_id, kind, subject, severity, state, resolution, revision in disk.read(_CHANGED, self._revision):
            self._revision = max(self._revision, revision)
            says = (severity, state, resolution)
            if self._last.get(alert_id) == says:
                continue
            self._last[alert_id] = says
            self.changes.append(
                AlertChange(
                    at=at,
                    alert_id=alert_id,
                    kind=kind,
                    subject=subject,
                    severity=severity,
                    state=State(state),
                    resolution=resolution,
                    instance=instance,
                )
            )
