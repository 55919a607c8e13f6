"""The periodic backup on a real database and a real directory."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connext_monitor.alerting.standing_alerts import StandingAlerts
from connext_monitor.clock import SystemClock
from connext_monitor.config import SecretUrl, read_bucket
from connext_monitor.core.alerts.alert import compose
from connext_monitor.core.alerts.kinds.backup_failed import BACKUP_FAILED
from connext_monitor.reporting.backups import PeriodicBackup, Storage
from connext_monitor.store.backup_copy import BackupError, verify
from connext_monitor.store.backup_folder import BackupFolder
from connext_monitor.store.object_storage import ObjectStorage
from connext_monitor.store.store import Store
from tests.store.s3 import BUCKET, CREDENTIALS, Bucket, s3
from tests.world.desks import desk_on
from tests.world.two_chains import LABELS
from tests.world.waiting import until


class Uploads(ObjectStorage):
    """A bucket, and the names of what has arrived there."""

    def __init__(self, endpoint: str, url: str = f"s3://{BUCKET}") -> None:
        super().__init__(read_bucket(url), SecretUrl(endpoint))
        self.arrived: list[str] = []

    async def put(self, file: Path, *, stem: str, keep: int) -> None:
        await super().put(file, stem=stem, keep=keep)
        self.arrived.append(file.name)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with s3() as running:
        yield running


def no_bucket(bucket: Bucket) -> Uploads:
    return Uploads(bucket.endpoint, "s3://elsewhere")


@asynccontextmanager
async def backing_up(
    store: Store,
    folder: BackupFolder,
    storage: Storage | None = None,
    every: float | None = 0.2,
    settled: Callable[[], bool] = lambda: True,
) -> AsyncIterator[list[None]]:
    woken: list[None] = []
    length = None if every is None else timedelta(seconds=every)
    desk = desk_on(store.alerts, "ops", woken=lambda: woken.append(None))
    backup = PeriodicBackup(
        StandingAlerts(desk, BACKUP_FAILED),
        folder,
        storage,
        length,
        3,
        BackupError,
        SystemClock(),
        settled,
    )
    running = asyncio.create_task(backup.run())
    try:
        yield woken
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def alerts(store: Store) -> list[tuple[str, str | None, str]]:
    rows = await store.alerts.listed(None, limit=10)
    return [(row.alert.subject, row.alert.resolution, compose(row.alert, None, LABELS).title) for row, _ in rows]


async def standing(store: Store, *expected: tuple[str, str | None, str]) -> None:
    async with asyncio.timeout(60):
        while await alerts(store) != list(expected):  # noqa: ASYNC110 - a fact about the store, no event
            await asyncio.sleep(0.01)


async def test_backups_are_made_by_the_age_of_the_newest(
    store: Store, database: Path, tmp_path: Path, bucket: Bucket
) -> None:
    folder = BackupFolder(database, tmp_path / "backups", 3)
    uploads = Uploads(bucket.endpoint)
    async with backing_up(store, folder, uploads, every=0.2):
        await until(lambda: len(uploads.arrived) >= 5)
    kept = folder.kept()
    assert len(kept) == len(bucket.keys()) == 3
    assert [verify(backup.path).counts for backup in kept] == [(0, 0, 0)] * 3
    assert await alerts(store) == []
    async with backing_up(store, folder, uploads, every=3600) as woken:
        await asyncio.sleep(0.3)  # what must not happen has no event
    assert folder.kept() == kept
    assert woken == []


async def test_a_backup_that_keeps_failing_is_one_alert(store: Store, database: Path, tmp_path: Path) -> None:
    (tmp_path / "backups").write_text("in the way")
    folder = BackupFolder(database, tmp_path / "backups" / "deeper", 3)
    opened = ("copy", None, "Backup failed")
    async with backing_up(store, folder, every=0.05) as woken:
        await standing(store, opened)
        await until(lambda: woken)
        await asyncio.sleep(0.3)  # some more failures, which nobody is woken
        assert (await alerts(store), len(woken)) == ([opened], 1)
    # A restart neither tells it again nor forgets it.
    async with backing_up(store, folder, every=0.05) as woken:
        await asyncio.sleep(0.2)
        assert (await alerts(store), woken) == ([opened], [])
        (tmp_path / "backups").unlink()
        await standing(store, ("copy", "backed_up", "Backups succeed again"))
    assert folder.kept() != []


async def test_a_failing_upload_has_its_own_alert_and_is_retried(
    store: Store, database: Path, tmp_path: Path, bucket: Bucket
) -> None:
    folder = BackupFolder(database, tmp_path / "backups", 3)
    async with backing_up(store, folder, no_bucket(bucket), every=0.2):
        await standing(store, ("upload", None, "Backup not uploaded"))
        assert folder.kept() != []
    # Not due for an hour; but what was not sent when it stopped is.
    async with backing_up(store, folder, Uploads(bucket.endpoint), every=3600):
        await standing(store, ("upload", "backed_up", "Backups are uploaded again"))
    assert bucket.keys() == [folder.kept()[-1].path.name]


async def test_what_is_configured_no_longer_is_not_failing(
    store: Store, database: Path, tmp_path: Path, bucket: Bucket
) -> None:
    folder = BackupFolder(database, tmp_path / "backups", 3)
    async with backing_up(store, folder, no_bucket(bucket)):
        await standing(store, ("upload", None, "Backup not uploaded"))
    async with backing_up(store, folder, every=None):
        await standing(store, ("upload", "removed", "Backups are no longer configured"))


async def test_a_fault_of_ours_is_told_without_its_text(store: Store, tmp_path: Path, log: io.StringIO) -> None:
    class Broken(BackupFolder):
        def make(self, *_: object) -> None:  # type: ignore[override]
            raise ValueError("s3cr3t")

    async with backing_up(store, Broken(tmp_path / "monitor.db", tmp_path, 3)):
        await standing(store, ("copy", None, "Backup failed"))
    row, _ = (await store.alerts.listed(None, limit=1))[0]
    assert "ValueError" in compose(row.alert, None, LABELS).text
    assert "s3cr3t" not in log.getvalue() + str(row)


async def test_a_backup_dated_in_the_future_does_not_delay_the_next(
    store: Store, database: Path, tmp_path: Path
) -> None:
    folder = BackupFolder(database, tmp_path / "backups", 3)
    now = datetime.now(UTC)
    folder.make(now + timedelta(days=365))
    async with backing_up(store, folder, every=3600):
        await until(lambda: len(folder.kept()) == 2)
    assert abs(folder.kept()[0].made_at - now) < timedelta(minutes=5)


async def test_no_backup_counts_as_old_while_the_time_is_in_doubt(store: Store, database: Path, tmp_path: Path) -> None:
    folder, settled, asked = BackupFolder(database, tmp_path / "backups", 3), False, 0

    def is_settled() -> bool:
        nonlocal asked
        asked += 1
        return settled

    folder.make(datetime.now(UTC) - timedelta(days=365))
    async with backing_up(store, folder, every=3600, settled=is_settled):
        await until(lambda: asked >= 2)
        assert len(folder.kept()) == 1
        settled = True
        await until(lambda: len(folder.kept()) == 2)
