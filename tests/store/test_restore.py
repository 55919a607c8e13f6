"""A restore: verified first, the present database kept aside, never half of one there."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from connext_monitor.store.backup_copy import BackupError, copy_database
from connext_monitor.store.errors import DatabaseError, DatabaseInUseError
from connext_monitor.store.lock import DatabaseLock
from connext_monitor.store.restore import Restore, Restored
from connext_monitor.store.store import Store
from tests.store.killing import contents
from tests.world.recording import NAMES, NOW, put, seen
from tests.world.transfers import info, sighting, xcalled

ASIDE = "monitor.db.before-restore-20261123T120000Z"


def restored(file: Path, backup: Path) -> Restored:
    with Restore(file) as restoring:
        return restoring.put_in_place(backup, NOW)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


async def prepare(folder: Path) -> None:
    """A backup of one transfer, and a database that has a second one, as a monitor that was killed leaves it."""
    folder.mkdir(exist_ok=True)
    store = await Store.open(folder / "live.db", NAMES)
    await put(store, seen(xcalled(info(1), sighting(1))))
    copy_database(folder / "live.db", folder / "backup.db")
    await put(store, seen(xcalled(info(2), sighting(2))))
    for end in ("", "-wal"):
        shutil.copy(folder / f"live.db{end}", folder / f"monitor.db{end}")
    await store.close()
    (folder / "live.db").unlink()
    assert (folder / "monitor.db-wal").stat().st_size > 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
async def test_what_root_restores_belongs_to_whoever_the_database_belonged_to(tmp_path: Path) -> None:
    await prepare(tmp_path)
    file = tmp_path / "monitor.db"
    file.chmod(0o640)
    os.chown(file, 1234, 5678)
    restored(file, tmp_path / "backup.db")
    now = file.stat()
    assert (now.st_uid, now.st_gid, now.st_mode & 0o777) == (1234, 5678, 0o640)


async def test_the_backup_takes_the_place_of_the_database_and_that_is_kept(tmp_path: Path) -> None:
    await prepare(tmp_path)
    shutil.copytree(tmp_path, tmp_path / "before")
    done = restored(tmp_path / "monitor.db", tmp_path / "backup.db")
    assert done.contents.counts == (1, 1, 0)
    assert names(tmp_path) == ["backup.db", "before", "monitor.db", ASIDE]
    assert contents(tmp_path / "monitor.db") == contents(tmp_path / "backup.db")
    # With what stood in its write-ahead log only.
    assert contents(tmp_path / ASIDE) == contents(tmp_path / "before" / "monitor.db")
    assert done.aside == tmp_path / ASIDE
    store = await Store.open(tmp_path / "monitor.db", NAMES)
    await put(store, seen(xcalled(info(3), sighting(3))))
    await store.close()
    # It can be undone with the same command.
    assert restored(tmp_path / "monitor.db", tmp_path / ASIDE).contents.counts == (2, 2, 0)
    assert names(tmp_path)[-2:] == [ASIDE, f"{ASIDE}-2"]


async def test_it_makes_a_database_where_there_is_none(tmp_path: Path) -> None:
    await prepare(tmp_path)
    (tmp_path / "monitor.db").unlink()
    assert restored(tmp_path / "monitor.db", tmp_path / "backup.db").aside is None
    # A log without its database would be taken for the new one's.
    assert names(tmp_path) == ["backup.db", "monitor.db", f"{ASIDE}-wal"]
    assert contents(tmp_path / "monitor.db") == contents(tmp_path / "backup.db")


async def test_a_damaged_database_is_kept_with_its_log(tmp_path: Path) -> None:
    await prepare(tmp_path)
    for end in ("", "-wal"):
        (tmp_path / f"monitor.db{end}").write_bytes(b"damaged" * 5000)
    restored(tmp_path / "monitor.db", tmp_path / "backup.db")
    assert names(tmp_path) == ["backup.db", "monitor.db", ASIDE, f"{ASIDE}-wal"]
    assert contents(tmp_path / "monitor.db") == contents(tmp_path / "backup.db")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda file: file.unlink(), "is not a file"),
        (lambda file: file.write_bytes(b"hello" * 500), "not a database"),
        (lambda file: file.write_bytes(file.read_bytes()[:-8192]), "malformed|damaged|not a complete database"),
        (lambda file: _sql(file, "DROP TABLE alembic_version"), "not a connext-monitor database"),
        (
            lambda file: _sql(file, "UPDATE alembic_version SET version_num = '9999'"),
            "newer version of connext-monitor",
        ),
    ],
)
async def test_a_foreign_file_is_not_restored_and_changes_nothing(tmp_path: Path, spoil: object, words: str) -> None:
    await prepare(tmp_path)
    spoil(tmp_path / "backup.db")  # type: ignore[operator]
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix != ".lock"}
    with pytest.raises(BackupError, match=words):
        restored(tmp_path / "monitor.db", tmp_path / "backup.db")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix != ".lock"} == before


def _sql(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement)


async def test_it_is_refused_while_anybody_works_on_the_database(tmp_path: Path) -> None:
    await prepare(tmp_path)
    with DatabaseLock(tmp_path / "monitor.db"), pytest.raises(DatabaseInUseError, match="another monitor"):
        restored(tmp_path / "monitor.db", tmp_path / "backup.db")
    # A backfill holds no lock of the monitor's.
    store = await Store.open(tmp_path / "monitor.db", NAMES)
    before = contents(tmp_path / "monitor.db")
    with pytest.raises(DatabaseInUseError, match="another command"):
        await asyncio.to_thread(restored, tmp_path / "monitor.db", tmp_path / "backup.db")
    await put(store, seen(xcalled(info(4), sighting(4))))
    await store.close()
    assert len(contents(tmp_path / "monitor.db")) == len(before) + 2
    with pytest.raises(DatabaseError, match="the database itself"):
        restored(tmp_path / "monitor.db", tmp_path / "monitor.db")


async def test_killed_at_any_step_there_is_one_database_or_the_other(tmp_path: Path) -> None:
    await prepare(tmp_path / "prepared")
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "tests.store.restoring", str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        check=True,
    )
    survived = int(ended.stdout)
    assert survived > 12
    shutil.copytree(tmp_path / "prepared", tmp_path / "read")
    old, new = contents(tmp_path / "read" / "monitor.db"), contents(tmp_path / "read" / "backup.db")
    left = [contents(tmp_path / str(step) / "monitor.db") for step in range(1, survived + 1)]
    replaced = left.index(new)
    assert left == [old] * replaced + [new] * (survived - replaced)
    assert replaced > 10
    for step in range(replaced + 1, survived + 1):
        assert contents(tmp_path / str(step) / ASIDE) == old
    # The next one does the rest, and sweeps up.
    restored(tmp_path / str(replaced) / "monitor.db", tmp_path / str(replaced) / "backup.db")
    assert contents(tmp_path / str(replaced) / "monitor.db") == new
    assert not [name for name in names(tmp_path / str(replaced)) if "restoring" in name]
