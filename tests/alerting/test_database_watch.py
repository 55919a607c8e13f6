"""The database watch: when it speaks, what it says, and that no channel keeps another from hearing it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from connext_monitor.alerting import bulletin
from connext_monitor.alerting.bulletin import Bulletin
from connext_monitor.alerting.database_watch import DatabaseWatch
from connext_monitor.alerting.http.timing import LONGEST_TIMEOUT
from connext_monitor.alerting.notice import AlertNotice
from connext_monitor.alerting.outage_announcer import OutageAnnouncer, announce_failed_start
from connext_monitor.core.alerts.alert import Alert, AlertState
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.database_trouble import DatabaseTrouble, StoreUnavailable, TroubleKind
from connext_monitor.core.delivery import FailureCause, Outcome, Sent, TryLater
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

    def __init__(self, *channels: Channel, note: MemoryNote | None = None) -> None:
        self.clock, self.database = manual_clock(), Patient()
        self.note = note or MemoryNote()
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
            watch = DatabaseWatch(self.database, self._announcer, self.archive, self.clock, every=0.01)
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


async def test_a_short_failure_is_told_to_nobody() -> None:
    channel = Channel("a")
    async with Watch(channel).running() as watch:
        watch.database.trouble = FULL
        await watch.passes(9)
        watch.database.trouble = None
        await watch.passes(9)
    assert channel.taken == []
    assert watch.archive.alerts == []


async def test_a_lasting_outage_is_repeated_hourly_and_resolved_everywhere() -> None:
    channel = Channel("a")
    async with Watch(channel).running() as watch:
        watch.database.trouble = FULL
        await watch.passes(11)
        await until(lambda: len(channel.taken) == 1)
        await watch.passes(3000)
        assert len(channel.taken) == 1
        await watch.passes(700)
        await until(lambda: len(channel.taken) == 2)
        watch.database.trouble = None
        await until(lambda: len(channel.taken) == 4 and watch.archive.alerts)
    assert channel.titles() == ["The monitor's database is failing"] * 2 + ["The monitor's database works again"] * 2
    assert [reference for _, reference in channel.taken] == [None, None, "message 1", "message 2"]
    assert len({notice.alert.id for notice, _ in channel.taken}) == len({n.thread for n, _ in channel.taken}) == 1
    assert len({notice.key for notice, _ in channel.taken}) == 3
    alert_id = channel.taken[0][0].alert.id
    await until(lambda: watch.archive.alerts == [(alert_id, "recovered")])


async def test_a_hanging_or_broken_channel_delays_no_other() -> None:
    hanging, broken, good = Channel("hanging", hangs=True), Channel("broken", breaks=True), Channel("good")
    async with Watch(hanging, broken, good).running() as watch:
        watch.database.trouble = FULL
        await watch.passes(11)
        await until(lambda: good.taken and hanging.tries and broken.tries)
        watch.database.trouble = None
        await until(lambda: len(good.taken) == 2)


async def test_trouble_without_a_remedy_is_announced_and_ends_the_watch() -> None:
    channel = Channel("a")
    async with Watch(channel).running() as watch:
        watch.database.trouble = GONE
        assert watch.task is not None
        with pytest.raises(StoreUnavailable, match="was deleted"):
            await asyncio.wait_for(watch.task, 30)
    assert channel.titles() == ["The monitor has lost its database and is stopping"]
    assert "restore FILE" in channel.taken[0][0].message.text


async def test_a_channel_that_may_have_taken_it_hears_the_end() -> None:
    class Slow(Channel):
        async def send(self, notice: AlertNotice, reference: str | None) -> Outcome:
            await super().send(notice, reference)
            return TryLater("did not answer within 60 s", cause=FailureCause.TIMED_OUT)

    channel = Slow("a")
    async with Watch(channel).running() as watch:
        watch.database.trouble = FULL
        await watch.passes(11)
        await until(lambda: len(channel.taken) == 1)
        watch.database.trouble = None
        await until(lambda: len(channel.taken) == 2)
    assert channel.titles() == ["The monitor's database is failing", "The monitor's database works again"]
    # Providers know how long a channel is to be waited for, and learn it.
    assert bulletin.LONGEST_SEND > 3 * LONGEST_TIMEOUT


class Away(Channel):
    """Takes nothing while it is ``away``."""

    away = False

    async def send(self, notice: AlertNotice, reference: str | None) -> Outcome:
        self.tries += 1
        return TryLater("is away") if self.away else await super().send(notice, reference)


async def test_an_outage_not_announced_has_no_end_announced() -> None:
    channel = Away("a")
    channel.away = True
    async with Watch(channel).running() as watch:
        watch.database.trouble = FULL
        await watch.passes(11)
        await until(lambda: channel.tries)
        channel.away = False
        watch.database.trouble = None
        await until(lambda: watch.archive.alerts)
        watch.database.trouble = FULL
        await watch.passes(11)
        await until(lambda: channel.taken)
    assert channel.titles() == ["The monitor's database is failing"]


@pytest.mark.parametrize("trouble", [FULL, GONE], ids=["full", "gone"])
async def test_an_outage_keeps_its_id_over_a_restart(trouble: DatabaseTrouble) -> None:
    channel, note = Channel("a"), MemoryNote()
    async with Watch(channel, note=note).running() as watch:
        watch.database.trouble = trouble
        await watch.passes(11)
        await until(lambda: channel.taken)
    async with Watch(channel, note=note).running() as again:
        await until(lambda: len(channel.taken) == 2)
        await until(lambda: len(again.archive.alerts) == 1)
    opened, resolved = (notice.alert for notice, _ in channel.taken)
    assert resolved.id == opened.id
    assert resolved.opened_at == opened.opened_at
    assert resolved.resolution == "recovered"
    assert channel.titles()[1] == "The monitor's database works again"
    assert note.outage is None
    async with Watch(channel, note=note).running() as third:
        await third.passes(20)
    assert len(channel.taken) == 2


async def test_an_end_that_nobody_heard_is_announced_by_the_next_process() -> None:
    channel, note = Away("a"), MemoryNote()
    async with Watch(channel, note=note).running() as watch:
        watch.database.trouble = FULL
        await watch.passes(11)
        await until(lambda: channel.taken)
        channel.away, tried = True, channel.tries
        watch.database.trouble = None
        await until(lambda: watch.archive.alerts and channel.tries > tried)
    channel.away = False
    async with Watch(channel, note=note).running():
        await until(lambda: len(channel.taken) == 2)
        await until(lambda: note.outage is None)
    assert channel.titles()[1] == "The monitor's database works again"


async def test_an_outage_after_one_whose_end_nobody_heard_is_another() -> None:
    channel = Away("a")

    def opened() -> list[str]:
        return [notice.alert.id for notice, _ in channel.taken if notice.alert.state is AlertState.OPEN]

    async with Watch(channel).running() as watch:
        watch.database.trouble = FULL
        await watch.passes(11)
        await until(lambda: len(opened()) == 1)
        channel.away = True
        watch.database.trouble = None
        await until(lambda: len(watch.archive.alerts) == 1)
        watch.database.trouble = FULL
        await watch.passes(11)
        channel.away = False
        await until(lambda: len(opened()) == 2)
    assert len(set(opened())) == 2


async def test_a_dead_channel_does_not_keep_the_note_of_an_end() -> None:
    channel, dead, note = Channel("a"), Channel("b", hangs=True), MemoryNote()
    async with Watch(channel, dead, note=note).running() as watch:
        watch.database.trouble = FULL
        await watch.passes(11)
        await until(lambda: channel.taken)
        watch.database.trouble = None
        await until(lambda: watch.archive.alerts)
        await watch.passes(30)
        assert note.outage is not None
        await watch.passes(31)
        await until(lambda: note.outage is None)


async def test_an_end_is_announced_only_after_a_write() -> None:
    channel, note = Channel("a"), MemoryNote()
    async with Watch(channel, note=note).running() as watch:
        watch.database.trouble = FULL
        await watch.passes(11)
        await until(lambda: channel.taken)
    again = Watch(channel, note=note)
    again.database.proven = False
    async with again.running():
        await again.passes(5)
        again.database.trouble = FULL
        again.database.proven = True
        await again.passes(60)
        assert len(channel.taken) == 1
        again.database.trouble = None
        await until(lambda: len(channel.taken) == 2)
    assert channel.taken[1][0].alert.state is AlertState.RESOLVED


async def test_failed_starts_are_announced_once_an_hour() -> None:
    clock, note, channel = manual_clock(), MemoryNote(), Channel("a")
    for passed in (0, 5, 1000, 3700):
        clock.advance(passed - clock.passed)
        await announce_failed_start(Bulletin([channel], lambda _alert: ["a"], LABELS, clock), FULL, clock, note)
    assert len(channel.taken) == 2
    assert len({notice.alert.id for notice, _ in channel.taken}) == 1
    assert set(channel.titles()) == {"The monitor cannot start"}
    assert "Nobody watches the bridge until the monitor is started again" in channel.taken[0][0].message.text


async def test_damage_that_every_start_meets_is_announced_once() -> None:
    channel, note = Channel("a"), MemoryNote()
    for _ in range(3):
        async with Watch(channel, note=note).running() as watch:
            assert watch.task is not None
            await watch.passes(30)
            watch.database.trouble = DAMAGED
            with pytest.raises(StoreUnavailable):
                await asyncio.wait_for(watch.task, 30)
    assert channel.titles() == ["The monitor has lost its database and is stopping"]
    async with Watch(channel, note=note).running() as mended:
        await mended.passes(70)
        await until(lambda: len(channel.taken) == 2)
    assert channel.titles()[1] == "The monitor's database works again"
