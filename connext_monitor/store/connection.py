"""A connection to the SQLite file, opened when it is first used, and a transaction on it.

Nothing lies between it and the driver: at a few microseconds for a usual statement of SQLite's, whatever handles each
of them costs more than the statement itself. Statements are written elsewhere (`prepared`, `bulk`).
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from connext_monitor.store.precedence import FirstConnection
from connext_monitor.store.trouble import is_locked

T = TypeVar("T")

SQLITE, POSTGRESQL = "sqlite", "postgresql"
"""The engines, as SQLAlchemy calls them."""

_LOCK_LOOKS_APART = 250
"""Milliseconds that SQLite itself waits for the lock of another program."""
_LOCK_LOOKS = 20
"""How often it is asked for, one after the other: another program may hold it for five seconds."""
PRAGMAS = ("foreign_keys=ON", "busy_timeout=5000")
READER_PRAGMAS = (
    *PRAGMAS,
    # A page that a reader has is of little use once the writer has committed, since it begins anew then. With SQLite's
    # 2 MB each reader would gather a copy of a small database, and the monitor's memory would grow with it for hours.
    "cache_size=-512",
)
FAST = "synchronous=NORMAL"
"""For a writer: a power cut may take back the last commits, and damages nothing; a killed process loses none."""
WRITER_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    *PRAGMAS,
    # Nothing ends this wait of SQLite's, not even the stop: `transact_patiently` waits longer by asking again.
    f"busy_timeout={_LOCK_LOOKS_APART}",
    # Ids and hashes come in no order, so a batch touches pages all over the file: within SQLite's 2 MB it would write
    # them out and read them again before it commits, and with a checkpoint every 4 MB copy most of them each time.
    "cache_size=-32768",
    # Nothing in the file is secret: Debian's SQLite would overwrite what is deleted, and a large migration write twice.
    "secure_delete=OFF",
    "wal_autocheckpoint=4000",
)
_STATEMENTS_KEPT, _READER_STATEMENTS_KEPT = 64, 32
"""Statements that SQLite has compiled, of 4 to 50 KB each. So many are asked every few seconds; the others, for lists
and rows of unusual numbers or for what seldom happens, would go on gathering for hours, in each connection.
"""
COMMIT = "COMMIT"

# The driver looks up how each value that is neither a number nor a text is to be stored, and of bytes and None, which
# are stored as they are, it finds out by an AttributeError each: a seventh of all that it takes for a batch.
sqlite3.register_adapter(bytes, bytes.__bytes__)
sqlite3.register_adapter(type(None), {None: None}.get)


class Answer(Protocol):
    """What comes of a statement."""

    @property
    def description(self) -> Any:  # noqa: ANN401 - the driver's
        """A tuple for each column, beginning with its name."""

    def fetchone(self) -> Any:  # noqa: ANN401 - whatever the row holds
        """The next row; None where there is none."""

    def fetchmany(self, size: int = ...) -> list[Any]:
        """The next rows, at most so many."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""

    @property
    def rowcount(self) -> int:
        """How many rows a statement has changed."""

    def __iter__(self) -> Iterator[Any]: ...


class Connection:
    """A connection for one thread at a time; raises errors of the kind ``error``.

    ``before`` hears of each statement before SQLite does, from BEGIN to COMMIT; what it raises ends the transaction.
    """

    engine: ClassVar[str] = SQLITE
    alchemy: ClassVar[Mapping[str, Any]] = {"url": "sqlite://"}
    """What SQLAlchemy is to make of it, for a migration."""
    error: ClassVar[type[Exception]] = sqlite3.Error

    def __init__(
        self,
        uri: str,
        begin: str,
        pragmas: Sequence[str],
        statements_kept: int = _STATEMENTS_KEPT,
        driver: type[sqlite3.Connection] = sqlite3.Connection,
    ) -> None:
        self._uri = uri
        self._driver = driver
        self._begin = begin
        self._pragmas = pragmas
        self._statements_kept = statements_kept
        self._opened: sqlite3.Connection | None = None
        self.before: Callable[[str], None] | None = None

    @property
    def driver(self) -> Any:  # noqa: ANN401 - of either engine
        """The driver's own connection, for what cannot be asked for otherwise."""
        if self._opened is None:
            raise RuntimeError("no transaction has begun")
        return self._opened

    def run(self, sql: str, values: Sequence[object] = ()) -> Answer:
        """Run one statement."""
        if self.before is not None:
            self.before(sql)
        return (self._opened or self.driver).execute(sql, values)

    def run_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement with each of these rows of values."""
        if self.before is not None:
            self.before(sql)
        self.driver.executemany(sql, rows)

    def begin(self) -> None:
        """Begin a transaction."""
        if self._opened is None:
            self._opened = self._open()
        self.run(self._begin)

    def commit(self) -> None:
        """End it; all that it changed is on the disk."""
        self.run(COMMIT)

    def rollback(self) -> None:
        """End it, if it has not ended by itself, without a trace."""
        if self._opened is None:
            return
        try:
            self._opened.rollback()
        except sqlite3.Error:
            self.close()  # SQLite rolls back what a connection leaves behind

    def has_table(self, name: str) -> bool:
        """Whether there is a table of this name."""
        query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
        return bool(self.run(query, (name,)).fetchall())

    def is_locked(self, error: Exception) -> bool:
        """Whether an error says only that somebody else held a lock for too long."""
        return is_locked(error)

    def close(self) -> None:
        """Let go of the file."""
        opened, self._opened = self._opened, None
        if opened is not None:
            with suppress(sqlite3.Error):
                opened.close()

    def _open(self) -> sqlite3.Connection:
        # The driver must not begin transactions by itself: it would do so too late for a consistent read.
        opened = sqlite3.connect(
            self._uri, uri=True, isolation_level=None, cached_statements=self._statements_kept, factory=self._driver
        )
        try:
            for pragma in self._pragmas:
                opened.execute(f"PRAGMA {pragma}").close()
        except BaseException:
            opened.close()
            raise
        return opened


def writer_connection(path: Path, *, fast: bool = False) -> Connection:
    """For writing; its transactions begin by taking the file's write lock. ``fast``: see `FAST`."""
    pragmas = (*WRITER_PRAGMAS, FAST) if fast else WRITER_PRAGMAS
    return Connection(_uri(path, "rw"), "BEGIN IMMEDIATE", pragmas, driver=FirstConnection)


def reader_connection(path: Path, *, readonly: bool = False) -> Connection:
    """For reading beside a writer; each of its transactions sees one state."""
    return Connection(_uri(path, "ro" if readonly else "rw"), "BEGIN", READER_PRAGMAS, _READER_STATEMENTS_KEPT)


def transact(connection: Connection, work: Callable[[Connection], T]) -> T:
    """Run ``work`` in one transaction. Blocks."""
    try:
        connection.begin()
        done = work(connection)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return done


def transact_patiently(
    connection: Connection, work: Callable[[Connection], T], given_up: Callable[[], bool] = bool
) -> T:
    """The same, for as long as another program's lock may be waited for, or until ``given_up`` says so.

    ``work`` may be run again.
    """
    for looks_left in reversed(range(_LOCK_LOOKS)):
        try:
            return transact(connection, work)
        except connection.error as error:
            if looks_left == 0 or not connection.is_locked(error) or given_up():
                raise
    raise AssertionError("the last look returns or raises")


def _uri(path: Path, mode: str) -> str:
    # By its URI form SQLite refuses writes where they are not meant, and makes no file anew that was deleted.
    return f"{path.absolute().as_uri()}?mode={mode}"
