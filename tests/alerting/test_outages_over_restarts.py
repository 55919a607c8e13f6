"""An outage of the database has one id and one end, whichever process announces them."""

import asyncio

import pytest

from connext_monitor.alerting.bulletin import Bulletin
from connext_monitor.alerting.outage_announcer import announce_failed_start
from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.database_trouble import DatabaseTrouble, StoreUnavailable
from connext_monitor.core.delivery import Change
from tests.alerting.outages import DAMAGED, FULL, GONE, Away, Channel, Watch, manual_clock
from tests.world.alerts import LABELS
from tests.world.outage_notes import MemoryNote
from tests.world.waiting import until


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


@pytest.mark.parametrize("refuses", [False, True], ids=["away", "refusing"])
async def test_only_who_has_not_heard_an_end_hears_it_later(refuses: bool) -> None:
    channel, late, note = Channel("a"), Away("b", refuses=refuses), MemoryNote()
    async with Watch(channel, late, note=note).running() as watch:
        watch.database.trouble = FULL
        await watch.passes(11)
        await until(lambda: channel.taken and late.taken)
        late.away = True
        watch.database.trouble = None
        await until(lambda: watch.archive.alerts)
        if not refuses:
            await watch.passes(30)
            assert note.outage is not None
            assert note.outage.ended_at is None
            await watch.passes(31)
        await until(lambda: note.outage is not None and note.outage.unheard_by == ("b",))
    late.away = False
    again = Watch(channel, late, note=note)
    again.clock.advance(7200)
    async with again.running():
        await until(lambda: note.outage is None)
    assert len(channel.taken) == len(late.taken) == 2
    assert late.taken[1][0].alert == channel.taken[1][0].alert


async def test_an_outage_after_a_late_end_is_another() -> None:
    channel, note = Away("a"), MemoryNote()
    async with Watch(channel, note=note).running() as watch:
        watch.database.trouble = FULL
        await watch.passes(11)
        await until(lambda: channel.taken)
        channel.away = True
        watch.database.trouble = None
        await until(lambda: watch.archive.alerts)
        await watch.passes(61)
        await until(lambda: note.outage is not None and note.outage.ended_at is not None)
    channel.away = False
    again = Watch(channel, note=note)
    again.clock.advance(7200)
    again.database.trouble = FULL
    async with again.running():
        await again.passes(11)
        await until(lambda: len(channel.taken) == 2)
    (first, _), (second, _) = channel.taken
    assert second.alert.state is AlertState.OPEN
    assert first.alert.id != second.alert.id


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
    assert "It watches nothing until it is started again" in channel.taken[0][0].message.text


async def test_damage_that_every_start_meets_is_announced_once() -> None:
    channel, note = Channel("a"), MemoryNote()
    for _ in range(3):
        async with Watch(channel, note=note).running() as watch:
            assert watch.task is not None
            await watch.passes(30)
            watch.database.trouble = DAMAGED
            with pytest.raises(StoreUnavailable):
                await asyncio.wait_for(watch.task, 60)
    assert channel.titles() == ["The monitor has lost its database and is stopping"]
    async with Watch(channel, note=note).running() as mended:
        await mended.passes(70)
        await until(lambda: len(channel.taken) == 2)
    assert channel.titles()[1] == "The monitor's database works again"


def opened_in(channel: Channel) -> list[str]:
    return [notice.alert.id for notice, _ in channel.taken if notice.change is Change.OPENED]


def ended_in(channel: Channel) -> list[str]:
    return [notice.alert.id for notice, _ in channel.taken if notice.change is Change.RESOLVED]


@pytest.mark.parametrize("refuses", [False, True], ids=["away", "refusing"])
async def test_no_end_is_announced_of_what_nobody_was_told_of(refuses: bool) -> None:
    channel, note = Away("a", refuses=refuses), MemoryNote()
    channel.away = True
    async with Watch(channel, note=note).running() as watch:
        watch.database.trouble = FULL
        await watch.passes(11)
        await until(lambda: channel.tries)
        await watch.passes(20)
    channel.away = False
    async with Watch(channel, note=note).running() as again:
        await again.passes(70)
    assert (channel.taken, note.outage) == ([], None)


@pytest.mark.parametrize("killed", [False, True])
async def test_an_outage_nobody_was_told_of_is_announced_after_a_restart(killed: bool) -> None:
    channel, note = Away("a"), MemoryNote()
    channel.away = True
    async with Watch(channel, note=note).running() as watch:
        watch.database.trouble = FULL
        await watch.passes(11)
        await until(lambda: channel.tries)
        as_it_was = MemoryNote(note.outage)
    channel.away = False
    left = as_it_was if killed else note
    again = Watch(channel, note=left)
    again.database.trouble = FULL
    async with again.running():
        await again.passes(11)
        await until(lambda: channel.taken)
        (opened,) = opened_in(channel)
        again.database.trouble = None
        await until(lambda: left.outage is None)
    # Whoever was killed may have been heard: then that message is ended, too.
    assert ended_in(channel) == [opened] * (2 if killed else 1)


async def test_what_a_killed_process_told_is_repeated_after_an_hour_only() -> None:
    channel, note = Channel("a"), MemoryNote()
    async with Watch(channel, note=note).running() as watch:
        watch.database.trouble = FULL
        await watch.passes(11)
        await until(lambda: channel.taken)
        await watch.passes(1)
        killed = MemoryNote(note.outage)
    again = Watch(channel, note=killed)
    again.clock.advance(12)
    again.database.trouble = FULL
    async with again.running():
        await again.passes(3580)
        assert len(channel.taken) == 1
        await again.passes(30)
        await until(lambda: len(channel.taken) == 2)
    assert len(set(opened_in(channel))) == 1


async def test_who_may_have_been_told_as_a_process_ended_hears_the_end() -> None:
    hanging, channel, note = Channel("a", hangs=True), Channel("a"), MemoryNote()
    async with Watch(hanging, note=note).running() as watch:
        watch.database.trouble = FULL
        await watch.passes(11)
        await until(lambda: hanging.tries)
    async with Watch(channel, note=note).running():
        await until(lambda: channel.taken)
    assert channel.titles() == ["The monitor's database works again"]


async def test_a_failed_start_nobody_was_told_of_is_announced_by_the_next() -> None:
    clock, note, channel = manual_clock(), MemoryNote(), Away("a", refuses=True)
    channel.away = True
    for passed in (0, 5, 10, 15):
        clock.advance(passed - clock.passed)
        channel.away = passed < 10
        await announce_failed_start(Bulletin([channel], lambda _alert: ["a"], LABELS, clock), FULL, clock, note)
        assert (note.outage is None) is (passed < 10)
    assert channel.titles() == ["The monitor cannot start"]
