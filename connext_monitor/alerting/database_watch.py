"""Tells when the database cannot be used, and when it can again: to the log, and to the channels past the database."""

from dataclasses import replace
from datetime import datetime, timedelta
from math import inf
from typing import NoReturn, Protocol

import structlog

from connext_monitor.alerting.bulletin import Bulletin
from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import FailureLog, look_every
from connext_monitor.core.alert import Alert, AlertState, database_failing
from connext_monitor.core.database_trouble import DatabaseTrouble, StoreUnavailable, ToldOutage, TroubleKind

_LOOK_EVERY = 1.0
PATIENCE = 10.0
"""Seconds for which the database may fail before the channels are told: a lock is held for a moment now and then."""
_LOGGED_EVERY = 60.0
_TOLD_EVERY = 3600.0
_SURE_AFTER_DAMAGE = 60.0
"""Seconds that it works after a restart before damage counts as mended: a bad page is met only when it is read."""
_LAST_WORDS = 10.0
"""Seconds that the channels have to hear that the monitor ends."""

log = structlog.get_logger()


class OutageNote(Protocol):
    """What people were told of an outage, kept beyond this process and outside of the database."""

    async def read(self) -> ToldOutage | None:
        """What stands there."""
        ...

    async def write(self, told: ToldOutage) -> bool:
        """Note it; False where that cannot be done."""
        ...

    async def clear(self) -> None:
        """Forget it."""
        ...


async def tell_not_started(bulletin: Bulletin, trouble: DatabaseTrouble, clock: Clock, note: OutageNote) -> None:
    """Tell the channels why the monitor cannot start, for some seconds at most; once an hour, and under one id."""
    now, before = clock.now(), await note.read()
    if before is not None and before.covers(trouble, now, every=_TOLD_EVERY):
        return
    alert = _as_before(database_failing(now, trouble, since=int(now.timestamp()), started=False), before)
    # Whoever starts it anew every few seconds must not have everybody told as often.
    if await note.write(_told(alert, trouble, now)):
        bulletin.tell(alert)
        await bulletin.delivered(_LAST_WORDS)
        await bulletin.aclose()


def _as_before(alert: Alert, before: ToldOutage | None) -> Alert:
    if before is None:
        return alert
    details = {**alert.details, "since": before.since}
    return replace(alert, id=before.alert_id, opened_at=before.opened_at, details=details)


def _told(alert: Alert, trouble: DatabaseTrouble, at: datetime) -> ToldOutage:
    return ToldOutage(alert.id, alert.opened_at, at, trouble, int(alert.details["since"]))


class WatchedDatabase(Protocol):
    """The open database."""

    @property
    def trouble(self) -> DatabaseTrouble | None:
        """What keeps it from being used, if anything does."""
        ...

    @property
    def proven(self) -> bool:
        """Whether it has taken a write since it was opened."""
        ...

    async def examine(self) -> None:
        """Look at its files, and write to it where nothing was written lately; whatever comes of it is `trouble`."""
        ...

    async def aclose(self) -> None:
        """Let go of what is under way."""
        ...


class EndedAlerts(Protocol):
    """Where an outage is kept once it is over."""

    async def keep_ended(self, alert: Alert) -> None:
        """Keep an alert that is over and that everybody has been told of by other means."""
        ...


class DatabaseWatch:
    """Opens `database_failing` once the database has failed for ten seconds, and says so again every hour.

    By the ``note`` it goes on where a process before it ended: the same outage has one id, and one end.
    """

    def __init__(
        self,
        database: WatchedDatabase,
        desk: EndedAlerts,
        bulletin: Bulletin,
        clock: Clock,
        note: OutageNote,
        every: float = _LOOK_EVERY,
    ) -> None:
        self._database = database
        self._desk = desk
        self._bulletin = bulletin
        self._clock = clock
        self._note = note
        self._every = every
        self._failures = FailureLog("database_watch.failed")
        self._since: float | None = None  # this and the next two on the clock that is never set
        self._logged_at = self._told_at = 0.0
        self._not_over_before = -inf
        self._alert: Alert | None = None
        self._ended: list[Alert] = []

    async def run(self) -> NoReturn:
        """Watch until cancelled. Raises StoreUnavailable once nothing can be kept any more, and the channels know."""
        await self._remember()
        try:
            await look_every(self._every, self._look, failed="database_watch.failed", passes_on=(StoreUnavailable,))
        finally:
            await self._bulletin.aclose()
            await self._database.aclose()

    async def _remember(self) -> None:
        before = await self._note.read()
        if before is None:
            return
        now = self._clock.now()
        self._alert = _as_before(database_failing(now, before.trouble, since=before.since), before)
        self._told_at = self._clock.monotonic() - max(0.0, (now - before.told_at).total_seconds())
        if before.trouble.kind is TroubleKind.DAMAGED:
            self._not_over_before = self._clock.monotonic() + _SURE_AFTER_DAMAGE
        self._bulletin.recall(self._alert)

    async def _look(self) -> None:
        with self._failures.survive("examine"):
            await self._database.examine()
        trouble = self._database.trouble
        if trouble is not None:
            await self._fails(trouble)
            return
        if self._is_over():
            await self._works_again()
        await self._keep()

    def _is_over(self) -> bool:
        if self._alert is None:
            return self._since is not None
        return self._database.proven and self._clock.monotonic() >= self._not_over_before

    async def _fails(self, trouble: DatabaseTrouble) -> None:
        now = self._clock.monotonic()
        began = self._since is None
        self._since = now if self._since is None else self._since
        lasted = now - self._since
        if began or trouble.final or now - self._logged_at >= _LOGGED_EVERY:
            self._logged_at = now
            log.error("database.failing", reason=trouble.words, cure=trouble.cure, for_seconds=round(lasted))
        if trouble.final:
            before = await self._note.read()
            if before is None or not before.covers(trouble, self._clock.now(), every=_TOLD_EVERY):
                await self._tell(trouble, lasted)
                await self._bulletin.delivered(_LAST_WORDS)
            raise StoreUnavailable(trouble)
        if lasted >= PATIENCE and (self._alert is None or now - self._told_at >= _TOLD_EVERY):
            await self._tell(trouble, lasted)

    async def _tell(self, trouble: DatabaseTrouble, lasted: float) -> None:
        now = self._clock.now()
        since = int((now - timedelta(seconds=lasted)).timestamp())
        before = await self._note.read() if self._alert is None else _told(self._alert, trouble, now)
        self._alert = _as_before(database_failing(now, trouble, since=since), before)
        await self._note.write(_told(self._alert, trouble, now))
        self._told_at = self._clock.monotonic()
        self._bulletin.tell(self._alert)

    async def _works_again(self) -> None:
        if self._since is not None:
            log.info("database.works_again", for_seconds=round(self._clock.monotonic() - self._since))
        self._since = None
        if self._alert is not None:
            now = self._clock.now()
            ended = replace(self._alert, state=AlertState.RESOLVED, resolved_at=now, resolution="recovered")
            self._alert = None
            self._bulletin.tell(ended)
            self._ended.append(ended)
            await self._note.clear()

    async def _keep(self) -> None:
        """Have those that are over in the store, with all other alerts: everybody has been told of them."""
        while self._ended:
            try:
                await self._desk.keep_ended(self._ended[0])
            except StoreUnavailable:
                return
            del self._ended[0]
