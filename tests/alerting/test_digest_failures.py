"""Bursts through restarts, outages and refusals, on a real store: nothing is lost, repeated or held up."""

import asyncio
from pathlib import Path

from connext_monitor.alerting.notice import Provider
from connext_monitor.core.alerts.grouping import GroupRules
from connext_monitor.core.delivery_records import ChannelState
from tests.alerting.bursts import (
    CALM,
    HOOK,
    MANY,
    OVERDUE,
    Burst,
    bursting,
    managed,
    titles,
    to_discord,
    to_hook,
    to_slack,
)
from tests.alerting.providers.discord.vendor import Discord
from tests.alerting.providers.slack.vendor import Slack
from tests.alerting.providers.webhook.vendor import Receiver
from tests.world.waiting import until


async def test_alerts_queued_while_a_channel_was_down_come_as_a_digest(burst: Burst, calm_discord: Discord) -> None:
    planned = calm_discord.plan(503)
    planned.until = asyncio.Event()
    async with managed(burst, to_discord(calm_discord), rules=CALM) as manager:
        await burst.late([0])
        manager.wake()
        await until(calm_discord.asked.is_set)
        await burst.late(range(1, MANY))
        planned.until.set()
        await until(lambda: len(calm_discord.messages) == 2)
    assert titles(calm_discord) == [
        "CRITICAL · Execution overdue: alpha → beta",
        f"CRITICAL · {MANY - 1} transfers {OVERDUE}",
    ]


async def test_a_retried_digest_counts_what_came_in_between(burst: Burst, discord: Discord) -> None:
    planned = discord.plan(503)
    planned.until = asyncio.Event()
    await burst.late(range(MANY))
    async with managed(burst, to_discord(discord), rules=CALM):
        await until(discord.asked.is_set)
        await burst.late(range(MANY, MANY + 7))
        planned.until.set()
        await until(lambda: titles(discord) == [f"CRITICAL · {MANY + 7} transfers {OVERDUE}"])


async def test_a_refused_digest_blocks_nothing_and_its_end_is_sent(burst: Burst, discord: Discord) -> None:
    for _ in range(3):
        discord.plan(400, {"code": 50035})
    await burst.late(range(MANY))
    async with managed(burst, to_discord(discord), rules=CALM) as manager:
        await until(lambda: len(discord.seen) == 3)
        await burst.arrive(range(MANY))
        manager.wake()
        await until(lambda: titles(discord) == [f"RESOLVED · {MANY} transfers no longer {OVERDUE}"])


async def test_a_deleted_message_is_posted_anew(burst: Burst, discord: Discord) -> None:
    await burst.late(range(MANY))
    async with managed(burst, to_discord(discord)) as manager:
        await until(lambda: discord.messages)
        discord.messages.clear()
        await burst.arrive([0])
        manager.wake()
        await until(lambda: titles(discord) == [f"CRITICAL · {MANY - 1} of {MANY} transfers still {OVERDUE}"])


async def test_a_restart_neither_loses_nor_repeats(burst: Burst, discord: Discord) -> None:
    await burst.late(range(MANY))
    async with managed(burst, to_discord(discord)):
        await until(lambda: discord.messages)
        await until_all_are_sent(burst)
    await burst.arrive(range(10))
    async with managed(burst, to_discord(discord)):
        await until(lambda: titles(discord) == [f"CRITICAL · {MANY - 10} of {MANY} transfers still {OVERDUE}"])
    async with managed(burst, to_discord(discord)) as manager:
        await burst.arrive(range(10, MANY))
        manager.wake()
        await until(lambda: titles(discord) == [f"RESOLVED · {MANY} transfers no longer {OVERDUE}"])
    assert [request.method for request in discord.seen] == ["POST", "PATCH", "PATCH"]


async def test_a_burst_gathered_before_a_stop_is_sent_after_it(burst: Burst, discord: Discord) -> None:
    await burst.late(range(MANY))
    async with managed(burst, to_discord(discord), rules=GroupRules(wait=900.0, interval=900.0)):
        await until_grouped(burst)
    assert discord.seen == []
    async with managed(burst, to_discord(discord), rules=CALM):
        await until(lambda: titles(discord) == [f"CRITICAL · {MANY} transfers {OVERDUE}"])


async def test_a_dead_channel_keeps_its_digest_for_the_restart(burst: Burst, discord: Discord) -> None:
    discord.plan(401, {"code": 50027})
    await burst.late(range(MANY))
    async with managed(burst, to_discord(discord), rules=CALM):
        await until(discord.asked.is_set)
        await until_dead(burst)
    async with managed(burst, to_discord(discord), rules=CALM):
        await until(lambda: titles(discord) == [f"CRITICAL · {MANY} transfers {OVERDUE}"])


async def test_a_slow_channel_delays_no_other(tmp_path: Path, discord: Discord, receiver: Receiver) -> None:
    released = asyncio.Event()
    discord.plan(503).until = released
    async with bursting(tmp_path / "monitor.db", "ops", HOOK, "desk") as burst, Slack() as slack:
        await burst.late(range(MANY))
        providers: list[Provider] = [to_discord(discord), to_hook(receiver), to_slack(slack)]
        async with managed(burst, *providers, rules=CALM):
            await until(lambda: len(receiver.taken) == MANY and slack.messages)
            assert discord.messages == {}
            released.set()
            await until(lambda: discord.messages)


async def until_all_are_sent(burst: Burst) -> None:
    async def all_are() -> bool:
        return not await burst.waiting()

    await until(all_are)


async def until_grouped(burst: Burst) -> None:
    async def all_are() -> bool:
        queue = await burst.store.outbox.queue("ops", 0.0)
        return bool(queue.groups) and not queue.waiting

    await until(all_are)


async def until_dead(burst: Burst) -> None:
    async def is_dead() -> bool:
        return any(channel.state is ChannelState.DEAD for channel in await burst.store.outbox.channels())

    await until(is_dead)
