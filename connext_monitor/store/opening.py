"""What is looked at before a database file is used, and what is said where it cannot be. Everything here blocks."""

import sqlite3
from contextlib import closing
from pathlib import Path

from connext_monitor.core.database_trouble import DatabaseTrouble, TroubleKind
from connext_monitor.store import schema_revision
from connext_monitor.store.connection import Connection, transact, transact_patiently
from connext_monitor.store.errors import DatabaseError, DatabaseNotOpenedError
from connext_monitor.store.trouble import trouble_of

_RESTORE = 'put the newest backup in its place: "connext-monitor restore FILE"'
_CHECK_PATH = "check monitor.database, and that its folder can be written to"
_NOT_OURS = "is not a connext-monitor database; name another file in monitor.database"
_HALF = 'is not complete yet: "connext-monitor move" has copied a part of it, and continues when it is run again'
_NEWER = "was written by a newer version of connext-monitor; run that version, or name another database"


def prepare(connection: Connection, path: Path, *, migrate: bool) -> None:
    """Make the file, or bring its schema up to date; without ``migrate`` that must be this version's.

    Raises DatabaseError.
    """
    try:
        if not _is_empty_or_ours(path):
            raise DatabaseError(f"{path} {_NOT_OURS}")
        _refuse(path, transact_patiently(connection, migrated if migrate else wrong_schema))
    except sqlite3.Error as error:
        raise _not_opened(path, error) from error


def look_at(connection: Connection, path: Path) -> None:
    """See that the file can be read, and that its schema is this version's. Raises DatabaseError."""
    try:
        _refuse(path, transact(connection, wrong_schema))
    except sqlite3.Error as error:
        if not path.exists():
            raise DatabaseError(f"{path} does not exist yet; the first run of the monitor makes it") from error
        raise _not_opened(path, error) from error


def _refuse(path: Path, wrong: str | None) -> None:
    if wrong:
        raise DatabaseError(f"{path} {wrong}")


def _is_empty_or_ours(path: Path) -> bool:
    """Another program's database is to be left as it is; what is not there yet is made. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rwc", uri=True)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return not tables or schema_revision.TABLE in tables


def migrated(connection: Connection) -> str | None:
    """Bring the schema up to date; else why not, in words that go on from the file's name."""
    revision = schema_revision.current(connection)
    if revision not in (None, *schema_revision.KNOWN):
        return _HALF if revision and schema_revision.is_unfinished(revision) else _NEWER
    if revision != schema_revision.NEWEST:
        from connext_monitor.store import migration  # noqa: PLC0415 - slow to load, and needed once a version

        if revision is None:
            migration.upgrade(connection)
        else:
            migration.upgrade_old(connection, revision)
    return None


def wrong_schema(connection: Connection) -> str | None:
    """Why this program cannot read the schema that it finds, in words that go on from the file's name."""
    revision = schema_revision.current(connection)
    if revision == schema_revision.NEWEST:
        return None
    if revision is None:
        return _NOT_OURS
    if revision not in schema_revision.KNOWN:
        return _HALF if schema_revision.is_unfinished(revision) else _NEWER
    return "was written by an older version of connext-monitor; its next run brings it up to date"


def _not_opened(path: Path, error: sqlite3.Error) -> DatabaseError:
    trouble = trouble_of(error, path)
    if trouble is None:
        return DatabaseError(f"{path} cannot be opened ({error}); {_CHECK_PATH}")
    return DatabaseNotOpenedError(f"{path} {_why_not_opened(error, trouble)}", trouble)


def _why_not_opened(error: sqlite3.Error, trouble: DatabaseTrouble) -> str:
    if trouble.kind is TroubleKind.NOT_WRITABLE:
        return f"cannot be opened: {trouble.words}; {_CHECK_PATH}"
    if "not a database" in str(error):
        return f"is not a SQLite database; name another file in monitor.database, or, if it was one, {_RESTORE}"
    if trouble.kind is TroubleKind.DAMAGED:
        return f"cannot be opened: {trouble.words}; {_RESTORE}"
    return f"cannot be opened: {trouble.words}. {trouble.cure}"
