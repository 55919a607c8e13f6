"""One monitor per database: a second one would tell every alert twice.

Two things are locked, because each can be lost by itself: a file beside the database, and the database file. Where the
database is deleted, moved or replaced, the first still stands for its path; where the lock file is, or where the
database has a second name, the second still stands for the file.
"""

import errno
import fcntl
import os
import struct
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from connext_monitor.config import DatabaseUrl
from connext_monitor.store.errors import DatabaseError, DatabaseInUseError, DatabaseNotOpenedError
from connext_monitor.store.outage_note import OutageNote, make_room
from connext_monitor.store.ownership import give_to_user_of
from connext_monitor.store.trouble import by_errno

_BEYOND = 1 << 62
"""The byte of the database file that is locked: SQLite's own locks lie at 1 GB, and no file is so large."""

_FLOCK = "hhqqi4x"
"""Type, whence, start, length and process, as fcntl(2) has them."""


class DatabaseLock:
    """Held as a context for as long as a monitor works on a database; the system frees it when the process dies.

    It must be entered before this process opens the database and left after it has closed it: closing any descriptor of
    a file drops the locks that SQLite holds on it. With ``make`` an empty database is made where there is none.
    """

    def __init__(self, database: Path, *, make: bool = False) -> None:
        self._database = database
        # Two names of one file are one database, so the lock lies beside the file itself.
        self._file = Path(os.path.realpath(database))
        self._path = self._file.with_name(f"{self._file.name}.lock")
        self._make = make
        self.note = OutageNote(self._path)
        self._held: list[int] = []

    def __enter__(self) -> Self:
        try:
            self._lock_path()
            self._lock_file()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The file stays: removing it would let a third monitor lock a new one beside ours.
        self._release()

    def header(self) -> bytes:
        """The first hundred bytes of the database file that is locked, as they are on the disk. Raises OSError."""
        return os.pread(self._held[1], 100, 0)

    def _lock_path(self) -> None:
        while True:
            file = self._open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            self._held.append(file)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise self._in_use("another monitor") from error
            # Whoever removed it in between may have locked the next one.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file), self._path.stat()):
                    make_room(file)
                    return
            self._release()

    def _lock_file(self) -> None:
        if not self._make and not self._file.exists():
            return
        flags = os.O_RDWR | (os.O_CREAT if self._make else 0)
        file = self._open(self._file, flags, 0o644)
        self._held.append(file)
        try:
            _lock_byte(file)
        except OSError as error:
            raise self._in_use("another monitor, by another name of the file", elsewhere=True) from error

    def _open(self, path: Path, flags: int, mode: int) -> int:
        try:
            file = os.open(path, flags | os.O_CLOEXEC, mode)
        except OSError as error:
            why = f"cannot be {'opened' if path.exists() else 'made'} ({error.strerror})"
            words = f"{path} {why}; check monitor.database, and that its folder can be written to"
            if error.errno == errno.EISDIR:
                raise DatabaseError(words) from error
            trouble = replace(by_errno(error), words=f"{path.name} {why}")
            raise DatabaseNotOpenedError(words, trouble) from error
        give_to_user_of(self._file, path)
        return file

    def _in_use(self, by: str, *, elsewhere: bool = False) -> DatabaseInUseError:
        return DatabaseInUseError.of(self._database, by, elsewhere=elsewhere)

    def _release(self) -> None:
        while self._held:
            os.close(self._held.pop())


def refuse_other_name(database: Path | DatabaseUrl) -> None:
    """Raise DatabaseInUseError where a monitor works on the file by another name, with its log of changes beside that.

    Whoever reads without that log sees an old state. Only for a process that has not opened the database.
    """
    if not isinstance(database, Path):
        return
    real = Path(os.path.realpath(database))
    held = False
    with suppress(OSError):
        file = os.open(real, os.O_RDONLY | os.O_CLOEXEC)
        try:
            held = _is_byte_locked(file) and not _is_path_locked(real)
        finally:
            os.close(file)
    if held:
        raise DatabaseInUseError(
            f"a monitor works on {database} by another name of the file, where its latest changes are; "
            "name that one in monitor.database",
            elsewhere=True,
        )


def _is_path_locked(real: Path) -> bool:
    """Whether the monitor that has the file locked knows it by this name: it locks the path before the file."""
    try:
        file = os.open(real.with_name(f"{real.name}.lock"), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return Path(f"{real}-wal").exists()
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


def _is_byte_locked(file: int) -> bool:
    if not hasattr(fcntl, "F_OFD_GETLK"):
        return False
    query = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, _BEYOND, 1, 0)
    (kind, *_) = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_OFD_GETLK, query))
    return bool(kind != fcntl.F_UNLCK)


def _lock_byte(file: int) -> None:
    """Lock a byte for this open file, whoever in this process closes another one. Raises OSError where it is locked."""
    if not hasattr(fcntl, "F_OFD_SETLK"):
        # Elsewhere than on Linux: these locks do not touch SQLite's either.
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    request = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, _BEYOND, 1, 0)
    fcntl.fcntl(file, fcntl.F_OFD_SETLK, request)
