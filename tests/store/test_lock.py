"""The lock of a database: one monitor for each file, by whatever name, and for each path, whatever lies there."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from connext_monitor.store.errors import DatabaseError, DatabaseInUseError
from connext_monitor.store.lock import DatabaseLock, refuse_other_name
from connext_monitor.store.restore import Restore
from tests.store.locking import HOLD_OPEN, held
from tests.world.databases import open_store
from tests.world.recording import NAMES


def lock(file: Path) -> None:
    with DatabaseLock(file, make=True):
        pass


def _linked(file: Path) -> Path:
    other = file.with_name("other.db")
    other.hardlink_to(file)
    return other


def _moved(file: Path) -> Path:
    return file.rename(file.with_name("moved.db"))


def _moved_folder(file: Path) -> Path:
    return file.parent.rename(file.parent.with_name("renamed")) / file.name


def _linked_symbolically(file: Path) -> Path:
    other = file.with_name("other.db")
    other.symlink_to(file)
    return other


def _deleted(file: Path) -> Path:
    file.unlink()
    return file


def _replaced(file: Path) -> Path:
    shutil.copy(file, file.with_name("new.db"))
    return file.with_name("new.db").replace(file)


def _without_lock_file(file: Path) -> Path:
    file.with_name(f"{file.name}.lock").unlink()
    return file


@pytest.mark.parametrize(
    "change",
    [_linked, _moved, _moved_folder, _linked_symbolically, _deleted, _replaced, _without_lock_file],
    ids=lambda change: change.__name__.strip("_"),
)
async def test_a_second_monitor_is_refused_whatever_is_done_to_the_file(
    tmp_path: Path, change: Callable[[Path], Path]
) -> None:
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "monitor.db"
    await (await open_store(file, NAMES)).close()
    with held(file), pytest.raises(DatabaseInUseError, match="in use by another monitor"):
        lock(change(file))


async def test_a_monitor_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    with held(tmp_path / "monitor.db") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        lock(tmp_path / "monitor.db")


async def test_a_restore_by_another_name_of_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "monitor.db"
    await (await open_store(file, NAMES)).close()
    with held(file), pytest.raises(DatabaseInUseError, match="another name of the file"), Restore(_linked(file)):
        pass


@pytest.mark.parametrize("what", ["folder", "read-only"])
def test_a_file_that_cannot_be_locked_is_refused_in_words(tmp_path: Path, what: str) -> None:
    file = tmp_path / "monitor.db"
    if what == "folder":
        file.mkdir()
    elif os.geteuid() == 0:
        pytest.skip("root may write to any file")
    else:
        file.touch(0o400)
    with pytest.raises(DatabaseError, match=r"monitor\.db cannot be opened .*; check monitor\.database"):
        lock(file)


def test_whoever_reads_by_another_name_than_the_monitor_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "monitor.db"
    with held(file, HOLD_OPEN):
        refuse_other_name(file)
        with pytest.raises(DatabaseInUseError, match="by another name of the file, where its latest changes are"):
            refuse_other_name(_linked(file))
        (tmp_path / "other.db").unlink()
        refuse_other_name(_linked_symbolically(file))
    (tmp_path / "other.db").unlink()
    refuse_other_name(_linked(file))
    refuse_other_name(tmp_path / "missing.db")
