"""What a monitor does beside watching, at its own pace: backups, reports on statistics, and pruning."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import NoReturn

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.alerting.outgoing_report import Draw, ReportDelivery
from connext_monitor.alerting.providers.configured import ConfiguredProvider
from connext_monitor.alerting.standing_alerts import StandingAlerts
from connext_monitor.assembly.outside import LookIntervals
from connext_monitor.clock import Clock
from connext_monitor.clock.agreed import AgreedClock
from connext_monitor.config import Config
from connext_monitor.core.alerts.kinds.backup_failed import BACKUP_FAILED
from connext_monitor.core.backups import is_past
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.events import DomainId
from connext_monitor.core.labels import ChainLabels
from connext_monitor.process.parts import Part
from connext_monitor.reporting.backups import PeriodicBackup
from connext_monitor.reporting.kept_numbers import KeptNumbers
from connext_monitor.reporting.retention import Pruning
from connext_monitor.reporting.stat_reporter import StatReporter
from connext_monitor.store.backup_copy import BackupError
from connext_monitor.store.backup_folder import folder_of
from connext_monitor.store.object_storage import ObjectStorage
from connext_monitor.store.store import Store


def report_delivery(
    store: Store, providers: Sequence[ConfiguredProvider], labels: ChainLabels, draw: Draw
) -> ReportDelivery:
    """Where the alert manager finds the reports that it is to bring to the channels."""
    by_name = {configured.provider.name: configured for configured in providers}

    def wants(provider: str, origin: DomainId, destination: DomainId) -> bool:
        return by_name[provider].wants_pathway(origin, destination, labels)

    return ReportDelivery(store.reports, draw, wants)


def housekeeping(
    config: Config,
    store: Store,
    providers: Sequence[ConfiguredProvider],
    desk: AlertDesk,
    statuses: Callable[[], Sequence[ChainStatus]],
    clock: AgreedClock,
    looks: LookIntervals,
) -> list[Part]:
    """The parts; each runs until it is cancelled."""
    readers = [configured.provider.name for configured in providers if configured.reports]

    def caught_up() -> bool:
        return all(status.caught_up for status in statuses())

    reporter = StatReporter(
        store.statistics,
        store.reports,
        config.stats.every,
        readers,
        caught_up,
        desk.wake_delivery,
        clock,
        clock.settled,
        looks.reports,
    )
    return [
        *_backup(config, desk, clock),
        Part("stat reporter", reporter.run),
        Part("kept numbers", KeptNumbers(store.statistics, clock, looks.numbers).run),
        Part("retention", Pruning(store.retention, config.monitor.keep, clock, clock.earliest).run),
    ]


def _backup(config: Config, desk: AlertDesk, clock: AgreedClock) -> list[Part]:
    backup, folder = config.backup, folder_of(config)
    alerts = StandingAlerts(desk, BACKUP_FAILED)
    if folder is None:
        return [Part("backup", partial(_end_about_backups, alerts))]
    storage = ObjectStorage(backup.upload, backup.endpoint) if backup.upload else None
    periodic = PeriodicBackup(alerts, folder, storage, backup.every, backup.keep, BackupError, clock, clock.settled)
    return [Part("backup", periodic.run)]


async def _end_about_backups(alerts: StandingAlerts) -> NoReturn:
    """End what stands open from when the database was a file; a server's backups are not the monitor's affair."""
    await alerts.recall(())
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nothing ends that wait")


def last_backup(config: Config, clock: Clock) -> Callable[[], float | None]:
    """Says when the newest backup was begun (Unix seconds), None where there is none; it looks at files, and blocks."""
    folder = folder_of(config)

    def newest() -> float | None:
        if folder is None:
            return None
        try:
            kept = folder.kept()
        except BackupError:
            return None
        made = [backup.made_at for backup in kept if is_past(backup.made_at, clock.now())]
        return made[-1].timestamp() if made else None

    return newest
