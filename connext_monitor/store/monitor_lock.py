"""How a monitor keeps others away from its database, by what the database is."""

from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

from connext_monitor.config import DatabaseUrl
from connext_monitor.store.database import Database
from connext_monitor.store.examiner import Mark
from connext_monitor.store.lock import DatabaseLock
from connext_monitor.store.outage_note import OutageNote
from connext_monitor.store.run_mark import RunMark, ServerMark


class ServerLock:
    """Nothing is locked here: instances agree in the database on which of them owns the work (`lease`)."""

    def __init__(self, url: DatabaseUrl) -> None:
        self.note = OutageNote(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


MonitorLock = DatabaseLock | ServerLock
"""Entered before the database is opened, and left after it was closed; its ``note`` outlives the process."""


def lock_of(database: Path | DatabaseUrl) -> MonitorLock:
    """That of a file, which is made empty where there is none, or of a database on a server."""
    return DatabaseLock(database, make=True) if isinstance(database, Path) else ServerLock(database)


def mark_of(lock: MonitorLock, database: Database, random: Random) -> Mark:
    """What the open database is examined by, as long as the lock is held."""
    return RunMark(database, lock.header, random) if isinstance(lock, DatabaseLock) else ServerMark(database)
