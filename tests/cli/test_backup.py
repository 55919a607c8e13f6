"""``backup`` and ``restore`` as they are typed."""

import json
from pathlib import Path

import pytest

from connext_monitor.store.lock import DatabaseLock
from connext_monitor.store.store import Store
from tests.cli.conftest import Program
from tests.store.s3 import BUCKET, CREDENTIALS, s3
from tests.world.recording import put, seen
from tests.world.transfers import info, sighting, xcalled


async def a_transfer(store: Store) -> None:
    await put(store, seen(xcalled(info(1), sighting(1))))


async def another_transfer(store: Store) -> None:
    await put(store, seen(xcalled(info(2), sighting(2))))


def count(monitor: Program) -> int:
    return len(monitor.json("transfers")["items"])


def test_a_backup_beside_a_monitor_can_be_restored_once_that_has_stopped(monitor: Program) -> None:
    monitor.fill(a_transfer)
    with DatabaseLock(monitor.database):
        made = monitor.json("backup")
        refused = monitor.run("restore", made["file"])
    assert refused.exit_code == 1
    assert "in use by another monitor; stop that one" in refused.stderr
    assert Path(made["file"]).parent == monitor.folder / "backups"
    assert (made["transfers"], made["bytes"], made["uploaded_to"]) == (1, Path(made["file"]).stat().st_size, None)
    monitor.fill(another_transfer)
    assert count(monitor) == 2
    restored = monitor.json("restore", made["file"])
    assert count(monitor) == 1
    assert restored["transfers"] == 1
    assert monitor.run("restore", restored["kept_aside"]).exit_code == 0
    assert count(monitor) == 2


def test_a_backup_says_where_it_is_and_how_large(monitor: Program) -> None:
    monitor.fill(a_transfer)
    said = monitor.run("backup").stdout
    assert str(monitor.folder / "backups" / "monitor-") in said
    assert " kB, verified: 1 transfers, 0 alerts" in said


def test_the_status_shows_the_backups_and_says_when_the_newest_is_old(monitor: Program) -> None:
    monitor.fill(a_transfer)
    made = monitor.json("backup")
    config = monitor.config.read_text()
    status = monitor.json("status", code=3)
    assert status["backups"]["newest"] == {key: made[key] for key in ("file", "made_at", "bytes")}
    monitor.config.write_text(f'{config}\n[backup]\nevery = "PT6H"\n')
    assert not [reason for reason in monitor.json("status", code=3)["degraded"] if "backup" in reason]
    assert "Backups in" in monitor.run("status").stdout
    Path(made["file"]).rename(monitor.folder / "backups" / "monitor-20200101T000000Z.db")
    assert [reason for reason in monitor.json("status", code=3)["degraded"] if "newest backup is" in reason]


def test_through_a_bucket_and_back(monitor: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monitor.fill(a_transfer)
    config = monitor.config.read_text()
    with s3() as bucket:
        upload = f'upload = "s3://{BUCKET}/deep/er"\nendpoint = "{bucket.endpoint}"\nkeep = 2'
        monitor.config.write_text(f"{config}\n[backup]\n{upload}\n")
        made = [monitor.json("backup") for _ in range(3)]
        assert bucket.keys() == [f"deep/er/{Path(backup['file']).name}" for backup in made[1:]]
        monitor.fill(another_transfer)
        url = made[2]["uploaded_to"]
        assert url == f"s3://{BUCKET}/deep/er/{Path(made[2]['file']).name}"
        done = monitor.forked("restore", url, "--json", **CREDENTIALS)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["transfers"] == 1
        assert count(monitor) == 1
        missing = monitor.run("restore", f"s3://{BUCKET}/deep/er/nothing.db")
        assert (missing.exit_code, missing.stderr.splitlines()[-1]) == (
            1,
            f"s3://{BUCKET}/deep/er does not exist, or has no such object",
        )
        assert not [path.name for path in monitor.folder.iterdir() if "restoring" in path.name]
    gone = monitor.run("backup")
    assert gone.exit_code == 1
    assert "the copy was made but not uploaded: s3://bucket/deep/er could not be reached" in gone.stderr
    assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in gone.output


@pytest.mark.parametrize("file", ["s3://", "s3://bucket", "s3://key:secret@bucket/x"])
def test_what_is_no_object_is_refused(monitor: Program, file: str) -> None:
    refused = monitor.run("restore", file)
    assert refused.exit_code == 2
    assert "secret" not in refused.stderr.replace("AWS_SECRET", "")
