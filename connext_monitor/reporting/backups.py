"""Makes and uploads backups of the database periodically, and alerts when either fails."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from math import inf
from pathlib import Path
from typing import NoReturn, Protocol

import structlog

from connext_monitor.clock import Clock
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.kinds.backup_failed import BACKUP_FAILED, BackupFailedDetails
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.backups import Backup, is_past, seconds_until_due

COPY, UPLOAD = "copy", "upload"
_NAP = 60.0
_AFTER_FAULT = 5.0
_CLOCK_MAY_SETTLE = 600.0
"""Seconds that a backup waits at most for a time of day that a chain agrees with: the newest may be younger than it
seems."""
_UNTIL_SETTLED = 2.0

log = structlog.get_logger()


class BackupAlerts(Protocol):
    """The open alerts about backups, by what has failed."""

    def __contains__(self, subject: str) -> bool:
        """Whether one about this is open."""
        ...

    async def recall(self, configured: Collection[str]) -> None:
        """Load the open alerts, and end those about what is no longer ``configured``."""
        ...

    async def open(self, alert: Alert) -> None:
        """Open an alert."""
        ...

    async def resolve(self, subject: str, resolution: Resolution) -> None:
        """End the alert about this, which is open."""
        ...


class KeptBackup(Protocol):
    """A backup that is there."""

    @property
    def path(self) -> Path:
        """Where the backup is."""
        ...

    @property
    def made_at(self) -> datetime:
        """When the backup was begun."""
        ...


class BackupDirectory(Protocol):
    """Where the copies are made. Both methods block on files."""

    @property
    def stem(self) -> str:
        """What the names of its backups begin with."""
        ...

    def kept(self) -> Sequence[KeptBackup]:
        """The backups that exist, the oldest first."""
        ...

    def path(self, name: str) -> Path:
        """The path of the backup of this name."""
        ...

    def make(self, at: datetime, stopped: Callable[[], bool]) -> Backup:
        """Make and verify a backup, then remove superseded ones; gives up soon after ``stopped`` returns true."""
        ...


class Storage(Protocol):
    """Where copies are sent to."""

    async def put(self, file: Path, *, stem: str, keep: int) -> None:
        """Store the file, and keep the newest ``keep`` there."""
        ...


@dataclass(slots=True)
class _Attempts:
    """Copying or uploading, which fail separately: failures in a row, and when to retry (monotonic seconds)."""

    name: str
    failures: int = 0
    retry_at: float = 0.0


class PeriodicBackup:
    """One backup every ``every``, from the age of the newest one there on; ``every`` None: none, and no alert either.

    One that is dated in the future was made while the clock was ahead, and is not taken for the newest; ``settled``
    says whether the time of day can be relied on.
    ``failures`` are the errors whose text is for people; any other is a fault, of which only the type is reported.
    """

    def __init__(
        self,
        alerts: BackupAlerts,
        directory: BackupDirectory,
        storage: Storage | None,
        every: timedelta | None,
        keep: int,
        failures: type[Exception],
        clock: Clock,
        settled: Callable[[], bool] = lambda: True,
    ) -> None:
        self._alerts = alerts
        self._settled = settled
        self._began_at = clock.monotonic()
        self._directory = directory
        self._storage = storage
        self._every = every.total_seconds() if every else None
        self._keep = keep
        self._failures = failures
        self._clock = clock
        self._copying, self._sending = _Attempts(COPY), _Attempts(UPLOAD)
        self._unsent: str | None = None

    async def run(self) -> NoReturn:
        """Make backups until cancelled; a backup under way is then given up."""
        await self._begin()
        if self._every is None:
            await asyncio.get_running_loop().create_future()
        while True:
            await asyncio.sleep(min(_NAP, await self._until_due()))
            if await self._until_copy() <= 0:
                await self._attempt(self._copying, self._copy)
            if self._until_upload() <= 0:
                await self._attempt(self._sending, self._upload)

    async def _begin(self) -> None:
        """Take over the open alerts, and end those about what is no longer configured."""
        configured = {COPY} if self._every else set()
        configured |= {UPLOAD} if self._every and self._storage else set()
        while True:
            try:
                await self._alerts.recall(configured)
                if UPLOAD in self._alerts:
                    newest = await self._newest()
                    self._unsent = newest.path.name if newest else None
            except Exception:
                log.exception("backup.fault")
                await asyncio.sleep(_AFTER_FAULT)
            else:
                return

    async def _until_due(self) -> float:
        return min(await self._until_copy(), self._until_upload())

    async def _until_copy(self) -> float:
        if self._copying.failures:
            return max(0.0, self._copying.retry_at - self._clock.monotonic())
        try:
            newest = await self._newest()
        except Exception:  # noqa: BLE001 - what is wrong with the directory is found, and told, by the copy
            return 0.0
        if newest is not None and not self._settled():
            wait = self._began_at + min(self._every or inf, _CLOCK_MAY_SETTLE) - self._clock.monotonic()
            if wait > 0:
                return min(wait, _UNTIL_SETTLED)
        return seconds_until_due(newest.made_at if newest else None, self._every or inf, self._clock.now())

    async def _newest(self) -> KeptBackup | None:
        now = self._clock.now()
        kept = [backup for backup in await asyncio.to_thread(self._directory.kept) if is_past(backup.made_at, now)]
        return kept[-1] if kept else None

    def _until_upload(self) -> float:
        return inf if self._unsent is None else max(0.0, self._sending.retry_at - self._clock.monotonic())

    async def _copy(self) -> None:
        stopped = threading.Event()
        began = self._clock.monotonic()
        copy = partial(self._directory.make, self._clock.now(), stopped.is_set)
        making = asyncio.create_task(asyncio.to_thread(copy), name="backup")
        try:
            made = await asyncio.shield(making)
        except asyncio.CancelledError:
            stopped.set()
            await asyncio.wait({making})
            raise
        took = round(self._clock.monotonic() - began, 1)
        log.info("backup.made", file=made.name, bytes=made.size, transfers=made.transfers, seconds=took)
        if self._storage is not None:
            # The newer one takes the place of one that could not be sent, and the time of its next try.
            self._unsent = made.name

    async def _upload(self) -> None:
        if self._storage is not None and self._unsent is not None:
            file = self._directory.path(self._unsent)
            await self._storage.put(file, stem=self._directory.stem, keep=self._keep)
            log.info("backup.uploaded", file=file.name)
        self._unsent = None

    async def _attempt(self, attempts: _Attempts, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - whatever it is, the monitor goes on and somebody is told
            await self._failed_for(attempts, str(error) if isinstance(error, self._failures) else type(error).__name__)
        else:
            attempts.failures, attempts.retry_at = 0, 0.0
            if attempts.name in self._alerts:
                await self._noted(self._alerts.resolve(attempts.name, Resolution.BACKED_UP))

    async def _failed_for(self, attempts: _Attempts, reason: str) -> None:
        attempts.failures += 1
        wait = seconds_until_due(None, self._every or inf, self._clock.now(), attempts.failures)
        attempts.retry_at = self._clock.monotonic() + wait
        log.error("backup.failed", step=attempts.name, reason=reason, next_in=round(wait, 1))
        if attempts.name not in self._alerts:
            alert = BACKUP_FAILED.open(attempts.name, self._clock.now(), BackupFailedDetails(reason=reason))
            await self._noted(self._alerts.open(alert))

    async def _noted(self, writing: Awaitable[None]) -> None:
        try:
            await writing
        except Exception:
            # A disk so full that nothing can be copied takes no alert either; the next try opens it.
            log.exception("backup.fault")
