"""Bursts: what each kind of channel gets of one, from its opening to its end, on a real store."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from connext_monitor.alerting.providers.console import ConsoleConfig
from connext_monitor.alerting.providers.console.provider import ConsoleProvider
from connext_monitor.core.alerts.grouping import BURST
from connext_monitor.core.alerts.kinds.overdue import EXECUTE_OVERDUE
from connext_monitor.core.queue import BATCH, Queue
from tests.alerting.bursts import (
    CALM,
    CONTEXT,
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
from tests.world.clocks import ManualClock
from tests.world.waiting import until


def count_looks(burst: Burst, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that grows, by the provider's name, with each look at what waits for it."""
    looks: list[str] = []
    queue = burst.store.outbox.queue

    async def counted(provider: str, since: float, *, counts_with_cause: bool) -> Queue:
        looks.append(provider)
        return await queue(provider, since, counts_with_cause=counts_with_cause)

    monkeypatch.setattr(burst.store.outbox, "queue", counted)
    return looks


def told_of(discord: Discord, messages: int) -> bool:
    return len(discord.messages) == messages


async def test_a_lone_alert_is_one_message_that_becomes_resolved(burst: Burst, discord: Discord) -> None:
    async with managed(burst, to_discord(discord)) as manager:
        await burst.late([1])
        manager.wake()
        await until(lambda: titles(discord) == ["CRITICAL · Execution overdue: alpha → beta"])
        await burst.arrive([1])
        manager.wake()
        await until(lambda: titles(discord) == ["RESOLVED · Execution arrived late: alpha → beta"])


async def test_a_few_alerts_are_sent_one_by_one(burst: Burst, calm_discord: Discord) -> None:
    await burst.late(range(BURST))
    async with managed(burst, to_discord(calm_discord), rules=CALM):
        await until(lambda: titles(calm_discord) == ["CRITICAL · Execution overdue: alpha → beta"] * BURST)


async def test_many_late_before_the_start_are_one_message(burst: Burst, discord: Discord) -> None:
    await burst.late(range(MANY), late_by=3600)
    async with managed(burst, to_discord(discord), rules=CALM):
        await until(lambda: titles(discord) == [f"CRITICAL · {MANY} transfers {OVERDUE}"])
    assert len(discord.seen) == 1


async def test_old_alerts_coming_one_after_another_are_one_message(
    burst: Burst, discord: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = count_looks(burst, monkeypatch)
    # Ahead of the time that alerts are stored with: none of them lies in the future for it.
    clock = ManualClock(datetime.now(UTC) + timedelta(minutes=10), running=True)
    async with managed(burst, to_discord(discord), rules=replace(CALM, wait=3600.0), clock=clock) as manager:
        await burst.late([0], late_by=3600)
        before = len(looks)
        manager.wake()
        await until(lambda: len(looks) > before)  # the first has been seen by itself, and may wait
        for number in range(1, 10):
            await burst.late([number], late_by=3600)
            manager.wake()
        clock.advance(3600)
        manager.wake()
        await until(lambda: titles(discord) == [f"CRITICAL · 10 transfers {OVERDUE}"])
    assert len(discord.seen) == 1


async def test_the_first_of_a_burst_goes_at_once_the_rest_together(burst: Burst, discord: Discord) -> None:
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


async def test_the_message_counts_down_and_ends_resolved(burst: Burst, discord: Discord) -> None:
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
    assert [request.method for request in discord.seen] == ["POST", "PATCH", "PATCH"]


async def test_later_alerts_are_counted_by_an_edit(burst: Burst, discord: Discord) -> None:
    await burst.late(range(MANY))
    async with managed(burst, to_discord(discord)) as manager:
        await until(lambda: discord.messages)
        await burst.late(range(MANY, MANY + 5))
        manager.wake()
        await until(lambda: titles(discord) == [f"CRITICAL · {MANY + 5} transfers {OVERDUE}"])
    assert [request.method for request in discord.seen] == ["POST", "PATCH"]


async def test_more_than_twice_as_many_get_their_own_message(burst: Burst, calm_discord: Discord) -> None:
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
    assert [request.json["allowed_mentions"] for request in discord.seen] == [
        {"parse": [], "roles": ["77"]},
        {"parse": []},
        {"parse": []},
    ]


@pytest.mark.parametrize("escalated", [1, MANY])
async def test_what_becomes_critical_within_a_digest_pings_again(
    burst: Burst, discord: Discord, escalated: int
) -> None:
    await burst.late(range(MANY))
    async with managed(burst, to_discord(discord, "<@&77>")):
        await until(lambda: len(discord.seen) == 1)
    for alert in (await burst.store.alerts.open_of_kinds([EXECUTE_OVERDUE]))[:escalated]:
        assert await burst.store.alerts.escalate(alert.id, lambda _: burst.providers, datetime.now(UTC))
    async with managed(burst, to_discord(discord, "<@&77>")) as manager:
        await until(lambda: len(discord.messages) == 2)
        assert [request.json["allowed_mentions"].get("roles") for request in discord.seen] == [["77"], ["77"]]
        assert titles(discord)[0] == f"CRITICAL · {MANY} transfers {OVERDUE}"
        anew = "Execution still overdue: alpha → beta" if escalated == 1 else f"{MANY} transfers {OVERDUE}"
        assert titles(discord)[1] == f"CRITICAL · {anew}"
        await burst.arrive(range(MANY))
        manager.wake()
        await until(lambda: all(title.startswith("RESOLVED") for title in titles(discord)))


@pytest.mark.parametrize("acknowledged", [1, MANY])
async def test_what_nobody_dealt_with_after_an_acknowledgement_pings_again(
    burst: Burst, discord: Discord, acknowledged: int
) -> None:
    await burst.late(range(MANY))
    for time in (1, 2, 3):
        async with managed(burst, to_discord(discord, "<@&77>"), rules=CALM):
            await until(partial(told_of, discord, time))
        for alert in (await burst.store.alerts.open_of_kinds([EXECUTE_OVERDUE]))[: acknowledged * (time < 3)]:
            await burst.acknowledge(alert, datetime.now(UTC))
    assert [request.json["allowed_mentions"].get("roles") for request in discord.seen] == [["77"]] * 3
    repeat = "Execution overdue: alpha → beta" if acknowledged == 1 else f"{MANY} transfers {OVERDUE}"
    assert titles(discord) == [f"CRITICAL · {title}" for title in (f"{MANY} transfers {OVERDUE}", repeat, repeat)]
    await burst.arrive(range(MANY))
    async with managed(burst, to_discord(discord, "<@&77>")):
        await until(lambda: all(title.startswith("RESOLVED") for title in titles(discord)))


async def test_a_burst_over_before_it_was_sent_pings_nobody(burst: Burst, discord: Discord) -> None:
    await burst.late(range(MANY))
    await burst.arrive(range(MANY))
    async with managed(burst, to_discord(discord, "<@&77>")):
        await until(lambda: titles(discord) == [f"RESOLVED · {MANY} transfers no longer {OVERDUE}"])
    assert [request.json["allowed_mentions"] for request in discord.seen] == [{"parse": []}]


async def test_on_slack_a_burst_is_one_opening_and_one_end(tmp_path: Path, slack: Slack) -> None:
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
