"""One monitor per database: a second one would tell every alert twice."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from connext_monitor.store.database import DatabaseError


class DatabaseInUseError(DatabaseError):
    """Another monitor works on the database; the message says what to do."""


class DatabaseLock:
    """Held as a context for as long as a monitor works on a database; the system frees it when the process dies."""

    def __init__(self, database: Path) -> None:
        self._database = database
        # Two names of one file are one database, so the lock lies beside the file itself.
        file = Path(os.path.realpath(database))
        self._path = file.with_name(f"{file.name}.lock")
        self._file: int | None = None

    def __enter__(self) -> Self:
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DatabaseError(
                f"{self._path} cannot be made ({error.strerror}); check monitor.database, and that its folder "
                "can be written to"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise DatabaseInUseError(
                f"{self._database} is in use by another monitor; stop that one, or name another monitor.database"
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The file stays: removing it would let a third monitor lock a new one beside ours.
        if self._file is not None:
            os.close(self._file)
