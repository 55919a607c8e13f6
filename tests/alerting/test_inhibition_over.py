"""What opened and ended while its cause stood: what channels are told of it, on a real store."""

from pathlib import Path

from connext_monitor.core.deadline import Leg
from tests.alerting.bursts import HOOK, Burst, bursting, managed, titles, to_discord, to_hook
from tests.alerting.inhibited import PAUSED, begin, end, pause
from tests.alerting.providers.discord.vendor import Discord
from tests.alerting.providers.webhook.vendor import Receiver
from tests.world.kinds import overdue_id
from tests.world.transfers import info, sighting, xcalled
from tests.world.waiting import until

LONE = "CRITICAL · Execution overdue: alpha → beta"
ARRIVED = "RESOLVED · Execution arrived late: alpha → beta"


def alert_id(number: int) -> str:
    return overdue_id(xcalled(info(number), sighting(10 + number)).event.transfer_id, Leg.EXECUTE)


async def test_what_opened_and_ended_before_anyone_looked_is_not_told(burst: Burst, calm_discord: Discord) -> None:
    cause = await begin(burst, pause())
    async with managed(burst, to_discord(calm_discord)):
        await until(lambda: titles(calm_discord) == [PAUSED])
    await burst.late([1])
    await burst.arrive([1])
    await burst.late([2])
    await end(burst, cause)
    await burst.arrive([2])
    async with managed(burst, to_discord(calm_discord)):
        await until(burst.idle)
    # What was still late when the cause ended is told all the same.
    assert titles(calm_discord) == ["RESOLVED · Bridge unpaused: beta", ARRIVED]


async def test_nothing_is_told_of_what_ended_before_its_cause_was_told(burst: Burst, calm_discord: Discord) -> None:
    cause = await begin(burst, pause())
    await burst.late([1])
    await burst.arrive([1])
    await end(burst, cause)
    async with managed(burst, to_discord(calm_discord)):
        await until(burst.idle)
    assert titles(calm_discord) == ["RESOLVED · Bridge unpaused: beta"]
    assert (await burst.store.alerts.delivery_records([alert_id(1)])).get(alert_id(1), []) == []


async def test_machines_are_told_of_what_opened_and_ended_with_its_cause(tmp_path: Path, receiver: Receiver) -> None:
    async with bursting(tmp_path / "monitor.db", HOOK) as burst:
        cause = await begin(burst, pause())
        await burst.late([1])
        await burst.arrive([1])
        await end(burst, cause)
        async with managed(burst, to_hook(receiver)):
            await until(lambda: len(receiver.taken) == 4)
