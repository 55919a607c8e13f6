"""A consistent copy of a database in use, and what is looked at before one is trusted.

Everything here blocks, on files and in SQLite, which lets go of Python meanwhile: it belongs in a thread. The live
database is only ever opened by SQLite itself: closing a file of one's own drops the locks that SQLite holds on it.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path

from connext_monitor.core.structs import struct
from connext_monitor.store import schema_revision
from connext_monitor.store.errors import DatabaseError

COUNTED = ("transfers", "events", "alerts")
_SPARE_BYTES = 16 << 20
_PAGES_A_STEP = 1024
_OPCODES_A_LOOK = 100_000


def never() -> bool:
    """Nothing asks for an end before the end."""
    return False


class BackupError(DatabaseError):
    """A copy could not be made, or is not to be trusted; the message is for people and holds no secret."""


@struct(frozen=True, slots=True)
class Contents:
    """What a database holds: its schema's revision, and how many rows there are in the tables that are `COUNTED`.

    ``entries`` says for each table by its name how many rows it has, and how many entries each index of all its rows.
    """

    revision: str
    counts: tuple[int, ...]
    entries: Mapping[str, tuple[int, ...]]


class IntegrityCheck(StrEnum):
    """How closely a copy is checked, as SQLite calls it.

    Both read every page and every row. What only the whole one finds is an index that has as many entries as its table
    has rows, but others: it looks each row up in each index, for three times as long.
    """

    QUICK = "quick_check"
    WHOLE = "integrity_check"


class BackupStopped(BackupError):
    """The program is asked to end before the copy is done."""


def copy_database(source: Path, target: Path, stopped: Callable[[], bool] = never) -> Contents:
    """Copy the database as it stands at one instant to a new file, on disk when this returns; what the copy holds.

    The copy sees one state however much is written meanwhile, and holds up no writer. ``target`` must not exist. The
    copy is one file without a write-ahead log. Raises BackupError; what that leaves behind is the
    caller's to remove.
    """
    try:
        with _reading(source) as connection, _given_up(connection, stopped):
            copied = contents(connection, source)
            _refuse_without_room(connection, target)
            # Nobody but the owner: SQLite would make it as readable as the umask allows.
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            with closing(sqlite3.connect(target, isolation_level=None)) as copy:
                # Steps only so that it can be given up: within the read transaction all of them see one state.
                connection.backup(copy, pages=_PAGES_A_STEP, progress=lambda *_: _give_up_if(stopped))
                copy.execute("PRAGMA journal_mode=DELETE").close()
            return copied
    except sqlite3.Error as error:
        raise BackupError(f"{source} could not be copied to {target.parent} ({error})") from error
    except OSError as error:
        raise BackupError(f"{target.parent} cannot be written to ({error.strerror})") from error


def verify(
    file: Path,
    expected: Contents | None = None,
    stopped: Callable[[], bool] = never,
    *,
    check: IntegrityCheck = IntegrityCheck.QUICK,
) -> Contents:
    """What is in a copy that nobody writes, once SQLite has found no fault in any of it. Raises BackupError.

    With ``expected``, it must hold just that.
    """
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?immutable=1", uri=True)) as connection:
            connection.set_progress_handler(stopped, _OPCODES_A_LOOK)
            faults = [row[0] for row in connection.execute(f"PRAGMA {check.value}(3)")]
            if faults != ["ok"]:
                raise BackupError(f"{file} is damaged ({'; '.join(faults)[:300]})")
            orphans = connection.execute("PRAGMA foreign_key_check").fetchone()
            if orphans is not None:
                raise BackupError(
                    f"{file} is damaged (a row of {orphans[0]} belongs to one of {orphans[2]} that is gone)"
                )
            actual = contents(connection, file)
            for table, counts in actual.entries.items():
                if len(set(counts)) > 1:
                    raise BackupError(f"{file} is damaged (an index of {table} lacks rows of it, or has others)")
    except sqlite3.Error as error:
        raise BackupError(f"{file} is not a complete database ({error})") from error
    if expected is not None and actual != expected:
        raise BackupError(f"{file} does not hold what the database held: {actual}, not {expected}")
    return actual


def contents(connection: sqlite3.Connection, file: Path) -> Contents:
    """What the database of this connection holds. Raises BackupError if it is not ours."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {schema_revision.TABLE, *COUNTED} <= tables:
        raise BackupError(f"{file} is not a connext-monitor database")
    revision = connection.execute(f"SELECT version_num FROM {schema_revision.TABLE}").fetchone()  # noqa: S608 - our own name
    if revision is None:
        raise BackupError(f"{file} is not a connext-monitor database")
    counts = (connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in COUNTED)  # noqa: S608 - our own names
    return Contents(str(revision[0]), tuple(counts), {table: tuple(_entries(connection, table)) for table in tables})


def _entries(connection: sqlite3.Connection, table: str) -> Iterator[int]:
    """How many rows the table has, and how many entries each of its indexes that are of all rows."""
    indexes = connection.execute(f"PRAGMA index_list({table})").fetchall()
    yield connection.execute(f"SELECT count(*) FROM {table} NOT INDEXED").fetchone()[0]  # noqa: S608 - our own names
    for _, index, _, _, partial in indexes:
        if not partial:
            # Without a condition SQLite counts the smallest index, whichever is named.
            counted = connection.execute(f"SELECT count(*) FROM {table} INDEXED BY {index} WHERE true")  # noqa: S608
            yield counted.fetchone()[0]


def refuse_newer(actual: Contents, file: Path) -> None:
    """Raise BackupError where a newer version of this program wrote it."""
    if actual.revision not in schema_revision.KNOWN:
        raise BackupError(
            f"{file} was written by a newer version of connext-monitor (schema {actual.revision}, this one knows "
            f"{schema_revision.NEWEST}); restore it with that version"
        )


@contextmanager
def _reading(source: Path) -> Iterator[sqlite3.Connection]:
    """A connection within one read transaction: whatever is asked of it, it answers of the same instant."""
    if not source.exists():
        raise BackupError(f"{source} does not exist yet; the first run of the monitor makes it")
    uri = f"{source.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10)) as connection:
        connection.execute("BEGIN").close()
        yield connection


@contextmanager
def _given_up(connection: sqlite3.Connection, stopped: Callable[[], bool]) -> Iterator[None]:
    connection.set_progress_handler(stopped, _OPCODES_A_LOOK)
    try:
        yield
    finally:
        connection.set_progress_handler(None, _OPCODES_A_LOOK)


def _give_up_if(stopped: Callable[[], bool]) -> None:
    if stopped():
        raise BackupStopped("stopped before its end")


def _refuse_without_room(connection: sqlite3.Connection, target: Path) -> None:
    # The monitor may write to the same disk, and a full one stops it.
    pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    there = os.statvfs(target.parent)
    free, needed = there.f_bavail * there.f_frsize, pages * size + _SPARE_BYTES
    if free < needed:
        raise BackupError(f"{target.parent} has {free >> 20} MB free, and a backup needs {needed >> 20} MB")
