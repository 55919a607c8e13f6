"""A database on a PostgreSQL server. Only loaded where there is one: the driver is an extra."""

from datetime import UTC, datetime

import psycopg
from psycopg import errors

from connext_monitor.config import DatabaseUrl
from connext_monitor.core.database_trouble import DatabaseTrouble, TroubleKind
from connext_monitor.store import (
    lease,
    postgres_dialect,  # noqa: F401 - indexes and functions are written by it
    schema_revision,
)
from connext_monitor.store.connection import Connection, transact
from connext_monitor.store.errors import DatabaseError, DatabaseNotOpenedError
from connext_monitor.store.lease_tables import turn
from connext_monitor.store.opening import migrated, wrong_schema
from connext_monitor.store.postgres_connection import (
    PASSING,
    PostgresConnection,
    postgres_lease,
    postgres_migrator,
    postgres_reader,
    postgres_writer,
)
from connext_monitor.store.postgres_waiting import SilentServerError
from connext_monitor.store.server_limits import USUAL_LIMITS, ServerLimits
from connext_monitor.store.turn import GuestTurn, WriteTurn

_SAID_OF_SERVER: dict[str, tuple[type[Exception], ...]] = {
    "has no room": (errors.DiskFull, errors.OutOfMemory, errors.ConfigurationLimitExceeded),
    "refuses to write": (errors.ReadOnlySqlTransaction, errors.InsufficientPrivilege),
    "does not answer": (SilentServerError,),
    "took too long": (errors.QueryCanceled, errors.IdleInTransactionSessionTimeout),
    "cannot be used": (psycopg.OperationalError, psycopg.InterfaceError),
}
"""By its errors; the first that fits."""
_LOST_STATEMENTS = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)
"""The driver prepares statements once a connection, which is a session where no pool of transactions is in between."""


_WRITTEN_AT = (
    "SELECT greatest(0, (SELECT max(covered_at) FROM chains), (SELECT max(beat_ms) / 1000 FROM lease WHERE id = 1))"
)


class PostgresServer:
    """The database of a URL. ``fast``: see `postgres_writer`. See `Engine`.

    ``turn`` is the one by which its writer writes, by default a guest's.
    """

    def __init__(
        self,
        url: DatabaseUrl,
        turn: WriteTurn | None = None,
        *,
        fast: bool = False,
        limits: ServerLimits | None = None,
    ) -> None:
        self._url = url
        self._limits = limits or USUAL_LIMITS
        self._turn = turn or GuestTurn()
        self._fast = fast

    def writer(self) -> PostgresConnection:
        """See `Engine`."""
        return postgres_writer(self._url, self._turn, self._limits, fast=self._fast)

    def reader(self) -> PostgresConnection:
        """See `Engine`."""
        return postgres_reader(self._url, self._limits)

    def lease(self) -> PostgresConnection:
        """For looking at the lease and changing it, beside the writer and without its turn."""
        return postgres_lease(self._url, self._limits)

    def prepare(self, connection: Connection, *, migrate: bool) -> None:
        """See `Engine`. What is to be migrated is, on a connection of its own, that may take longer."""
        try:
            if not _is_ready(connection):
                self._prepare(connection, migrate=migrate)
        except psycopg.Error as error:
            raise self._not_opened(error) from error

    def look_at(self, connection: Connection) -> None:
        """See `Engine`."""
        try:
            self._refuse(transact(connection, wrong_schema))
        except psycopg.Error as error:
            raise self._not_opened(error) from error

    def trouble_of(self, error: Exception) -> DatabaseTrouble | None:
        """See `Engine`."""
        if isinstance(error, PASSING):
            return DatabaseTrouble(TroubleKind.SERVER_LOCKED, "another session holds a lock of the database")
        if isinstance(error, _LOST_STATEMENTS):
            words = "a pooler ran a statement in a different session from the one that prepared it"
            return DatabaseTrouble(TroubleKind.POOLED, f"{words} ({_words(error)})")
        for words, kinds in _SAID_OF_SERVER.items():
            if isinstance(error, kinds):
                return DatabaseTrouble(TroubleKind.SERVER, f"the database server {words} ({_words(error)})")
        return None

    def unreadable(self, error: Exception) -> DatabaseError:
        """See `Engine`."""
        return DatabaseError(f"the database could not be read ({_words(error)})")

    def files(self) -> "_NoFiles":
        """See `Engine`."""
        return _NoFiles()

    def written_at(self, connection: Connection) -> datetime:
        """See `Engine`: the newest block time that a chain was read up to, or the owner's last beat."""
        (written_at,) = connection.run(_WRITTEN_AT).fetchone()
        return datetime.fromtimestamp(written_at, UTC)

    def _prepare(self, connection: Connection, *, migrate: bool) -> None:
        own = postgres_migrator(self._url, self._limits)
        own.before = connection.before
        try:
            transact(own, _refuse_encoding)
            self._refuse(transact(own, _migrated if migrate else wrong_schema))
        finally:
            own.close()

    def _refuse(self, wrong: str | None) -> None:
        if wrong:
            raise DatabaseError(f"{self._url} {wrong}")

    def _not_opened(self, error: psycopg.Error) -> DatabaseError:
        trouble = self.trouble_of(error)
        if trouble is None:
            return DatabaseError(f"{self._url} cannot be used ({_words(error)})")
        return DatabaseNotOpenedError(f"{self._url} cannot be opened: {trouble.words}. {trouble.cure}", trouble)


def _is_ready(connection: Connection) -> bool:
    """Whether nothing is to be migrated; asked in no transaction, since a writer's needs tables that may be missing."""
    if not isinstance(connection, PostgresConnection):
        raise TypeError("the database is on a server")
    try:
        connection.connect()
        _refuse_encoding(connection)
        return schema_revision.current(connection) == schema_revision.NEWEST
    except BaseException:
        connection.close()
        raise


def _migrated(connection: Connection) -> str | None:
    """As `migrated`; whoever owns the work with an older schema ends its term, and can write nothing meanwhile."""
    if schema_revision.current(connection) in schema_revision.KNOWN[:-1] and connection.has_table(turn.name):
        lease.revoke(connection)
    return migrated(connection)


class _NoFiles:
    """The server looks after its own."""

    def look(self) -> None:
        """Nothing that we could see is wrong."""

    def unanswered(self, seconds: float) -> DatabaseTrouble:
        """See `Files`. So it is with a commit that waits for a synchronous replica which is away."""
        return DatabaseTrouble(TroubleKind.SERVER, f"the database server has not answered for {seconds:.0f} s")


def _refuse_encoding(connection: Connection) -> None:
    """Raise DatabaseError where not every text can be kept."""
    (encoding,) = connection.run("SHOW server_encoding").fetchone()
    if encoding != "UTF8":
        words = f"has the encoding {encoding}; make one with: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0"
        raise DatabaseError(f"the PostgreSQL database {words}")


def _words(error: Exception) -> str:
    """The server's or the driver's, in one line; neither ever names the password."""
    return " ".join(str(error).split())
