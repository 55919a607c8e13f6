"""What a database is kept by: a SQLite file here, a PostgreSQL server in `postgres`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from connext_monitor.config import DatabaseUrl
from connext_monitor.core.database_trouble import DatabaseTrouble
from connext_monitor.store.connection import Connection, reader_connection, writer_connection
from connext_monitor.store.errors import DatabaseError
from connext_monitor.store.log_room import LogRoom
from connext_monitor.store.opening import look_at, prepare
from connext_monitor.store.trouble import DatabaseFiles, trouble_of

if TYPE_CHECKING:
    from connext_monitor.store.server_limits import ServerLimits
    from connext_monitor.store.turn import WriteTurn


class Files(Protocol):
    """What can be lost of an open database without an error."""

    def look(self) -> DatabaseTrouble | None:
        """What is wrong with them. Blocks."""

    def unanswered(self, seconds: float) -> DatabaseTrouble:
        """What it is where something has waited for so long for an answer."""


class Engine(Protocol):
    """One database, and how it is opened. Everything here blocks."""

    def writer(self) -> Connection:
        """For writing: one at a time, whichever program it is of."""

    def reader(self) -> Connection:
        """For reading beside a writer; each of its transactions sees one state."""

    def prepare(self, connection: Connection, *, migrate: bool) -> None:
        """Make the schema, or bring it up to date; without ``migrate`` it must be this version's. Raises DatabaseError.

        ``connection`` is a writer's.
        """

    def look_at(self, connection: Connection) -> None:
        """See that it can be read, and that its schema is this version's. Raises DatabaseError."""

    def trouble_of(self, error: Exception) -> DatabaseTrouble | None:
        """What keeps the database from being used, by an error; None where the error is about something else."""

    def unreadable(self, error: Exception) -> DatabaseError:
        """For people, where it is about something else, and came when something was read."""

    def files(self) -> Files:
        """Those of the database that is open now."""

    def written_at(self, connection: Connection) -> datetime:
        """When something was last written to it, as far as a reader can tell."""


class Server(Engine, Protocol):
    """A database that several instances may share."""

    def lease(self) -> Connection:
        """For looking at the lease and changing it, beside the writer and without its turn."""


class FindServer(Protocol):
    """See `server_of`."""

    def __call__(self, url: DatabaseUrl, turn: "WriteTurn | None" = None, *, fast: bool = False) -> Server:
        """That of this URL."""


def server_of(
    url: DatabaseUrl,
    turn: "WriteTurn | None" = None,
    *,
    fast: bool = False,
    limits: "ServerLimits | None" = None,
) -> Server:
    """That of a PostgreSQL server's database; the usual ``limits`` unless given others. Raises DatabaseError."""
    try:
        from connext_monitor.store.postgres import PostgresServer  # noqa: PLC0415 - its driver is an extra
    except ImportError as error:
        words = "a PostgreSQL database needs its driver: pip install 'connext-monitor[postgres]'"
        raise DatabaseError(words) from error
    return PostgresServer(url, turn, fast=fast, limits=limits)


def engine_of(
    database: Path | DatabaseUrl,
    *,
    fast: bool = False,
    readonly: bool = False,
    turn: "WriteTurn | None" = None,
    server: FindServer = server_of,
) -> Engine:
    """A file's, or a server's, which is found by its URL. Raises DatabaseError.

    ``fast`` leaves the last commits to a power cut; ``readonly`` is for files. ``turn``, a guest's unless it is given,
    is for servers.
    """
    if isinstance(database, Path):
        return SqliteFile(database, fast=fast, readonly=readonly)
    return server(database, turn, fast=fast)


class SqliteFile:
    """A SQLite file; ``fast`` leaves its last commits to a power cut, ``readonly`` makes and writes nothing."""

    def __init__(self, path: Path, *, fast: bool = False, readonly: bool = False) -> None:
        self.path = path
        self._fast = fast
        self._readonly = readonly

    def writer(self) -> Connection:
        """See `Engine`."""
        return writer_connection(self.path, fast=self._fast)

    def reader(self) -> Connection:
        """See `Engine`."""
        return reader_connection(self.path, readonly=self._readonly)

    def room(self) -> LogRoom | None:
        """In its log, where commits wait for the disk."""
        return None if self._fast else LogRoom(self.path)

    def prepare(self, connection: Connection, *, migrate: bool) -> None:
        """See `Engine`."""
        prepare(connection, self.path, migrate=migrate)

    def look_at(self, connection: Connection) -> None:
        """See `Engine`."""
        look_at(connection, self.path)

    def trouble_of(self, error: Exception) -> DatabaseTrouble | None:
        """See `Engine`."""
        return trouble_of(error, self.path)

    def unreadable(self, error: Exception) -> DatabaseError:
        """See `Engine`."""
        return DatabaseError(f"the database could not be read ({error}); is its file damaged?")

    def files(self) -> DatabaseFiles:
        """See `Engine`."""
        return DatabaseFiles(self.path)

    def written_at(self, connection: Connection) -> datetime:  # noqa: ARG002 - the file system knows
        """See `Engine`. Readers leave an empty write-ahead log behind."""
        files = [self.path, self.path.with_name(f"{self.path.name}-wal")]
        written = [status.st_mtime for status in (file.stat() for file in files if file.exists()) if status.st_size]
        return datetime.fromtimestamp(max(written, default=0), UTC)
