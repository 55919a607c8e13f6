"""Puts a backup in the place of the database: verified first, the present one kept aside, never half of either there.

1. The backup is copied beside the database under a temporary name, and the copy is looked over; a damaged file, one of
   another program, or one that a newer version wrote, ends it here with the database untouched.
2. The present database is given to nobody else, and its write-ahead log is folded into it: a log that stayed beside
   would be taken for the restored one's.
3. It gets a second, dated name.
4. The copy is renamed over it, which a file system does at once or not at all.

Killed before 4 the database is what it was, killed after it the restored one; a temporary file that stays is removed by
the next restore.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from connext_monitor.store.backup_copy import BackupError, Contents, IntegrityCheck, copy_database, refuse_newer, verify
from connext_monitor.store.backup_folder import sync_directory
from connext_monitor.store.errors import DatabaseInUseError
from connext_monitor.store.lock import DatabaseLock
from connext_monitor.store.ownership import give_to_user_of

_LOGS = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, and where the former database is kept now (None where there was none)."""

    database: Path
    contents: Contents
    size: int
    aside: Path | None


class Restore:
    """One restore of a database, as a context: nobody else works on the database meanwhile. Raises DatabaseError."""

    def __init__(self, database: Path) -> None:
        # Renaming over a link would replace the link, and leave the file that everybody means.
        self._database = Path(os.path.realpath(database))
        self._lock = DatabaseLock(self._database)
        self._temporary = self._database.with_name(f"{self._database.name}.restoring")

    def __enter__(self) -> Self:
        self._lock.__enter__()
        self._remove_temporary()
        return self

    def __exit__(self, *_: object) -> None:
        self._remove_temporary()
        self._lock.__exit__(None, None, None)

    @property
    def fetched(self) -> Path:
        """Where a backup from elsewhere is to be put before it is restored; removed at the end."""
        return self._temporary.with_name(f"{self._temporary.name}.fetched")

    def put_in_place(self, backup: Path, at: datetime) -> Restored:
        """Restore the file. Blocks."""
        if not backup.is_file():
            raise BackupError(f"{backup} is not a file")
        if self._database.exists() and backup.samefile(self._database):
            raise BackupError(f"{backup} is the database itself")
        copied = copy_database(backup, self._temporary)
        verify(self._temporary, copied, check=IntegrityCheck.WHOLE)
        refuse_newer(copied, backup)
        self._as_before()
        aside = self._swap(at)
        if aside is not None:
            give_to_user_of(self._database, aside)
        return Restored(self._database, copied, self._database.stat().st_size, aside)

    def _as_before(self) -> None:
        """Let the copy be used by whoever used the database: root restores, and another user runs the monitor."""
        give_to_user_of(self._database, self._temporary)
        if self._database.exists():
            self._temporary.chmod(self._database.stat().st_mode & 0o7777)

    def _swap(self, at: datetime) -> Path | None:
        folder = self._database.parent
        aside = self._aside(at)
        if not self._database.exists():
            self._move_logs(aside)
            self._temporary.replace(self._database)
            sync_directory(folder)
            return None
        with self._nobody_else() as whole:
            _second_name(self._database, aside)
            if not whole:
                self._move_logs(aside)
            sync_directory(folder)
            self._temporary.replace(self._database)
            sync_directory(folder)
        return aside

    @contextmanager
    def _nobody_else(self) -> Iterator[bool]:
        """With the database to ourselves and its log folded in; False where it is too damaged for that."""
        with closing(sqlite3.connect(self._database, isolation_level=None, timeout=5)) as connection:
            try:
                connection.execute("PRAGMA journal_mode=DELETE").close()
                connection.execute("BEGIN EXCLUSIVE").close()
                whole = True
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                    raise DatabaseInUseError(
                        f"{self._database} is in use by another command, such as a backfill; "
                        "wait until it has ended, or stop it"
                    ) from error
                whole = False
            except sqlite3.DatabaseError:
                whole = False
            yield whole

    def _aside(self, at: datetime) -> Path:
        name = f"{self._database.name}.before-restore-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        candidates = (self._database.with_name(f"{name}{end}") for end in ("", *(f"-{n}" for n in range(2, 1000))))
        return next(path for path in candidates if not path.exists())

    def _move_logs(self, aside: Path) -> None:
        Path(f"{self._database}-shm").unlink(missing_ok=True)
        for suffix in ("-wal", "-journal"):
            log = Path(f"{self._database}{suffix}")
            if log.exists():
                log.rename(f"{aside}{suffix}")

    def _remove_temporary(self) -> None:
        for path in (self._temporary, self.fetched):
            for suffix in ("", *_LOGS):
                Path(f"{path}{suffix}").unlink(missing_ok=True)


def _second_name(file: Path, name: Path) -> None:
    """Let the file have another name too; where the file system knows no second names, a copy of it."""
    try:
        os.link(file, name)
    except OSError:
        partial = name.with_name(f"{name.name}.partial")
        shutil.copyfile(file, partial)
        give_to_user_of(file, partial)
        partial.rename(name)
