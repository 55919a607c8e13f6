"""Tells what an error of SQLite's means for the database, and asks the disk itself where SQLite does not say why.

Everything here blocks on files.
"""

import errno
import os
import resource
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from connext_monitor.core.database_trouble import DatabaseTrouble, TroubleKind

_LOGS = ("-wal", "-shm")
_PROBE_BYTES = 64 << 10
_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file has reached the largest size that it may have",
}
_NOT_WRITABLE = {
    errno.ENOENT: "its folder is not there",
    errno.ENOTDIR: "its folder is not there",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "the folder may not be written to by this user",
    errno.EPERM: "the folder may not be written to by this user",
}
_NO_DESCRIPTOR = {
    errno.EMFILE: "the monitor has as many files open as it may",
    errno.ENFILE: "the machine has as many files open as it can",
}
_BY_ERRNO = {
    TroubleKind.FULL: _FULL,
    TroubleKind.NOT_WRITABLE: _NOT_WRITABLE,
    TroubleKind.NO_DESCRIPTOR: _NO_DESCRIPTOR,
}


def trouble_of(error: BaseException, path: Path) -> DatabaseTrouble | None:
    """What keeps the database from being used, by an error of SQLite's; None where the error is about something else.

    Blocks for a moment: where SQLite's words leave the reason open, a file is written beside the database.
    """
    match _primary_code(error):
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED | sqlite3.SQLITE_PROTOCOL:
            return DatabaseTrouble(TroubleKind.LOCKED, "another program holds the database's lock")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return DatabaseTrouble(TroubleKind.DAMAGED, f"the database file is damaged ({error})")
        case sqlite3.SQLITE_FULL:
            by_words = DatabaseTrouble(TroubleKind.FULL, "the disk is full")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN:
            words = f"the database file may not be opened or written to ({error})"
            by_words = DatabaseTrouble(TroubleKind.NOT_WRITABLE, words)
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_NOLFS:
            by_words = _size_limit(path) or DatabaseTrouble(TroubleKind.DISK, f"the disk fails ({error})")
        case _:
            return None
    return _said_by_disk(path) or by_words


def is_locked(error: BaseException) -> bool:
    """Whether somebody else held the lock for longer than SQLite waited for it."""
    return _primary_code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def by_errno(error: OSError) -> DatabaseTrouble:
    """What an error of the file system's means."""
    number = error.errno or 0
    why = os.strerror(number)
    for kind, known in _BY_ERRNO.items():
        if number in known:
            return DatabaseTrouble(kind, f"{known[number]} ({why})")
    return DatabaseTrouble(TroubleKind.DISK, f"the disk fails ({why})")


class DatabaseFiles:
    """The files of an open database: whether its path still names the ones that are open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # SQLite follows links once, when it opens the file, and keeps its logs beside the file itself.
        real = os.path.realpath(path)
        self._main = _identity(_stat(path))
        self._logs = {log: _identity(_stat(log)) for log in (f"{real}{suffix}" for suffix in _LOGS)}

    def look(self) -> DatabaseTrouble | None:
        """What is wrong with them."""
        try:
            now = _stat(self._path)
            if _identity(now) != self._main:
                words = "was deleted or moved away" if now is None else "was replaced by another file"
                return DatabaseTrouble(TroubleKind.GONE, f"the database file {words}")
            if now is not None and now.st_size == 0:
                return DatabaseTrouble(TroubleKind.DAMAGED, "the database file was emptied")
            return next(self._lost_logs(), None)
        except OSError as error:
            return by_errno(error)

    def unanswered(self, seconds: float) -> DatabaseTrouble:
        """What it is where something has waited for so long for an answer."""
        return DatabaseTrouble(TroubleKind.DISK, f"the disk has not answered for {seconds:.0f} s")

    def _lost_logs(self) -> Iterator[DatabaseTrouble]:
        for log, known in self._logs.items():
            now = _identity(_stat(log))
            if known is None:
                self._logs[log] = now
            elif now != known:
                words = "was deleted" if now is None else "was replaced"
                yield DatabaseTrouble(TroubleKind.GONE, f"a part of the database, {Path(log).name}, {words}")


def _stat(path: Path | str) -> os.stat_result | None:
    """None where there is no such file. Raises other errors of the system's."""
    try:
        return os.stat(path)  # noqa: PTH116 - looked at every second: a Path to each log would be made each time
    except (FileNotFoundError, NotADirectoryError):
        return None


def _identity(file: os.stat_result | None) -> tuple[int, int] | None:
    """What tells the file from every other one; None where there is none."""
    return None if file is None else (file.st_dev, file.st_ino)


def _primary_code(error: BaseException) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _said_by_disk(path: Path) -> DatabaseTrouble | None:
    """What the system answers when something is written beside the database; None where it takes it."""
    folder = Path(os.path.realpath(path)).parent
    try:
        # It has no name, so that nothing of it stays whatever happens.
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            probe.write(bytes(_PROBE_BYTES))
            os.fsync(probe.fileno())
    except OSError as error:
        return by_errno(error)
    return None


def _size_limit(path: Path) -> DatabaseTrouble | None:
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit == resource.RLIM_INFINITY:
        return None
    files = [Path(f"{os.path.realpath(path)}{suffix}") for suffix in ("", *_LOGS)]
    sizes = [file.stat().st_size for file in files if file.exists()]
    if max(sizes, default=0) + _PROBE_BYTES < limit:
        return None
    words = f"the file has reached the largest size that this process may write (ulimit -f: {limit:,} bytes)"
    return DatabaseTrouble(TroubleKind.FULL, words)
