"""Backups of a database in use: consistent, whole or not there, the newest ones kept."""

import asyncio
import os
import sqlite3
from contextlib import closing, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from connext_monitor.core.backups import backup_name, made_at, ours, seconds_until_due, superseded
from connext_monitor.store import backup_copy
from connext_monitor.store.backup_copy import BackupError, IntegrityCheck, copy_database, verify
from connext_monitor.store.backup_folder import BackupFolder
from connext_monitor.store.store import Store
from tests.world.kinds import backup_failed
from tests.world.recording import put, seen
from tests.world.transfers import executed, info, reconciled, sighting, xcalled
from tests.world.waiting import until

pytestmark = pytest.mark.sqlite_only("copies of a file")

AT = datetime(2026, 11, 25, 2, 54, 24, tzinfo=UTC)


@pytest.fixture
def folder(file: Path, tmp_path: Path) -> BackupFolder:
    return BackupFolder(file, tmp_path / "deep" / "backups", keep=3)


def rows(file: Path, table: str) -> int:
    with closing(sqlite3.connect(file)) as connection:
        count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - a test's own word
        return count


def there(folder: BackupFolder) -> list[str]:
    return sorted(path.name for path in folder.path("").iterdir())


async def test_a_copy_made_under_writes_holds_one_instant(store: Store, file: Path, tmp_path: Path) -> None:
    async def write() -> None:
        for nonce in count():
            seen_at = sighting(nonce)
            await put(
                store,
                seen(xcalled(info(nonce), seen_at), executed(info(nonce), seen_at), reconciled(info(nonce), seen_at)),
            )

    writing = asyncio.create_task(write())
    await until(lambda: rows(file, "transfers") >= 20)
    for number in range(5):
        held = await asyncio.to_thread(copy_database, file, tmp_path / f"{number}.db")
        assert held.counts[1] == 3 * held.counts[0]
        assert verify(tmp_path / f"{number}.db") == held
        assert sorted(path.name for path in tmp_path.glob(f"{number}.db*")) == [f"{number}.db"]
    writing.cancel()
    assert rows(tmp_path / "4.db", "transfers") > rows(tmp_path / "0.db", "transfers")


async def test_the_newest_are_kept_and_nothing_else_is_touched(store: Store, folder: BackupFolder) -> None:
    await put(store, seen(xcalled(info(), sighting(1))))
    others = [
        "monitor.db",
        "other-20200101T000000Z.db",
        "monitor-20209999T000000Z.db",
        "monitor-20200101T000000Z.db.old",
    ]
    first = folder.make(AT)
    for name in others:
        folder.path(name).write_text("not a backup")
    made = [folder.make(AT + timedelta(minutes=minute)).name for minute in (3, 1, 2)]
    assert (first.transfers, first.events, first.alerts) == (1, 1, 0)
    assert [kept.path.name for kept in folder.kept()] == sorted(made)
    assert there(folder) == sorted([*others, *made, ".monitor.lock"])
    assert {kept.path.stat().st_mode & 0o777 for kept in folder.kept()} == {0o600}


async def test_two_backups_within_a_second_are_both_kept(store: Store, folder: BackupFolder) -> None:  # noqa: ARG001 - makes the file
    assert [folder.make(AT).made_at, folder.make(AT).made_at] == [AT, AT + timedelta(seconds=1)]


async def test_what_a_killed_backup_left_is_removed(store: Store, folder: BackupFolder) -> None:  # noqa: ARG001 - makes the file
    folder.make(AT)
    left = [folder.path(f"{backup_name('monitor', AT)}.partial{end}") for end in ("", "-journal")]
    for path in left:
        path.write_bytes(b"half")
    folder.make(AT + timedelta(hours=1))
    assert not any(path.exists() for path in left)


async def test_an_abandoned_backup_leaves_nothing(store: Store, folder: BackupFolder) -> None:  # noqa: ARG001 - makes the file
    with pytest.raises(BackupError, match="stopped before its end"):
        folder.make(AT, lambda: True)
    assert there(folder) == [".monitor.lock"]


async def test_what_is_written_after_the_count_is_not_in_the_copy(
    store: Store, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(store, *(seen(xcalled(info(nonce), sighting(nonce))) for nonce in range(5)))
    look = os.statvfs

    def write_first(folder: Path) -> os.statvfs_result:
        with closing(sqlite3.connect(file)) as other, other:
            other.execute("DELETE FROM events")
        return look(folder)

    monkeypatch.setattr(os, "statvfs", write_first)  # between the count and the copy
    held = copy_database(file, tmp_path / "copy.db")
    assert held.counts == (5, 5, 0)
    assert verify(tmp_path / "copy.db", held) == held
    assert rows(file, "events") == 0


async def test_damage_outside_the_counted_pages_is_found(store: Store, file: Path, tmp_path: Path) -> None:
    await put(store, *(seen(xcalled(info(nonce), sighting(nonce))) for nonce in range(100)))
    held = copy_database(file, tmp_path / "copy.db")
    whole = (tmp_path / "copy.db").read_bytes()
    unseen = 0
    for start in range(4096, len(whole), 4096):
        (tmp_path / "copy.db").write_bytes(whole[:start] + bytes(4096) + whole[start + 4096 :])
        with closing(sqlite3.connect(tmp_path / "copy.db")) as connection, suppress(sqlite3.DatabaseError):
            unseen += backup_copy.contents(connection, file) == held
        with pytest.raises(BackupError):
            verify(tmp_path / "copy.db", held)
    assert unseen > 10


async def test_a_damaged_copy_is_not_trusted(store: Store, file: Path, tmp_path: Path) -> None:
    await put(store, *(seen(xcalled(info(nonce), sighting(nonce))) for nonce in range(200)))
    copy = tmp_path / "copy.db"
    held = copy_database(file, copy)
    whole = copy.read_bytes()
    copy.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BackupError, match=r"copy\.db"):
        verify(copy, held)
    middle = 4096 * (len(whole) // 8192)
    copy.write_bytes(whole[:middle] + os.urandom(4096) + whole[middle + 4096 :])
    with pytest.raises(BackupError, match=r"copy\.db"):
        verify(copy, held)
    copy.write_bytes(whole)
    assert verify(copy, held) == held


async def test_a_copy_that_lacks_a_row_is_not_trusted(store: Store, file: Path, tmp_path: Path) -> None:
    await put(store, seen(xcalled(info(), sighting(1))))
    held = copy_database(file, tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as connection, connection:
        connection.execute("DELETE FROM events")
    with pytest.raises(BackupError, match="does not hold what the database held"):
        verify(tmp_path / "copy.db", held)


def change(file: Path, statement: str, behind: str = "") -> None:
    """Change a file as SQLite itself never would: without regard to foreign keys, and ``behind`` an index."""
    this = (behind,)

    def run(sql: str, *values: object) -> list[tuple[object, ...]]:
        # A connection each: what it has read of the schema it keeps.
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("PRAGMA writable_schema = ON")
            return connection.execute(sql, values).fetchall()

    hidden = run("SELECT * FROM sqlite_master WHERE name = ?", *this)
    run("DELETE FROM sqlite_master WHERE name = ?", *this)
    run(statement)
    for row in hidden:
        run("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", *row)


@pytest.mark.parametrize("index", ["events_by_block", "events_by_tx", "events_by_transfer"])
async def test_a_copy_whose_index_lacks_a_row_is_not_trusted(
    store: Store, file: Path, tmp_path: Path, index: str
) -> None:
    await put(store, *(seen(xcalled(info(nonce), sighting(nonce))) for nonce in range(9)))
    copy = tmp_path / "copy.db"
    copy_database(file, copy)
    change(copy, "DELETE FROM events WHERE id = 5", behind=index)
    with pytest.raises(BackupError, match="an index of events lacks rows of it, or has others"):
        verify(copy)


async def test_a_copy_with_a_row_of_nothing_is_not_trusted(store: Store, file: Path, tmp_path: Path) -> None:
    await store.alerts.open(backup_failed("copy", AT, reason=""), ["ops"])
    copy = tmp_path / "copy.db"
    copy_database(file, copy)
    change(copy, "DELETE FROM alerts")
    with pytest.raises(BackupError, match="a row of deliveries belongs to one of alerts that is gone"):
        verify(copy)


@pytest.mark.parametrize(("check", "sees"), [(IntegrityCheck.QUICK, False), (IntegrityCheck.WHOLE, True)])
async def test_only_the_whole_check_sees_that_an_index_holds_others(
    store: Store, file: Path, tmp_path: Path, check: IntegrityCheck, sees: bool
) -> None:
    await put(store, *(seen(xcalled(info(nonce), sighting(nonce))) for nonce in range(9)))
    copy = tmp_path / "copy.db"
    copy_database(file, copy)
    change(copy, "UPDATE events SET block_number = 99 WHERE id = 5", behind="events_by_block")
    with pytest.raises(BackupError, match="is damaged") if sees else nullcontext():
        verify(copy, check=check)


def test_what_cannot_be_copied_is_refused_with_words(
    file: Path, folder: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BackupError, match="does not exist yet"):
        folder.make(AT)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    with pytest.raises(BackupError, match="not a connext-monitor database"):
        folder.make(AT)
    file.write_bytes(b"no database at all" * 1000)
    with pytest.raises(BackupError, match="not a database"):
        folder.make(AT)
    monkeypatch.setattr(os, "listdir", lambda _path: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(BackupError, match="cannot be read"):
        folder.kept()


async def test_a_disk_too_full_for_a_copy_is_refused_beforehand(
    store: Store,  # noqa: ARG001 - makes the file
    folder: BackupFolder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder.make(AT)
    free = os.statvfs(folder.path(""))
    full = os.statvfs_result((free.f_bsize, free.f_frsize, free.f_blocks, 1, 1, *tuple(free)[5:]))
    monkeypatch.setattr(os, "statvfs", lambda _path: full)
    with pytest.raises(BackupError, match="0 MB free, and a backup needs"):
        folder.make(AT)
    assert len(folder.kept()) == 1


def test_names_say_whose_and_when() -> None:
    names = [backup_name("m", AT + timedelta(hours=hour)) for hour in (2, 0, 1)]
    assert names[1] == "m-20261125T025424Z.db"
    assert made_at(names[1], "m") == AT
    assert made_at(names[1], "") is None
    assert made_at("m-٢0261125T025424Z.db", "m") is None
    assert ours([*names, "m.db", "mm-20261125T025424Z.db"], "m") == sorted(names)
    assert superseded(names, "m", 2, AT + timedelta(hours=2)) == [names[1]]
    assert superseded(names, "m", 3, AT) == []


async def test_what_is_dated_in_the_future_is_the_first_to_go(store: Store, folder: BackupFolder) -> None:
    """It was made while the clock was ahead: it must not keep out what is made now that it is right."""
    await put(store, seen(xcalled(info(), sighting(1))))
    ahead = [folder.make(AT + timedelta(days=days)).name for days in (365, 366)]
    made = [folder.make(AT + timedelta(hours=hour)).name for hour in (0, 1)]
    assert [kept.path.name for kept in folder.kept()] == [*made, ahead[1]]
    made.append(folder.make(AT + timedelta(hours=2)).name)
    assert [kept.path.name for kept in folder.kept()] == made


def test_the_next_one_is_due_by_the_age_of_the_newest() -> None:
    assert seconds_until_due(None, 3600, AT) == 0
    assert seconds_until_due(AT - timedelta(minutes=10), 3600, AT) == 3000
    assert seconds_until_due(AT - timedelta(days=10), 3600, AT) == 0
    assert seconds_until_due(AT + timedelta(days=10), 3600, AT) == 3600
    assert [seconds_until_due(AT, 86400, AT, failures) for failures in (1, 2, 3, 50)] == [60, 120, 240, 3600]
    assert seconds_until_due(AT, 5, AT, 3) == 5
