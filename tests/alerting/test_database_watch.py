"""The database watch: when it speaks, what it says, and that no channel keeps another from hearing it."""

import asyncio

import pytest

from connext_monitor.alerting import bulletin
from connext_monitor.alerting.http.timing import LONGEST_TIMEOUT
from connext_monitor.alerting.notice import AlertNotice
from connext_monitor.core.database_trouble import StoreUnavailable
from connext_monitor.core.delivery import FailureCause, Outcome, TryLater
from tests.alerting.outages import FULL, GONE, Away, Channel, Watch
from tests.world.waiting import until


async def test_a_database_that_fails_is_looked_at_again_soon() -> None:
    watch = Watch(Channel("a"), every=3600)
    watch.database.trouble = FULL
    async with watch.running():
        await until(lambda: watch.database.looks >= 3)


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
            await asyncio.wait_for(watch.task, 60)
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
