"""Says when the database cannot be used, and when it can again: in the log, and to the channels past the database."""

from math import inf
from typing import NoReturn, Protocol

import structlog

from connext_monitor.alerting.outage_announcer import OutageAnnouncer
from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import StepFailures, look_every
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.database_trouble import DatabaseTrouble, StoreUnavailable, TroubleKind

PATIENCE = 10.0
"""Seconds for which the database may fail before an alert opens: now and then a lock is held for a moment."""
_LOOK_EVERY = 1.0
_LOGGED_EVERY = 60.0
_SURE_AFTER_DAMAGE = 60.0
"""Seconds that it works after a restart before damage counts as mended: a bad page is met only when it is read."""

log = structlog.get_logger()


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
        """Look at its files, and write to it if nothing was written lately; what is wrong shows in `trouble`."""
        ...

    async def aclose(self) -> None:
        """Let go of what is under way."""
        ...


class AlertArchive(Protocol):
    """Where an outage is kept once it is over."""

    async def keep_ended(self, alert: Alert) -> None:
        """Keep an alert that is over and was delivered by other means."""
        ...


class DatabaseWatch:
    """Opens `database_failing` once the database has failed for ten seconds, and repeats it every hour."""

    def __init__(
        self,
        database: WatchedDatabase,
        announcer: OutageAnnouncer,
        archive: AlertArchive,
        clock: Clock,
        every: float = _LOOK_EVERY,
    ) -> None:
        self._database = database
        self._announcer = announcer
        self._archive = archive
        self._clock = clock
        self._every = every
        self._failures = StepFailures("database_watch.failed")
        self._failing_since: float | None = None  # this and the next two in monotonic seconds
        self._logged_at = 0.0
        self._not_over_before = -inf
        self._ended: list[Alert] = []

    async def run(self) -> NoReturn:
        """Watch until cancelled. Raises StoreUnavailable once nothing can be kept any more, and the channels know."""
        if await self._announcer.recall() is TroubleKind.DAMAGED:
            self._not_over_before = self._clock.monotonic() + _SURE_AFTER_DAMAGE
        try:
            await look_every(self._every, self._look, failed="database_watch.failed", passes_on=(StoreUnavailable,))
        finally:
            if not self._ended:
                await self._announcer.forget()
            await self._announcer.aclose()
            await self._database.aclose()

    async def _look(self) -> float:
        """Seconds to the next look; while anything is wrong, or is to be said, it comes soon."""
        soon = min(self._every, _LOOK_EVERY)
        with self._failures.survive("examine"):
            await self._database.examine()
        trouble = self._database.trouble
        if trouble is not None:
            await self._fails(trouble)
            return soon
        if self._is_over():
            await self._works_again()
        if self._database.proven:
            self._announcer.announce_late_end()
        await self._keep_ended()
        if not self._ended:
            await self._announcer.forget()
        return soon if self._announcer.ending or self._announcer.stands else self._every

    def _is_over(self) -> bool:
        if not self._announcer.stands:
            return self._failing_since is not None
        return self._database.proven and self._clock.monotonic() >= self._not_over_before

    async def _fails(self, trouble: DatabaseTrouble) -> None:
        now = self._clock.monotonic()
        began = self._failing_since is None
        self._failing_since = now if self._failing_since is None else self._failing_since
        lasted = now - self._failing_since
        if began or trouble.final or now - self._logged_at >= _LOGGED_EVERY:
            self._logged_at = now
            log.error("database.failing", reason=trouble.words, cure=trouble.cure, for_seconds=round(lasted))
        if trouble.final:
            await self._announcer.announce_last(trouble, lasted)
            raise StoreUnavailable(trouble)
        if lasted >= PATIENCE and self._announcer.is_due:
            await self._announcer.announce(trouble, lasted)
        await self._announcer.confirm()

    async def _works_again(self) -> None:
        if self._failing_since is not None:
            log.info("database.works_again", for_seconds=round(self._clock.monotonic() - self._failing_since))
        self._failing_since = None
        ended = await self._announcer.announce_end()
        if ended is not None:
            self._ended.append(ended)

    async def _keep_ended(self) -> None:
        """Store the outages that are over, with all other alerts."""
        while self._ended:
            try:
                await self._archive.keep_ended(self._ended[0])
            except StoreUnavailable:
                return
            del self._ended[0]
