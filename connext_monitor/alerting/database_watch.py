"""Tells when the database cannot be used, and when it can again: to the log, and to the channels past the database."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NoReturn, Protocol

import structlog

from connext_monitor.alerting.bulletin import Bulletin
from connext_monitor.clock import Clock
from connext_monitor.core.alert import Alert, AlertState, database_failing
from connext_monitor.core.database_trouble import DatabaseTrouble, StoreUnavailable

_LOOK_EVERY = 1.0
_PATIENCE = 10.0
"""Seconds for which the database may fail before the channels are told: a lock is held for a moment now and then."""
_LOGGED_EVERY = 60.0
TOLD_EVERY = 3600.0
_LAST_WORDS = 10.0
"""Seconds that the channels have to hear that the monitor ends."""

log = structlog.get_logger()


async def tell_not_started(bulletin: Bulletin, trouble: DatabaseTrouble, clock: Clock) -> None:
    """Tell the channels why the monitor cannot start, for some seconds at most."""
    now = clock.now()
    bulletin.tell(database_failing(now, trouble, since=int(now.timestamp())))
    await bulletin.delivered(_LAST_WORDS)
    await bulletin.aclose()


class WatchedDatabase(Protocol):
    """The open database."""

    @property
    def trouble(self) -> DatabaseTrouble | None:
        """What keeps it from being used, if anything does."""
        ...

    async def examine(self) -> None:
        """Look at its files, and write to it where nothing was written lately; whatever comes of it is `trouble`."""
        ...

    async def aclose(self) -> None:
        """Let go of what is under way."""
        ...


class OutageStore(Protocol):
    """Where an outage is kept once it is over."""

    async def open_alert(self, alert: Alert, providers: Collection[str]) -> bool:
        """Open an alert with its deliveries."""
        ...

    async def resolve_alert(self, alert_id: str, resolution: str, at: datetime) -> bool:
        """Resolve an alert, and queue that news."""
        ...


class DatabaseWatch:
    """Opens `database_failing` once the database has failed for ten seconds, and says so again every hour.

    ``note_told`` notes, beyond this process, that the monitor's end is told at that time, and says whether it is to be:
    another one may have ended so a moment ago.
    """

    def __init__(
        self,
        database: WatchedDatabase,
        store: OutageStore,
        bulletin: Bulletin,
        clock: Clock,
        note_told: Callable[[datetime], bool],
        every: float = _LOOK_EVERY,
    ) -> None:
        self._database = database
        self._store = store
        self._bulletin = bulletin
        self._clock = clock
        self._note_told = note_told
        self._every = every
        self._since: float | None = None  # this and the next two on the clock that is never set
        self._logged_at = self._told_at = 0.0
        self._alert: Alert | None = None
        self._ended: list[Alert] = []

    async def run(self) -> NoReturn:
        """Watch until cancelled. Raises StoreUnavailable once nothing can be kept any more, and the channels know."""
        try:
            while True:
                await self._look()
                await asyncio.sleep(self._every)
        finally:
            await self._bulletin.aclose()
            await self._database.aclose()

    async def _look(self) -> None:
        try:
            await self._database.examine()
        except Exception:
            log.exception("database_watch.failed")
        trouble = self._database.trouble
        if trouble is not None:
            await self._fails(trouble)
            return
        if self._since is not None:
            self._works_again()
        await self._keep()

    async def _fails(self, trouble: DatabaseTrouble) -> None:
        now = self._clock.monotonic()
        began = self._since is None
        self._since = now if self._since is None else self._since
        lasted = now - self._since
        if began or trouble.final or now - self._logged_at >= _LOGGED_EVERY:
            self._logged_at = now
            log.error("database.failing", reason=trouble.words, cure=trouble.cure, for_seconds=round(lasted))
        if trouble.final:
            if self._note_told(self._clock.now()):
                self._tell(trouble, lasted)
                await self._bulletin.delivered(_LAST_WORDS)
            raise StoreUnavailable(trouble)
        if lasted >= _PATIENCE and (self._alert is None or now - self._told_at >= TOLD_EVERY):
            self._tell(trouble, lasted)

    def _tell(self, trouble: DatabaseTrouble, lasted: float) -> None:
        now = self._clock.now()
        since = int((now - timedelta(seconds=lasted)).timestamp())
        first = self._alert
        alert = database_failing(now, trouble, since=since)
        self._alert = alert if first is None else replace(alert, id=first.id, opened_at=first.opened_at)
        self._told_at = self._clock.monotonic()
        self._bulletin.tell(self._alert)

    def _works_again(self) -> None:
        lasted = self._clock.monotonic() - (self._since or 0.0)
        self._since = None
        log.info("database.works_again", for_seconds=round(lasted))
        if self._alert is not None:
            now = self._clock.now()
            ended = replace(self._alert, state=AlertState.RESOLVED, resolved_at=now, resolution="recovered")
            self._alert = None
            self._bulletin.tell(ended)
            self._ended.append(ended)

    async def _keep(self) -> None:
        """Have those that are over in the store, with all other alerts: everybody has been told of them."""
        while self._ended:
            try:
                ended = self._ended[0]
                await self._store.open_alert(ended, ())
                await self._store.resolve_alert(ended.id, ended.resolution or "", ended.resolved_at or ended.opened_at)
            except StoreUnavailable:
                return
            del self._ended[0]
