"""A database on a PostgreSQL server. Only loaded where there is one: the driver is an extra."""

import psycopg
from psycopg import errors

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
    LostError,
    PostgresConnection,
    postgres_lease,
    postgres_migrator,
    postgres_reader,
    postgres_writer,
)
from connext_monitor.store.turn import GuestTurn, WriteTurn


class PostgresServer:
    """The database of a connection string or URL, which may hold a password and is never shown. See `Engine`.

    ``turn`` is the one by which its writer writes, by default a guest's.
    """

    def __init__(self, conninfo: str, turn: WriteTurn | None = None) -> None:
        self._conninfo = conninfo
        self._turn = turn or GuestTurn()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    @property
    def name(self) -> str:
        """For people: which database of which server."""
        parts = psycopg.conninfo.conninfo_to_dict(self._conninfo)
        return f"the PostgreSQL database {parts.get('dbname', '')} on {parts.get('host', 'this machine')}"

    def writer(self) -> PostgresConnection:
        """See `Engine`."""
        return postgres_writer(self._conninfo, self._turn)

    def reader(self) -> PostgresConnection:
        """See `Engine`."""
        return postgres_reader(self._conninfo)

    def lease(self) -> PostgresConnection:
        """For looking at the lease and changing it, beside the writer and without its turn."""
        return postgres_lease(self._conninfo)

    def prepare(self, connection: Connection, *, migrate: bool) -> None:
        """See `Engine`. On a connection of its own, that may take longer."""
        own = postgres_migrator(self._conninfo)
        own.before = connection.before
        try:
            self._refuse(transact(own, _migrated if migrate else wrong_schema))
        except psycopg.Error as error:
            raise self._not_opened(error) from error
        finally:
            own.close()

    def look_at(self, connection: Connection) -> None:
        """See `Engine`."""
        try:
            self._refuse(transact(connection, wrong_schema))
        except psycopg.Error as error:
            raise self._not_opened(error) from error

    def trouble_of(self, error: Exception) -> DatabaseTrouble | None:
        """See `Engine`."""
        match error:
            case errors.DiskFull() | errors.OutOfMemory() | errors.ConfigurationLimitExceeded():
                return DatabaseTrouble(TroubleKind.SERVER, f"the database server has no room ({_words(error)})")
            case errors.LockNotAvailable() | errors.DeadlockDetected() | errors.SerializationFailure():
                return DatabaseTrouble(TroubleKind.LOCKED, "another program holds a lock of the database")
            case errors.ReadOnlySqlTransaction() | errors.InsufficientPrivilege():
                return DatabaseTrouble(TroubleKind.SERVER, f"the database server refuses to write ({_words(error)})")
            case errors.QueryCanceled() | errors.IdleInTransactionSessionTimeout():
                return DatabaseTrouble(TroubleKind.SERVER, f"the database server took too long ({_words(error)})")
            case psycopg.OperationalError() | psycopg.InterfaceError() | LostError():
                return DatabaseTrouble(TroubleKind.SERVER, f"the database server cannot be used ({_words(error)})")
            case _:
                return None

    def unreadable(self, error: Exception) -> DatabaseError:
        """See `Engine`."""
        return DatabaseError(f"the database could not be read ({_words(error)})")

    def files(self) -> "_NoFiles":
        """See `Engine`."""
        return _NoFiles()

    def _refuse(self, wrong: str | None) -> None:
        if wrong:
            raise DatabaseError(f"{self.name} {wrong}")

    def _not_opened(self, error: psycopg.Error) -> DatabaseError:
        trouble = self.trouble_of(error)
        if trouble is None:
            return DatabaseError(f"{self.name} cannot be used ({_words(error)})")
        return DatabaseNotOpenedError(f"{self.name} cannot be opened: {trouble.words}. {trouble.cure}", trouble)


def _migrated(connection: Connection) -> str | None:
    """As `migrated`; whoever owns the work with an older schema ends its term, and can write nothing meanwhile."""
    if schema_revision.current(connection) in schema_revision.KNOWN[:-1] and connection.has_table(turn.name):
        lease.revoke(connection)
    return migrated(connection)


class _NoFiles:
    """The server looks after its own."""

    def look(self) -> None:
        """Nothing that we could see is wrong."""


def _words(error: Exception) -> str:
    """The server's or the driver's, in one line; neither ever names the password."""
    return " ".join(str(error).split())
