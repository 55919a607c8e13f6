"""A simulated disk that is full takes nothing that is written, no mark of the program's own looks either."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from connext_monitor.store.connection import Connection, reader_connection, transact, writer_connection
from connext_monitor.store.executor import Inline
from tests.simulation.disk import FILE, Disk

HEADER_MARK = slice(60, 64)


def disk_in(folder: Path, room: int | None = None, *, alone: bool = True) -> Disk:
    (folder / FILE).touch()
    return Disk(folder, lambda: room, lambda: None, alone=alone)


def writer(disk: Disk) -> Inline:
    return disk.executor(lambda: writer_connection(disk.file), 1)


def run(executor: Inline, *statements: str) -> list[tuple[object, ...]]:
    """Run them in one transaction; the rows of the last one."""

    def call(connection: Connection) -> list[tuple[object, ...]]:
        return [connection.run(statement).fetchall() for statement in statements][-1]

    async def outcome(transaction: Callable[[Connection], list[tuple[object, ...]]]) -> list[tuple[object, ...]]:
        return await executor.run(transaction)

    return asyncio.run(outcome(lambda connection: transact(connection, call)))


def insert_eight(connection: Connection) -> None:
    connection.run("INSERT INTO kept VALUES (8)").fetchall()


async def is_heard_of(executor: Inline) -> bool:
    return executor.run(lambda connection: transact(connection, insert_eight)).done()


def kept_in(folder: Path, *, alone: bool = True) -> list[tuple[object, ...]]:
    """What a process that begins on these files finds."""
    disk = Disk(folder, lambda: None, lambda: None, alone=alone)
    rows = run(writer(disk), "SELECT number FROM kept")
    disk.close()
    return rows


def test_a_full_disk_takes_no_mark(tmp_path: Path) -> None:
    disk = disk_in(tmp_path, room=0)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        run(writer(disk), "PRAGMA user_version = 7")
    disk.close()


def test_what_only_reads_is_not_refused(tmp_path: Path) -> None:
    disk = disk_in(tmp_path, room=0)
    assert run(writer(disk), "PRAGMA user_version") == [(0,)]
    disk.close()


def test_readers_and_the_story_see_what_is_committed(tmp_path: Path) -> None:
    disk = disk_in(tmp_path)
    run(writer(disk), "CREATE TABLE kept (number)", "INSERT INTO kept VALUES (7)")
    reader = disk.executor(lambda: reader_connection(disk.file), 4)
    assert run(reader, "SELECT number FROM kept") == disk.read("SELECT number FROM kept") == [(7,)]
    disk.close()


def test_the_first_mark_is_in_the_file_itself(tmp_path: Path) -> None:
    """A monitor looks for it there."""
    disk = disk_in(tmp_path)
    run(writer(disk), "PRAGMA user_version = 7")
    assert int.from_bytes(disk.file.read_bytes()[HEADER_MARK]) == 7
    disk.close()


def test_two_instances_that_wrongly_share_a_file_both_get_to_it(tmp_path: Path) -> None:
    """Else no story could show what comes of it."""
    first, other = disk_in(tmp_path, alone=False), disk_in(tmp_path, alone=False)
    run(writer(first), "CREATE TABLE kept (number)", "INSERT INTO kept VALUES (7)")
    run(writer(other), "INSERT INTO kept VALUES (8)")
    assert first.read("SELECT number FROM kept") == [(7,), (8,)]
    for disk in (first, other):
        disk.close()


def test_what_is_committed_outlives_a_process_that_ends(tmp_path: Path) -> None:
    disk = disk_in(tmp_path)
    executor = writer(disk)
    run(executor, "CREATE TABLE kept (number)", "INSERT INTO kept VALUES (7)")
    asyncio.run(executor.close(0.0))
    disk.close()
    assert kept_in(tmp_path) == [(7,)]


@pytest.mark.parametrize("alone", [True, False])
def test_what_a_killed_process_had_not_committed_is_gone(tmp_path: Path, *, alone: bool) -> None:
    disk, copied = disk_in(tmp_path, alone=alone), tmp_path / "copied"
    copied.mkdir()
    run(writer(disk), "CREATE TABLE kept (number)", "INSERT INTO kept VALUES (7)")
    disk.kill_at(3, lambda: disk.copy_to(copied))
    assert not asyncio.run(is_heard_of(writer(disk)))
    disk.close()
    assert kept_in(copied, alone=alone) == [(7,)]
