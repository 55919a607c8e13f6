"""The mark of a run: another file copied over the open database is noticed, and what SQLite itself does is not."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom

import pytest
import pytest_asyncio

from connext_monitor.store.backup_folder import BackupFolder
from connext_monitor.store.run_mark import RunMark
from connext_monitor.store.store import Store
from tests.world.databases import open_store
from tests.world.recording import NAMES


class Marked:
    """An open database whose file holds a mark."""

    def __init__(self, store: Store, file: Path) -> None:
        self.store = store
        self.file = file
        self.mark = RunMark(store.database, lambda: file.read_bytes()[:100], SystemRandom())

    async def step(self) -> None:
        await self.mark.write()
        await self.mark.bring_into_file()

    def ask(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.file, isolation_level=None, timeout=10)) as connection:
            for statement in statements:
                connection.execute(statement).close()

    def copy(self, how: str) -> Path:
        made = self.file.with_name("copy.db")
        if how == "backup":
            folder = BackupFolder(self.file, self.file.parent / "backups", 3)
            return folder.path(folder.make(datetime(2026, 1, 1, tzinfo=UTC)).name)
        if how == "vacuum into":
            self.ask(f"VACUUM INTO '{made}'")
        else:
            shutil.copyfile(self.file, made)
        return made


@pytest_asyncio.fixture
async def marked(tmp_path: Path) -> AsyncIterator[Marked]:
    file = tmp_path / "monitor.db"
    store = await open_store(file, NAMES)
    made = Marked(store, file)
    await made.step()
    assert made.mark.look() is None
    assert made.mark.in_file
    yield made
    await store.close()


@pytest.mark.parametrize("how", ["backup", "vacuum into", "cp"])
async def test_a_copy_from_earlier_in_the_same_run_is_noticed(marked: Marked, how: str) -> None:
    copy = marked.copy(how)
    await marked.step()
    assert marked.mark.look() is None
    marked.file.write_bytes(copy.read_bytes())
    trouble = marked.mark.look()
    assert trouble is not None
    assert trouble.words == "another file was copied over the database file"


CHANGES: dict[str, Callable[[Marked], object]] = {
    "vacuum": lambda it: it.ask("VACUUM"),
    "checkpoint": lambda it: it.ask("PRAGMA wal_checkpoint(TRUNCATE)"),
    "deletion": lambda it: it.ask("DELETE FROM alerts", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"),
    "backup": lambda it: it.copy("backup"),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_writes_by_others_through_sqlite_do_not_make_another_file(marked: Marked, change: str) -> None:
    for _ in range(2):
        CHANGES[change](marked)
        assert marked.mark.look() is None
        await marked.step()
        assert marked.mark.look() is None


async def test_a_mark_that_could_not_be_written_is_written_later(tmp_path: Path) -> None:
    file = tmp_path / "monitor.db"
    store = await open_store(file, NAMES)
    made = Marked(store, file)
    with closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN").close()
        reader.execute("SELECT count(*) FROM alerts").close()
        await made.step()
        assert made.mark.look() is None
        assert not made.mark.in_file
    await made.mark.bring_into_file()
    assert made.mark.look() is None
    assert made.mark.in_file
    await store.close()


async def test_a_file_that_was_deleted_is_not_made_anew(marked: Marked) -> None:
    marked.file.unlink()
    await marked.mark.bring_into_file()
    for number in range(3):
        await asyncio.gather(*(marked.store.alerts.count_open() for _ in range(number)), return_exceptions=True)
    assert not marked.file.exists()


async def test_other_contents_through_sqlite_are_noticed_with_the_next_mark(marked: Marked) -> None:
    copy = marked.copy("backup")
    await marked.step()
    with closing(sqlite3.connect(copy)) as source, closing(sqlite3.connect(marked.file, timeout=10)) as target:
        source.backup(target)
    await marked.mark.write()
    trouble = marked.mark.look()
    assert trouble is not None
    assert trouble.words == "the database was overwritten with other contents"


async def test_a_file_that_is_overwritten_before_it_was_looked_at_is_noticed(tmp_path: Path) -> None:
    await (await open_store(tmp_path / "other.db", NAMES)).close()
    store = await open_store(tmp_path / "monitor.db", NAMES)
    made = Marked(store, tmp_path / "monitor.db")
    await made.step()
    made.file.write_bytes((tmp_path / "other.db").read_bytes())
    assert made.mark.look() is not None
    await store.close()
