"""Bursts: what each kind of channel gets of them, through restarts, outages and refusals, on a real store."""

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from connext_monitor.alerting.notice import Provider
from connext_monitor.alerting.providers.console import ConsoleConfig, ConsoleProvider
from connext_monitor.core.alerts.grouping import BURST, GroupRules
from connext_monitor.core.delivery import ChannelState
from connext_monitor.core.queue import BATCH
from tests.alerting.bursts import CONTEXT, HOOK, Burst, bursting, managed, to_discord, to_hook, to_slack
from tests.alerting.markup import discord_literal
from tests.alerting.providers.discord.vendor import Discord
from tests.alerting.providers.slack.vendor import Slack
from tests.alerting.providers.webhook.vendor import Receiver
from tests.world.waiting import until

MANY = 40
# So long that nothing is changed or told anew while a test lasts.
CALM = GroupRules(wait=0.2, interval=900.0)


@pytest.fixture
async def burst(tmp_path: Path) -> AsyncIterator[Burst]:
    async with bursting(tmp_path / "monitor.db", "ops") as made:
        yield made


@pytest.fixture
async def calm_discord() -> AsyncIterator[Discord]:
    """A Discord that limits nobody for long."""
    async with Discord(window=0.05) as vendor:
        yield vendor


def titles(discord: Discord) -> list[str]:
    """Of all messages as they stand."""
    return [discord_literal(message["embeds"][0]["title"]) for message in discord.messages.values()]


def written(discord: Discord) -> list[str]:
    """Method and title of everything that was asked of it."""
    return [f"{one.method} {discord_literal(one.json['embeds'][0]['title'])}" for one in discord.seen]


OVERDUE = "overdue for execution: alpha → beta"


# --- one channel ---


async def test_a_lone_alert_is_told_by_itself_and_becomes_resolved_in_place(burst: Burst, discord: Discord) -> None:
    async with managed(burst, to_discord(discord)) as manager:
        await burst.late([1])
        manager.wake()
        await until(lambda: titles(discord) == ["CRITICAL · Execution overdue: alpha → beta"])
        await burst.arrive([1])
        manager.wake()
        await until(lambda: titles(discord) == ["RESOLVED · Execution arrived late: alpha → beta"])


async def test_a_few_are_told_one_by_one(burst: Burst, calm_discord: Discord) -> None:
    await burst.late(range(BURST))
    async with managed(burst, to_discord(calm_discord), rules=CALM):
        await until(lambda: titles(calm_discord) == ["CRITICAL · Execution overdue: alpha → beta"] * BURST)


async def test_many_that_were_late_before_the_start_are_one_message(burst: Burst, discord: Discord) -> None:
    await burst.late(range(MANY), late_by=3600)
    async with managed(burst, to_discord(discord), rules=CALM):
        await until(lambda: titles(discord) == [f"CRITICAL · {MANY} transfers {OVERDUE}"])
    assert len(discord.seen) == 1


async def test_old_news_that_come_one_after_another_are_one_message(burst: Burst, discord: Discord) -> None:
    async with managed(burst, to_discord(discord), rules=replace(CALM, wait=2.0)) as manager:
        for number in range(10):
            await burst.late([number], late_by=3600)
            manager.wake()
        await until(lambda: titles(discord) == [f"CRITICAL · 10 transfers {OVERDUE}"])
    assert len(discord.seen) == 1


async def test_the_first_of_a_burst_is_told_at_once_and_the_rest_together(burst: Burst, discord: Discord) -> None:
    async with managed(burst, to_discord(discord), rules=replace(CALM, wait=3.0)) as manager:
        await burst.late([0])
        manager.wake()
        await until(lambda: discord.seen)
        await burst.late(range(1, MANY))
        manager.wake()
        await until(lambda: len(discord.messages) == 2)
    assert titles(discord) == [
        "CRITICAL · Execution overdue: alpha → beta",
        f"CRITICAL · {MANY - 1} transfers {OVERDUE}",
    ]


async def test_more_than_a_batch_is_still_one_message(burst: Burst, discord: Discord) -> None:
    await burst.late(range(BATCH + 20))
    async with managed(burst, to_discord(discord), rules=CALM):
        await until(lambda: titles(discord) == [f"CRITICAL · {BATCH + 20} transfers {OVERDUE}"])


async def test_as_legs_arrive_the_message_changes_and_at_the_end_is_resolved(burst: Burst, discord: Discord) -> None:
    await burst.late(range(MANY))
    async with managed(burst, to_discord(discord)) as manager:
        await until(lambda: discord.messages)
        await burst.arrive(range(10))
        manager.wake()
        await until(lambda: titles(discord) == [f"CRITICAL · {MANY - 10} of {MANY} transfers still {OVERDUE}"])
        await burst.arrive(range(10, MANY))
        manager.wake()
        resolved = f"RESOLVED · {MANY} transfers no longer {OVERDUE}"
        await until(lambda: titles(discord) == [resolved])
    assert [one.method for one in discord.seen] == ["POST", "PATCH", "PATCH"]


async def test_those_that_come_later_are_counted_by_an_edit(burst: Burst, discord: Discord) -> None:
    await burst.late(range(MANY))
    async with managed(burst, to_discord(discord)) as manager:
        await until(lambda: discord.messages)
        await burst.late(range(MANY, MANY + 5))
        manager.wake()
        await until(lambda: titles(discord) == [f"CRITICAL · {MANY + 5} transfers {OVERDUE}"])
    assert [one.method for one in discord.seen] == ["POST", "PATCH"]


async def test_more_than_twice_as_many_are_a_message_of_their_own(burst: Burst, calm_discord: Discord) -> None:
    await burst.late(range(10))
    async with managed(burst, to_discord(calm_discord)):
        await until(lambda: calm_discord.messages)
    await burst.late(range(10, 50))
    async with managed(burst, to_discord(calm_discord)) as manager:
        await until(lambda: len(calm_discord.messages) == 2)
        await until(lambda: titles(calm_discord)[0] == f"CRITICAL · 20 transfers {OVERDUE}")
        assert titles(calm_discord)[1] == f"CRITICAL · 30 transfers {OVERDUE}"
        await burst.arrive(range(50))
        manager.wake()
        await until(lambda: all(title.startswith("RESOLVED") for title in titles(calm_discord)))


async def test_a_digest_pings_once_when_it_opens(burst: Burst, discord: Discord) -> None:
    await burst.late(range(MANY))
    async with managed(burst, to_discord(discord, "<@&77>")) as manager:
        await until(lambda: discord.messages)
        await burst.arrive(range(10))
        manager.wake()
        await until(lambda: len(discord.seen) == 2)
        await burst.arrive(range(10, MANY))
        manager.wake()
        await until(lambda: len(discord.seen) == 3)
    assert [one.json["allowed_mentions"] for one in discord.seen] == [
        {"parse": [], "roles": ["77"]},
        {"parse": []},
        {"parse": []},
    ]


async def test_a_burst_that_is_over_before_it_was_told_is_one_message_that_pings_nobody(
    burst: Burst, discord: Discord
) -> None:
    await burst.late(range(MANY))
    await burst.arrive(range(MANY))
    async with managed(burst, to_discord(discord, "<@&77>")):
        await until(lambda: titles(discord) == [f"RESOLVED · {MANY} transfers no longer {OVERDUE}"])
    assert [one.json["allowed_mentions"] for one in discord.seen] == [{"parse": []}]


async def test_on_slack_a_burst_is_a_message_when_it_opens_and_one_at_the_end(tmp_path: Path, slack: Slack) -> None:
    async with bursting(tmp_path / "monitor.db", "desk") as burst:
        await burst.late(range(MANY))
        async with managed(burst, to_slack(slack)) as manager:
            await until(lambda: slack.messages)
            for number in range(MANY):
                await burst.arrive([number])
                manager.wake()
            await until(lambda: len(slack.messages) == 2)
    assert [message["text"] for message in slack.messages] == [
        f"CRITICAL · {MANY} transfers {OVERDUE}",
        f"RESOLVED · {MANY} transfers no longer {OVERDUE}",
    ]
    assert slack.limited == 0


async def test_the_console_prints_a_burst_once(tmp_path: Path) -> None:
    printed = io.StringIO()
    context = replace(CONTEXT, console=Console(file=printed, width=120))
    console = ConsoleProvider("console", ConsoleConfig(type="console"), context)
    async with bursting(tmp_path / "monitor.db", "console") as burst:
        await burst.late(range(MANY))
        async with managed(burst, console, rules=CALM):
            await until(lambda: f"{MANY} transfers {OVERDUE}" in printed.getvalue())
    assert printed.getvalue().count("CRITICAL") == 1


async def test_a_webhook_gets_each_alert_by_itself_in_order(tmp_path: Path, receiver: Receiver) -> None:
    async with bursting(tmp_path / "monitor.db", HOOK) as burst:
        await burst.late(range(MANY))
        await burst.arrive(range(MANY))
        async with managed(burst, to_hook(receiver)):
            await until(lambda: len(receiver.taken) == 2 * MANY)
    ids = [body["data"]["alert"]["id"] for body in receiver.taken]
    assert ids[:MANY] == ids[MANY:]
    assert len(set(ids)) == MANY
    assert [body["type"] for body in receiver.taken] == ["alert.opened"] * MANY + ["alert.resolved"] * MANY


# --- what goes wrong ---


async def test_what_waited_while_a_channel_was_down_comes_as_a_digest(burst: Burst, calm_discord: Discord) -> None:
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


async def test_a_digest_that_is_not_taken_is_tried_again_with_what_has_come_meanwhile(
    burst: Burst, discord: Discord
) -> None:
    planned = discord.plan(503)
    planned.until = asyncio.Event()
    await burst.late(range(MANY))
    async with managed(burst, to_discord(discord), rules=CALM):
        await until(discord.asked.is_set)
        await burst.late(range(MANY, MANY + 7))
        planned.until.set()
        await until(lambda: titles(discord) == [f"CRITICAL · {MANY + 7} transfers {OVERDUE}"])


async def test_a_digest_that_is_refused_blocks_nothing_and_its_end_is_told(burst: Burst, discord: Discord) -> None:
    for _ in range(3):
        discord.plan(400, {"code": 50035})
    await burst.late(range(MANY))
    async with managed(burst, to_discord(discord), rules=CALM) as manager:
        await until(lambda: len(discord.seen) == 3)
        await burst.arrive(range(MANY))
        manager.wake()
        await until(lambda: titles(discord) == [f"RESOLVED · {MANY} transfers no longer {OVERDUE}"])


async def test_a_message_that_was_deleted_is_written_anew(burst: Burst, discord: Discord) -> None:
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
    assert [one.method for one in discord.seen] == ["POST", "PATCH", "PATCH"]


async def test_what_was_gathered_when_we_were_stopped_is_told_after_the_start(burst: Burst, discord: Discord) -> None:
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


# --- waiting for what the store says ---


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
        return any(channel.state is ChannelState.DEAD for channel in await burst.store.channels())

    await until(is_dead)
