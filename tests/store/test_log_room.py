"""Room in the log of changes: commits find it there, and nothing else of the database tells that it was made."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.store.connection import Connection, transact, writer_connection
from connext_monitor.store.log_room import LogRoom
from connext_monitor.store.store import Store
from tests.world.databases import make_old, open_store
from tests.world.recording import NAMES
from tests.world.waiting import until

MB = 2**20
STATE = "SELECT provider, reason FROM channels ORDER BY provider"


class Kept:
    """A database and its writer, which commits so many bytes at a time."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.writer = writer_connection(file)
        self.room = LogRoom(file)
        self.commits = 0

    def commit(self, size: int) -> None:
        self.commits += 1

        def work(connection: Connection) -> None:
            row = (f"{self.commits:06}", "ok", os.urandom(size // 2).hex(), 0)
            connection.run("INSERT INTO channels VALUES (?, ?, ?, ?)", row)

        transact(self.writer, work)

    @property
    def log(self) -> int:
        """Its length."""
        log = Path(f"{self.file}-wal")
        return log.stat().st_size if log.exists() else 0


@pytest.fixture
def kept(file: Path) -> Iterator[Kept]:
    make_old(file, "head")
    made = Kept(file)
    yield made
    made.writer.close()


def state(file: Path) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]], str]:
    """Its rows, its schema, and whether it is whole."""
    with closing(sqlite3.connect(file)) as connection:
        schema = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        (whole,) = connection.execute("PRAGMA integrity_check").fetchone()
        return connection.execute(STATE).fetchall(), schema, whole


def test_few_commits_have_to_lengthen_the_log(kept: Kept) -> None:
    lengthened = 0
    while kept.log < 15 * MB:
        before = kept.log
        kept.commit(100_000)
        lengthened += kept.log > before >= MB
        if kept.room.is_used_up():
            kept.room.make()
    assert lengthened <= 5
    assert kept.commits > 20
    # There is room for all until the first checkpoint; after that the log begins anew, and is long enough.
    length = kept.log
    for _ in range(250):
        kept.commit(100_000)
        assert not kept.room.is_used_up()
    assert kept.log < length + MB


def test_a_log_that_stays_short_is_left_alone(kept: Kept) -> None:
    kept.commit(500_000)
    assert kept.log < MB
    assert not kept.room.is_used_up()


def test_room_is_not_waited_for_where_another_program_writes(kept: Kept) -> None:
    kept.commit(2 * MB)
    length = kept.log
    with closing(sqlite3.connect(kept.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert kept.room.is_used_up()
        kept.room.make()
        other.execute("ROLLBACK")
    assert kept.log == length
    assert not kept.room.is_used_up()
    kept.commit(100_000)
    assert kept.room.is_used_up()


def test_no_room_is_made_in_a_database_that_is_gone(kept: Kept) -> None:
    kept.commit(2 * MB)
    kept.writer.close()
    kept.file.unlink()
    kept.room.make()
    assert not kept.file.exists()


STEPS = {"small": 1_000, "large": 600_000, "room": 0, "checkpoint": 0, "killed": 0}


@given(steps=st.lists(st.sampled_from(sorted(STEPS)), max_size=12))
def test_whatever_happens_the_database_holds_what_was_committed(steps: list[str]) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "monitor.db"
        make_old(file, "head")
        with closing(sqlite3.connect(file)) as connection:
            schema = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        kept = Kept(file)
        kept.commit(1_500_000)
        for step in steps:
            if step == "room":
                kept.room.make()
            elif step == "checkpoint":
                with closing(sqlite3.connect(file)) as other:
                    other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            elif step == "killed":
                left = Path(folder) / f"left {kept.commits}" / "monitor.db"
                left.parent.mkdir(exist_ok=True)
                for end in ("", "-wal"):
                    shutil.copyfile(f"{file}{end}", f"{left}{end}")
                rows, found_schema, whole = state(left)
                assert ([row[0] for row in rows], found_schema, whole) == (numbered(kept.commits), schema, "ok")
            else:
                kept.commit(STEPS[step])
        rows, found_schema, whole = state(file)
        kept.writer.close()
        assert ([row[0] for row in rows], found_schema, whole) == (numbered(kept.commits), schema, "ok")


def numbered(count: int) -> list[str]:
    return [f"{number:06}" for number in range(1, count + 1)]


@pytest.mark.parametrize("fast", [False, True])
async def test_a_database_makes_room_once_it_is_written_to(tmp_path: Path, fast: bool) -> None:
    file = tmp_path / "monitor.db"
    await (await open_store(file, NAMES)).close()
    store = await Store.open(file, NAMES, fast=fast)
    log = Path(f"{file}-wal")

    def work(connection: Connection) -> None:
        connection.run("INSERT INTO channels VALUES ('ops', 'ok', ?, 0)", ("x" * 2 * MB,))

    await store.database.write(work)
    if not fast:
        await until(lambda: log.stat().st_size > 5 * MB, 60)
    # What is written next comes after the room was made, if any is.
    await store.database.write(lambda connection: connection.run("DELETE FROM channels"))
    assert (log.stat().st_size > 5 * MB) is not fast
    await store.close()
