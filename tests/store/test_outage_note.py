"""The note of an outage: it outlives the process, and needs no room on the disk."""

import os
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connext_monitor.core.database_trouble import AnnouncedOutage, DatabaseTrouble, TroubleKind
from connext_monitor.store.lock import DatabaseLock
from connext_monitor.store.outage_note import OutageNote
from tests.world.outage_notes import MemoryNote

AT = datetime(2026, 3, 1, tzinfo=UTC)
OUTAGE = AnnouncedOutage(
    "database_failing:database:x", AT, AT, DatabaseTrouble(TroubleKind.FULL, "the disk is full"), 7
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "elsewhere"))


@pytest.mark.parametrize("real", [True, False], ids=["file", "memory"])
async def test_the_last_outage_noted_is_read_until_it_is_cleared(tmp_path: Path, real: bool) -> None:
    note = OutageNote(tmp_path / "monitor.db.lock") if real else MemoryNote()
    assert await note.read() is None
    later = replace(OUTAGE, announced_at=AT + timedelta(hours=1))
    over = replace(later, ended_at=AT + timedelta(hours=2), unheard_by=("slack", "webhook"))
    for outage in (OUTAGE, later, over):
        assert await note.write(outage) is True
        assert await note.read() == outage
    for _ in range(2):
        await note.clear()
        assert await note.read() is None


async def test_it_is_kept_in_the_lock_file_until_it_is_cleared(tmp_path: Path) -> None:
    with DatabaseLock(tmp_path / "monitor.db", make=True) as lock:
        assert await lock.note.read() is None
        size = (tmp_path / "monitor.db.lock").stat().st_size
        assert await lock.note.write(OUTAGE)
        # It overwrites what is there, which a full disk takes too.
        assert (tmp_path / "monitor.db.lock").stat().st_size == size
    assert not list((tmp_path / "elsewhere").iterdir())
    with DatabaseLock(tmp_path / "monitor.db", make=True) as lock:
        assert await lock.note.read() == OUTAGE
        await lock.note.clear()
        assert await lock.note.read() is None


async def test_it_is_kept_elsewhere_where_the_folder_is_gone(tmp_path: Path) -> None:
    lock = tmp_path / "data" / "monitor.db.lock"
    assert await OutageNote(lock).write(OUTAGE)
    lock.parent.mkdir()
    with DatabaseLock(tmp_path / "data" / "monitor.db", make=True) as again:
        assert await again.note.read() == OUTAGE
        await again.note.clear()
    assert await OutageNote(lock).read() is None
    assert not list((tmp_path / "elsewhere").iterdir())


async def test_foreign_contents_are_read_as_no_note(tmp_path: Path) -> None:
    lock = tmp_path / "monitor.db.lock"
    for contents in (b"", b"12345\n", b"{}", b'{"id": 1, "opened_at": 2}', os.urandom(4096)):
        lock.write_bytes(contents)
        assert await OutageNote(lock).read() is None
