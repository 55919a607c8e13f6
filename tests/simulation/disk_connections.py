"""The connections of a simulated process to its database's file, or to a copy of it in memory.

A process that alone has its file open works on a copy in memory, where a commit takes a third of the time: the file
gets what was committed when the process ends, however it does, and the first of its marks, which a monitor looks for.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from connext_monitor.store.connection import WRITER_PRAGMAS, Connection

_FOR_A_WRITER = (*WRITER_PRAGMAS, "synchronous=OFF")
"""Of a simulated process, whose machine never loses power."""
_ALONE = "locking_mode=EXCLUSIVE"
"""Of one that alone has its file open: to lock, and to look what others have written, takes SQLite long. Said last:
before the others, it would have SQLite keep a write-ahead log of what is in memory, too.
"""
_VERSIONS = slice(18, 20)
_WITH_LOG, _WITHOUT_LOG = b"\x02\x02", b"\x01\x01"
"""How a file's header says whether it has a write-ahead log, as the monitor's has; there is none in memory."""

_STATEMENTS_KEPT = 512
"""Statements that are compiled once: memory for them is no matter here."""


class Writer(Connection):
    """The one connection of a simulated process on which it writes."""

    def opened(self) -> sqlite3.Connection:
        """The driver's connection, opened if it is not yet."""
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def give_up(self) -> None:
        """Its process is gone: what was committed is in the files, what was not is nowhere."""

    def bring_into_file(self) -> None:
        """Have the file itself hold all that was committed."""


class SharedFile(Writer):
    """On a file that others have open as well."""

    def __init__(self, file: Path) -> None:
        super().__init__(f"{file.absolute().as_uri()}?mode=rw", "BEGIN IMMEDIATE", _FOR_A_WRITER, _STATEMENTS_KEPT)

    def bring_into_file(self) -> None:
        self.opened().execute("PRAGMA wal_checkpoint(PASSIVE)").close()


class CopyInMemory(Writer):
    """On a copy of a file that nobody else has open; the file gets what it holds at its end, if its process lives."""

    def __init__(self, file: Path, lives: Callable[[], bool]) -> None:
        super().__init__(":memory:", "BEGIN IMMEDIATE", (*_FOR_A_WRITER, _ALONE), _STATEMENTS_KEPT)
        self._file = file
        self._lives = lives

    def _open(self) -> sqlite3.Connection:
        opened = sqlite3.connect(self._uri, isolation_level=None, cached_statements=self._statements_kept)
        if there := bytearray(self._file.read_bytes()):
            there[_VERSIONS] = _WITHOUT_LOG
            opened.deserialize(bytes(there))
        for pragma in self._pragmas:
            opened.execute(f"PRAGMA {pragma}").close()
        return opened

    def give_up(self) -> None:
        if self._opened is not None:
            self._opened.rollback()
            self.bring_into_file()

    def bring_into_file(self) -> None:
        held = bytearray(self.opened().serialize())
        held[_VERSIONS] = _WITH_LOG
        self._file.write_bytes(held)

    def close(self) -> None:
        if self._lives():
            self.give_up()
        super().close()


class Reader(Connection):
    """Each of its transactions sees one state, as nothing is written meanwhile."""

    def __init__(self, writer: Writer) -> None:
        super().__init__("", "", ())
        self._writer = writer

    def begin(self) -> None:
        self._opened = self._writer.opened()

    def commit(self) -> None:
        pass

    def rollback(self) -> None:
        pass

    def close(self) -> None:
        self._opened = None
