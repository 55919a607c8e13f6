"""A simulated disk that is full takes nothing that is written, no mark of the program's own looks either."""

import sqlite3
from pathlib import Path

import pytest

from connext_monitor.store.connection import WRITER_PRAGMAS, Connection
from tests.simulation.disk import FILE, Disk


def connected(folder: Path, room: int | None) -> Connection:
    disk = Disk(folder, lambda: room, lambda: None)
    connection = Connection(f"{(folder / FILE).as_uri()}?mode=rwc", "BEGIN IMMEDIATE", WRITER_PRAGMAS)
    disk.executor(lambda: connection, 1)
    return connection


def test_a_full_disk_takes_no_mark(tmp_path: Path) -> None:
    connection = connected(tmp_path, room=0)
    connection.begin()
    connection.run("PRAGMA user_version = 7")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        connection.commit()
    connection.close()


def test_what_only_reads_is_not_refused(tmp_path: Path) -> None:
    connection = connected(tmp_path, room=0)
    connection.begin()
    connection.run("PRAGMA user_version")
    connection.commit()
    connection.close()
