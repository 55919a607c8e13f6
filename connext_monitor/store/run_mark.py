"""A mark in the database file's header, by which a running monitor knows that the file still is the one it works on.

SQLite notices nothing where another file is copied over the one that it has open: it looks into its log of changes, and
into what it remembers. The header, as it is on the disk, tells: it holds this run's mark, and a count that only rises.

Source: "Database File Format", section 1.3; the count is the file change counter, the mark the user version.
"""

import secrets
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing, suppress

from sqlalchemy.ext.asyncio import AsyncConnection

from connext_monitor.core.database_trouble import DatabaseTrouble, TroubleKind
from connext_monitor.store.daemon_thread import in_daemon_thread
from connext_monitor.store.database import Database
from connext_monitor.store.trouble import by_errno

_MAGIC = b"SQLite format 3\0"
_COUNT, _MARK = 24, 60


class RunMark:
    """One run's mark; ``header`` reads the first hundred bytes of the file. It blocks."""

    def __init__(self, database: Database, header: Callable[[], bytes]) -> None:
        self._database = database
        self._header = header
        self._mark = secrets.randbelow(2**31 - 1) + 1
        self.written = False
        self._marked = False
        self._count = 0

    async def write(self) -> None:
        """Write the mark: nothing that matters, and yet written, flushed and committed as any change."""

        async def work(connection: AsyncConnection) -> None:
            await connection.exec_driver_sql(f"PRAGMA user_version = {self._mark}")

        await self._database.write(work)
        self.written = True
        if not self._marked:
            await in_daemon_thread(self._bring_into_file)

    def _bring_into_file(self) -> None:
        # Where somebody reads or writes it comes there later, as every change does.
        with suppress(sqlite3.Error), closing(sqlite3.connect(self._database.path, timeout=0)) as connection:
            _, logged, brought = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            self._marked = logged == brought

    def look(self) -> DatabaseTrouble | None:
        """What is wrong with the header, once the mark has come from the log of changes into the file."""
        try:
            header = self._header()
        except OSError as error:
            return by_errno(error)
        if not header.startswith(_MAGIC):
            return DatabaseTrouble(TroubleKind.DAMAGED, "the database file is damaged: its beginning is another")
        (count,), (mark,) = struct.unpack_from(">I", header, _COUNT), struct.unpack_from(">I", header, _MARK)
        if (self._marked and mark != self._mark) or count < self._count:
            return DatabaseTrouble(TroubleKind.DAMAGED, "another file was copied over the database file")
        self._marked, self._count = self._marked or mark == self._mark, count
        return None
