"""What a monitor does beside watching, at its own pace: backups of the database, and pruning what is old."""

from collections.abc import Callable, Collection, Coroutine
from typing import Any

from connext_monitor.clock import Clock
from connext_monitor.config import Config
from connext_monitor.core.alert import Alert
from connext_monitor.reporting.backups import PeriodicBackup
from connext_monitor.reporting.retention import Pruning
from connext_monitor.store.backup_copy import BackupError
from connext_monitor.store.backup_folder import BackupFolder
from connext_monitor.store.object_storage import ObjectStorage
from connext_monitor.store.retention import Retention
from connext_monitor.store.store import Store

Route = Callable[[Alert], Collection[str]]
Part = Callable[[], Coroutine[Any, Any, None]]


def housekeeping(config: Config, store: Store, route: Route, told: Callable[[], None], clock: Clock) -> dict[str, Part]:
    """The parts by name; each runs until it is cancelled. ``told`` is called when there is something to deliver."""
    return {
        "backup": _backup(config, store, route, told, clock).run,
        "retention": Pruning(Retention(store.database), config.monitor.keep, clock).run,
    }


def _backup(config: Config, store: Store, route: Route, told: Callable[[], None], clock: Clock) -> PeriodicBackup:
    backup = config.backup
    folder = BackupFolder(config.monitor.database, backup.directory, backup.keep)
    storage = ObjectStorage(backup.upload, backup.endpoint) if backup.upload else None
    return PeriodicBackup(store, folder, storage, backup.every, backup.keep, BackupError, route, told, clock)


def last_backup(config: Config) -> Callable[[], float | None]:
    """Says when the newest backup was begun (Unix seconds), None where there is none; it looks at files, and blocks."""
    folder = BackupFolder(config.monitor.database, config.backup.directory, config.backup.keep)

    def newest() -> float | None:
        try:
            kept = folder.kept()
        except BackupError:
            return None
        return kept[-1].made_at.timestamp() if kept else None

    return newest
