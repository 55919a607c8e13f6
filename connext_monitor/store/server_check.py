"""What a server says of the database in its URL, before or beside a monitor: nothing is made or changed."""

from contextlib import closing

from connext_monitor.config import DatabaseUrl
from connext_monitor.core.words import duration_words
from connext_monitor.store import lease, schema_revision
from connext_monitor.store.connection import Connection, transact
from connext_monitor.store.engine import server_of
from connext_monitor.store.errors import DatabaseError
from connext_monitor.store.opening import wrong_schema


def checked(url: DatabaseUrl) -> str:
    """Its version, its schema and who owns the work, in words without the password. Blocks. Raises DatabaseError."""
    engine = server_of(url)
    with closing(engine.reader()) as connection:
        try:
            return transact(connection, _looked_at)
        except connection.error as error:
            trouble = engine.trouble_of(error)
            raise engine.unreadable(error) if trouble is None else DatabaseError(trouble.words) from error


def _looked_at(connection: Connection) -> str:
    """A schema that the next run makes or updates is well; one that this version cannot use is not."""
    (version,) = connection.run("SHOW server_version").fetchone()
    server = f"PostgreSQL {version}"
    revision = schema_revision.current(connection)
    if revision is None:
        return f"{server}, without the tables of connext-monitor, which the first run makes"
    wrong = wrong_schema(connection)
    if wrong is not None and revision in schema_revision.KNOWN:
        return f"{server}; it {wrong}"
    if wrong is not None:
        raise DatabaseError(f"is {server}, but {wrong}")
    return f"{server}; {_owner(connection)}"


def _owner(connection: Connection) -> str:
    owner = next((instance for instance in lease.listed(connection) if instance.owns_since is not None), None)
    if owner is None:
        return "no instance owns the work"
    return f"{owner.name} owns the work, and was last heard from {duration_words(owner.silent_for)} ago"
