"""Room in SQLite's write-ahead log, made before commits need it.

A commit that makes the log longer waits until the file system has noted its new length, too: on the disk that this was
measured on 0.8 ms at the median and 6 to 10 once in ten times, where a commit into a log that is long enough takes 0.5
and 0.6. By itself the log grows commit by commit until the first checkpoint, and then keeps its length.
"""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

_FROM = 2**20
"""Bytes; a log that never gets so long is left alone."""
_STEP = 4 * 2**20
_ENOUGH = 16 * 2**20
"""About as long as it gets between two checkpoints."""


class LogRoom:
    """The log of one file; asked on its writer's thread, between two transactions. Everything here blocks."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._log = database.with_name(f"{database.name}-wal")
        self._length = _FROM

    def is_used_up(self) -> bool:
        """Whether the last commit has made the log longer, and others will too."""
        return self._length < _length(self._log) < _ENOUGH

    def make(self) -> None:
        """Make the log longer by a step; where that cannot be done now, it grows as ever.

        SQLite itself does so: what is larger than its cache it writes into the log before it is committed, and a
        transaction that is taken back leaves the log as long as it had become. No other one can begin meanwhile.
        """
        with suppress(sqlite3.Error, OSError):
            self._lengthen()
        self._length = max(self._length, _length(self._log))

    def _lengthen(self) -> None:
        # Not made anew where it was deleted.
        uri = f"{self._database.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)) as connection:
            connection.execute("PRAGMA cache_size=16")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("CREATE TABLE room (bytes BLOB)")
            connection.execute("INSERT INTO room VALUES (zeroblob(?))", (_STEP,))
            connection.execute("ROLLBACK")
        # Not left to the next commit, which would wait for all of it.
        with self._log.open("rb+") as log:
            os.fsync(log.fileno())


def _length(log: Path) -> int:
    """0 where there is none."""
    try:
        return log.stat().st_size
    except OSError:
        return 0
