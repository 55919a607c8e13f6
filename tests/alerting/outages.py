"""A database watch with all that it works on: a database whose trouble is set by hand, channels, a note.

Database and channels are held to the real ones by tests/alerting/test_watched_database.py.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from connext_monitor.alerting.bulletin import Bulletin
from connext_monitor.alerting.database_watch import DatabaseWatch
from connext_monitor.alerting.notice import AlertNotice
from connext_monitor.alerting.outage_announcer import OutageAnnouncer
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.database_trouble import DatabaseTrouble, TroubleKind
from connext_monitor.core.delivery import Outcome, Refused, Sent, TryLater
from connext_monitor.store.store import Store
from tests.world.alerts import LABELS
from tests.world.clocks import ManualClock
from tests.world.databases import open_store
from tests.world.desks import desk_on
from tests.world.outage_notes import MemoryNote
from tests.world.waiting import until

FULL = DatabaseTrouble(TroubleKind.FULL, "the disk is full")
DAMAGED = DatabaseTrouble(TroubleKind.DAMAGED, "the database file is damaged")
GONE = DatabaseTrouble(TroubleKind.GONE, "the database file was deleted or moved away")


def manual_clock() -> ManualClock:
    return ManualClock(datetime(2026, 3, 1, tzinfo=UTC))


class Patient:
    """A database whose trouble is set by hand; ``looks`` counts how often it was looked at."""

    trouble: DatabaseTrouble | None = None
    proven = True
    looks = 0

    async def examine(self) -> None:
        self.looks += 1
        await asyncio.sleep(0)

    async def aclose(self) -> None:
        pass


class Archive:
    """A desk on a real store; ``alerts`` are the ids and resolutions that the store has after each change."""

    def __init__(self, store: Store) -> None:
        self.alerts: list[tuple[str, str | None]] = []
        self._store = store
        self._desk = desk_on(store.alerts)

    async def keep_ended(self, alert: Alert) -> None:
        await self._desk.keep_ended(alert)
        stored = [row.alert for row, _ in await self._store.alerts.listed(None, limit=100)]
        self.alerts = [(alert.id, alert.resolution) for alert in stored]


class Channel:
    """A channel that hangs, fails a few times, breaks, or takes all and numbers it."""

    digest_mode = DigestMode.EACH

    def __init__(self, name: str, *, hangs: bool = False, breaks: bool = False) -> None:
        self.name = name
        self.taken: list[tuple[AlertNotice, str | None]] = []
        self.tries = 0
        self._hangs = hangs
        self._breaks = breaks

    async def send(self, notice: AlertNotice, reference: str | None) -> Outcome:
        self.tries += 1
        if self._hangs:
            await asyncio.Event().wait()
        if self._breaks:
            raise RuntimeError("a bug")
        self.taken.append((notice, reference))
        return Sent(f"message {len(self.taken)}")

    async def aclose(self) -> None:
        pass

    def titles(self) -> list[str]:
        return [notice.message.title for notice, _ in self.taken]


class Watch:
    """A watch with all that it works on."""

    def __init__(self, *channels: Channel, note: MemoryNote | None = None, every: float = 0.01) -> None:
        self.clock, self.database = manual_clock(), Patient()
        self.note = note or MemoryNote()
        self._every = every
        names = [channel.name for channel in channels]
        bulletin = Bulletin(channels, lambda _alert: names, LABELS, self.clock)
        self._announcer = OutageAnnouncer(bulletin, self.note, self.clock)
        self.task: asyncio.Task[None] | None = None
        self.archive: Archive

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Watch"]:
        with TemporaryDirectory() as folder:
            store = await open_store(Path(folder) / "monitor.db", {})
            self.archive = Archive(store)
            watch = DatabaseWatch(self.database, self._announcer, self.archive, self.clock, every=self._every)
            self.task = asyncio.create_task(watch.run())
            yield self
            self.task.cancel()
            await asyncio.wait({self.task})
            await store.close()

    async def passes(self, seconds: float) -> None:
        """Let so many seconds pass, and the watch look before and after."""
        await self._is_looked_at()
        self.clock.advance(seconds)
        await self._is_looked_at()

    async def _is_looked_at(self) -> None:
        """Once from now on, to its end; or the watch has ended."""
        looks, task = self.database.looks, self.task
        await until(lambda: self.database.looks >= looks + 2 or task is None or task.done())


class Away(Channel):
    """Takes nothing while it is ``away``; if it ``refuses``, nobody is to try again."""

    away = False

    def __init__(self, name: str, *, refuses: bool = False) -> None:
        super().__init__(name)
        self._away: Outcome = Refused("is gone") if refuses else TryLater("is away")

    async def send(self, notice: AlertNotice, reference: str | None) -> Outcome:
        self.tries += 1
        return self._away if self.away else await super().send(notice, reference)
