"""A mark in the database file's header, by which a running monitor knows that the file still is the one it works on.

SQLite notices nothing where another file is copied over the one that it has open: it looks into its log of changes, and
into what it remembers. The header, as it is on the disk, tells: it holds one of this run's marks, which only go up, so
that a copy from earlier in this run is known too; a count that only rises; and how the file is written.

Source: "Database File Format", section 1.3; the count is the file change counter, the mark the user version.
"""

import asyncio
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing, suppress
from random import Random

from connext_monitor.core.database_trouble import DatabaseTrouble, TroubleKind
from connext_monitor.store.connection import Connection
from connext_monitor.store.database import Database
from connext_monitor.store.trouble import by_errno

_MAGIC = b"SQLite format 3\0"
_VERSIONS, _COUNT, _MARK = slice(18, 20), 24, 60
_WITH_LOG = b"\x02\x02"
"""The read and write versions of a file with a write-ahead log: copies by `backup` and VACUUM INTO have none."""


class RunMark:
    """One run's marks; ``header`` reads the first hundred bytes of the file. It blocks."""

    def __init__(self, database: Database, header: Callable[[], bytes], random: Random) -> None:
        self._database = database
        self._header = header
        self._newest = random.randrange(2**30) + 1
        self._committed: int | None = None
        self._overwritten = False
        self.in_file = False
        """Whether the file itself holds one of them, not only the log of changes."""
        self._lowest = self._newest + 1
        self._count = 0

    @property
    def written(self) -> bool:
        """Whether a mark has been written."""
        return self._committed is not None

    async def write(self) -> None:
        """Write the next mark: nothing that matters, and yet written, flushed and committed as any change."""
        self._newest += 1
        mark = self._newest

        def work(connection: Connection) -> None:
            there = connection.run("PRAGMA user_version").fetchone()[0]
            # As ".restore" in a SQLite shell does: what this monitor knows is not what the database says any more.
            self._overwritten |= self._committed is not None and not self._committed <= there < mark
            connection.run(f"PRAGMA user_version = {mark}")

        await self._database.write(work)
        self._committed = mark

    async def bring_into_file(self) -> None:
        """Fold the log with the mark that was written into the file, as far as nobody reads or writes it just now."""
        await asyncio.to_thread(self._fold)

    def _fold(self) -> None:
        # Not made anew where it was deleted.
        uri = f"{self._database.path.absolute().as_uri()}?mode=rw"
        with suppress(sqlite3.Error), closing(sqlite3.connect(uri, uri=True, timeout=0)) as connection:
            busy, logged, brought = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            self.in_file |= not busy and logged == brought

    def look(self) -> DatabaseTrouble | None:
        """What is wrong with the header."""
        try:
            header = self._header()
        except OSError as error:
            return by_errno(error)
        if not header.startswith(_MAGIC):
            return DatabaseTrouble(TroubleKind.DAMAGED, "the database file is damaged: its header has changed")
        (count,), (mark,) = struct.unpack_from(">I", header, _COUNT), struct.unpack_from(">I", header, _MARK)
        ours = self._lowest <= mark <= self._newest
        if self._overwritten:
            return DatabaseTrouble(TroubleKind.DAMAGED, "the database was overwritten with other contents")
        if header[_VERSIONS] != _WITH_LOG or (self.in_file and not ours) or count < self._count:
            return DatabaseTrouble(TroubleKind.DAMAGED, "another file was copied over the database file")
        self._count = count
        if ours:
            self.in_file, self._lowest = True, mark
        return None


class ServerMark:
    """What a server is asked to write: the server itself sees to it that nobody puts another database in its place."""

    in_file = True
    _MARK = "SELECT pg_logical_emit_message(true, 'connext-monitor', '')"
    """It is in the server's log alone, which is flushed as at any commit, and is gone with it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.written = False

    async def write(self) -> None:
        """See `examiner.Mark`."""
        await self._database.write(lambda connection: connection.run(self._MARK))
        self.written = True

    async def bring_into_file(self) -> None:
        """Nothing is left to be done."""

    def look(self) -> None:
        """Nothing that we could see is wrong."""
