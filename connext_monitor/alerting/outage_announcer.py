"""Announces an outage of the database to the channels, past the database, and remembers it beyond this process."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from connext_monitor.alerting.bulletin import Bulletin
from connext_monitor.clock import Clock
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.kinds.database_failing import DATABASE_FAILING, SUBJECT, DatabaseFailingDetails
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.database_trouble import AnnouncedOutage, DatabaseTrouble, TroubleKind

_REPEATED_EVERY = 3600.0
_HEARD_WITHIN = 60.0
"""Seconds that the channels have to take the end of an outage before it is noted which of them have not."""
_LAST_WORDS = 10.0
"""Seconds that the channels have to take the last message of a process that ends."""


class OutageMemory(Protocol):
    """What people know of an outage, kept beyond this process and outside of the database."""

    async def read(self) -> AnnouncedOutage | None:
        """What stands there."""
        ...

    async def write(self, outage: AnnouncedOutage) -> bool:
        """Note it; False where that cannot be done."""
        ...

    async def clear(self) -> None:
        """Forget it."""
        ...


async def announce_failed_start(
    bulletin: Bulletin, trouble: DatabaseTrouble, clock: Clock, memory: OutageMemory
) -> None:
    """Announce why the monitor cannot start, within some seconds; once an hour, and under one id."""
    now, stood = clock.now(), await memory.read()
    before = _lasting(stood)
    if before is not None and before.covers(trouble, now, every=_REPEATED_EVERY):
        return
    alert = _continuing(_failing(now, trouble, since=int(now.timestamp()), started=False), before)
    announced = _announced(alert, trouble, now)
    # A supervisor that restarts it every few seconds must not have everybody alerted as often.
    if await memory.write(_on_its_way(announced)):
        bulletin.announce(alert)
        await bulletin.delivered(_LAST_WORDS)
        await bulletin.aclose()
        if bulletin.heard:
            await memory.write(announced)
        elif stood is not None:
            await memory.write(stood)
        else:
            await memory.clear()


class OutageAnnouncer:
    """One outage has one id and one end, even if a process ends in between: ``memory`` outlives it."""

    def __init__(self, bulletin: Bulletin, memory: OutageMemory, clock: Clock) -> None:
        self._bulletin = bulletin
        self._memory = memory
        self._clock = clock
        self._announced_at = 0.0  # monotonic seconds
        self._alert: Alert | None = None
        self._known: AnnouncedOutage | None = None  # as it was noted last while it lasted
        self._over: AnnouncedOutage | None = None  # while the note of an outage that is over stands
        self._ended_at: float | None = None  # monotonic seconds; until it is noted who has not heard of that
        self._late_end: Alert | None = None
        self._unconfirmed = False  # whether it is still to be noted that somebody has heard of it

    @property
    def stands(self) -> bool:
        """Whether an outage has been announced and its end has not."""
        return self._alert is not None

    @property
    def is_due(self) -> bool:
        """Whether an outage that lasts is to be announced now, for the first time or anew."""
        return self._alert is None or self._clock.monotonic() - self._announced_at >= _REPEATED_EVERY

    async def recall(self) -> TroubleKind | None:
        """Take up what a process before this one announced; what kind of trouble it was, if any."""
        before = await self._memory.read()
        if before is None:
            return None
        now = self._clock.now()
        alert = _continuing(_failing(now, before.trouble, since=before.since), before)
        if before.ended_at is not None:
            self._over, self._late_end = before, alert.resolved(Resolution.RECOVERED, before.ended_at)
            self._bulletin.recall(alert, before.unheard_by)
            return None
        self._alert, self._known = alert, before
        self._announced_at = self._clock.monotonic() - max(0.0, (now - before.announced_at).total_seconds())
        self._bulletin.recall(self._alert)
        return before.trouble.kind

    async def announce(self, trouble: DatabaseTrouble, lasted: float) -> None:
        """Announce an outage that has lasted for so many seconds."""
        now = self._clock.now()
        since = int((now - timedelta(seconds=lasted)).timestamp())
        before = await self._noted() if self._alert is None else _announced(self._alert, trouble, now)
        self._over = self._ended_at = self._late_end = None
        self._alert = _continuing(_failing(now, trouble, since=since), before)
        self._known = _announced(self._alert, trouble, now)
        await self._memory.write(_on_its_way(self._known))
        self._unconfirmed = True
        self._announced_at = self._clock.monotonic()
        self._bulletin.announce(self._alert)

    async def confirm(self) -> None:
        """Note that people know of an outage, once a channel has taken it."""
        if self._unconfirmed and self._known is not None and self._bulletin.heard:
            self._unconfirmed = False
            await self._memory.write(self._known)

    async def announce_last(self, trouble: DatabaseTrouble, lasted: float) -> None:
        """Announce trouble that ends this process, unless people know of it; give the channels some time to take it."""
        before = await self._noted()
        if before is None or not before.covers(trouble, self._clock.now(), every=_REPEATED_EVERY):
            await self.announce(trouble, lasted)
            await self._bulletin.delivered(_LAST_WORDS)

    async def announce_end(self) -> Alert | None:
        """Announce that it is over, if it was announced at all; the alert as it has ended.

        Until `forget` clears it, the note has the next process announce the end, in case this one does not get so far.
        """
        if self._alert is None or self._known is None:
            return None
        now = self._clock.now()
        ended = self._alert.resolved(Resolution.RECOVERED, now)
        self._over = replace(self._known, ended_at=now)
        self._alert = self._known = None
        self._ended_at = self._clock.monotonic()
        self._bulletin.announce(ended)
        return ended

    def announce_late_end(self) -> None:
        """Announce the end of what was over before this process began, to the channels that have not heard of it."""
        if self._late_end is not None:
            self._bulletin.announce(self._late_end)
            self._late_end = None

    @property
    def ending(self) -> bool:
        """Whether the channels have their time to hear of an end."""
        return self._ended_at is not None

    async def forget(self) -> None:
        """Clear the note of an outage that is over, once the channels have heard so.

        When they have had their time to, it is noted which of them have not: the next process tells those.
        """
        if self._over is None or self._late_end is not None:
            return
        ended_at, unheard_by = self._ended_at, self._bulletin.unheard_by
        if not unheard_by:
            self._over = self._ended_at = None
            await self._memory.clear()
        elif ended_at is None or self._bulletin.idle or self._clock.monotonic() - ended_at >= _HEARD_WITHIN:
            self._ended_at = None
            if unheard_by != self._over.unheard_by:
                self._over = replace(self._over, unheard_by=unheard_by)
                await self._memory.write(self._over)

    async def _noted(self) -> AnnouncedOutage | None:
        """The outage that people know of and take to last."""
        return None if self._over is not None else _lasting(await self._memory.read())

    async def aclose(self) -> None:
        """Announce nothing more. An outage that no channel has taken is none that people know of."""
        await self._bulletin.aclose()
        await self.confirm()
        if self._unconfirmed and self._known is not None:
            await self._memory.clear()


def _lasting(noted: AnnouncedOutage | None) -> AnnouncedOutage | None:
    """An outage that was noted, unless it is over."""
    return noted if noted is None or noted.ended_at is None else None


def _continuing(alert: Alert, before: AnnouncedOutage | None) -> Alert:
    """The alert under the id of the outage ``before``, where it is the same one."""
    if before is None:
        return alert
    details = alert.details.replace(since=before.since)
    return replace(alert, id=before.alert_id, opened_at=before.opened_at, details=details)


def _failing(at: datetime, trouble: DatabaseTrouble, *, since: int, started: bool = True) -> Alert:
    return DATABASE_FAILING.open(SUBJECT, at, DatabaseFailingDetails.of(trouble, since=since, started=started))


def _on_its_way(outage: AnnouncedOutage) -> AnnouncedOutage:
    """As it is noted before any channel has taken it: whoever reads that announces it anew."""
    return replace(outage, announced_at=outage.announced_at - timedelta(seconds=_REPEATED_EVERY))


def _announced(alert: Alert, trouble: DatabaseTrouble, at: datetime) -> AnnouncedOutage:
    return AnnouncedOutage(alert.id, alert.opened_at, at, trouble, DATABASE_FAILING.details_of(alert).since)
