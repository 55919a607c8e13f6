"""The directory that backups are kept in: one made at a time, whole or not there, the newest ones kept."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from connext_monitor.config import Config
from connext_monitor.core.backups import Backup, backup_name, made_at, ours, superseded
from connext_monitor.store.backup_copy import BackupError, BackupStopped, copy_database, never, verify
from connext_monitor.store.ownership import give_to_user_of, make_folder

_PARTIAL = ".partial"
_BETWEEN_LOOKS = 0.2


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup that lies in the directory."""

    path: Path
    made_at: datetime
    size: int


class BackupFolder:
    """The backups of one database in one directory, the newest ``keep`` of them. Everything here blocks on files."""

    def __init__(self, database: Path, directory: Path, keep: int) -> None:
        self._database = database
        self._directory = directory
        self._keep = keep

    @property
    def stem(self) -> str:
        """What the names of this database's backups begin with."""
        return self._database.stem

    def path(self, name: str) -> Path:
        """Where the backup of this name lies."""
        return self._directory / name

    def kept(self) -> list[Kept]:
        """What is there, the oldest first; nothing where there is no such directory."""
        kept = []
        for name in ours(self._names(), self.stem):
            at = made_at(name, self.stem)
            with suppress(FileNotFoundError):
                if at is not None:
                    kept.append(Kept(self.path(name), at, self.path(name).stat().st_size))
        return kept

    def make(self, at: datetime, stopped: Callable[[], bool] = never) -> Backup:
        """Copy the database, look the copy over, give it its name, and remove the oldest. Raises BackupError.

        It is given up soon after ``stopped`` says so.
        """
        with self._alone(stopped):
            name = self._free_name(at)
            partial = self.path(f"{name}{_PARTIAL}")
            try:
                copied = copy_database(self._database, partial, stopped)
                verify(partial, copied, stopped)
                give_to_user_of(self._database, partial)
                partial.rename(self.path(name))
            except OSError as error:
                raise BackupError(f"{self._directory} cannot be written to ({error.strerror})") from error
            finally:
                partial.unlink(missing_ok=True)
            sync_directory(self._directory)
            for old in superseded(self._names(), self.stem, self._keep, at):
                self.path(old).unlink(missing_ok=True)
            begun = made_at(name, self.stem) or at
            return Backup(name, begun, self.path(name).stat().st_size, *copied.counts)

    def _names(self) -> list[str]:
        try:
            return os.listdir(self._directory)  # noqa: PTH208 - names, not paths
        except FileNotFoundError:
            return []
        except OSError as error:
            raise BackupError(f"{self._directory} cannot be read ({error.strerror})") from error

    def _free_name(self, at: datetime) -> str:
        # Two within a second: the later one takes the next second that is free.
        while self.path(name := backup_name(self.stem, at)).exists():
            at += timedelta(seconds=1)
        return name

    @contextmanager
    def _alone(self, stopped: Callable[[], bool]) -> Iterator[None]:
        """With the directory there and nobody else making a backup in it; what a killed one left is removed."""
        try:
            make_folder(self._database, self._directory)
            path = self._directory / f".{self.stem}.lock"
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            give_to_user_of(self._database, path)
        except OSError as error:
            raise BackupError(f"{self._directory} cannot be written to ({error.strerror})") from error
        try:
            _wait_for(lock, stopped)
            for name in self._names():
                if made_at(name.partition(_PARTIAL)[0], self.stem) and _PARTIAL in name:
                    self.path(name).unlink(missing_ok=True)
            yield
        finally:
            os.close(lock)


def folder_of(config: Config) -> BackupFolder | None:
    """That of the config's database; None where a server keeps it, whose backups are the server's."""
    database, backup = config.monitor.database, config.backup
    return BackupFolder(database, backup.directory, backup.keep) if isinstance(database, Path) else None


def _wait_for(lock: int, stopped: Callable[[], bool]) -> None:
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if stopped():
                raise BackupStopped("stopped before its end") from None
            time.sleep(_BETWEEN_LOOKS)


def sync_directory(directory: Path) -> None:
    """Have the names in the directory on disk."""
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
