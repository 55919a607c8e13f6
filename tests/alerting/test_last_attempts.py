"""How often an outage of the database is sent to a channel that does not take it: its end without a last attempt."""

import asyncio

from connext_monitor.alerting.bulletin import Bulletin
from connext_monitor.core.alerts.kinds.database_failing import DATABASE_FAILING, SUBJECT, DatabaseFailingDetails
from connext_monitor.core.alerts.resolution import Resolution
from tests.alerting.outages import FULL, Away
from tests.world.alerts import LABELS
from tests.world.virtual_time import LoopClock, run_virtually

LONG = 86_400.0


def test_an_end_is_tried_until_its_channel_takes_it() -> None:
    async def announced() -> None:
        clock, channel = LoopClock(), Away("a")
        bulletin = Bulletin([channel], lambda _alert: ["a"], LABELS, clock)
        details = DatabaseFailingDetails.of(FULL, since=int(clock.now().timestamp()), started=True)
        alert = DATABASE_FAILING.open(SUBJECT, clock.now(), details)
        channel.away = True
        bulletin.announce(alert)
        await asyncio.sleep(LONG)
        assert (channel.tries, bulletin.idle, bulletin.heard) == (20, True, False)
        channel.away = False
        bulletin.announce(alert)
        await bulletin.delivered(1.0)
        channel.away = True
        bulletin.announce(alert.resolved(Resolution.RECOVERED, clock.now()))
        await asyncio.sleep(LONG)
        assert (channel.tries > 200, bulletin.unheard_by) == (True, ("a",))
        channel.away = False
        await asyncio.sleep(301.0)
        assert (len(channel.taken), bulletin.unheard_by, bulletin.idle) == (2, (), True)
        await bulletin.aclose()

    run_virtually(announced())
