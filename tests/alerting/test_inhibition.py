"""One cause, one message: what channels are told of alerts that have a cause, on a real store."""

from datetime import UTC, datetime
from pathlib import Path

from connext_monitor.alerting.providers.pagerduty import PagerDutyConfig, RoutingKey
from connext_monitor.alerting.providers.pagerduty.provider import PagerDutyProvider
from connext_monitor.config import SecretUrl
from connext_monitor.core.alerts.silence import Silence
from connext_monitor.core.deadline import Leg
from tests.alerting.bursts import (
    CONTEXT,
    HOOK,
    OVERDUE,
    Burst,
    bursting,
    managed,
    titles,
    to_discord,
    to_hook,
    to_slack,
)
from tests.alerting.inhibited import LATE, PAUSED, begin, counts, end, facts, pause, stall
from tests.alerting.providers.discord.vendor import Discord
from tests.alerting.providers.pagerduty.vendor import PagerDuty
from tests.alerting.providers.slack.vendor import Slack
from tests.alerting.providers.webhook.vendor import Receiver
from tests.world.kinds import overdue_id
from tests.world.transfers import info, sighting, xcalled
from tests.world.waiting import until

LONE = "CRITICAL · Execution overdue: alpha → beta"
ARRIVED = "RESOLVED · Execution arrived late: alpha → beta"


def alert_id(number: int) -> str:
    return overdue_id(xcalled(info(number), sighting(10 + number)).event.transfer_id, Leg.EXECUTE)


async def test_what_is_late_because_of_a_pause_is_counted_in_its_message(burst: Burst, discord: Discord) -> None:
    await begin(burst, pause())
    async with managed(burst, to_discord(discord)) as manager:
        await until(lambda: titles(discord) == [PAUSED])
        await burst.late(range(7))
        manager.wake()
        await until(lambda: counts(discord) == ["7 transfers overdue for execution"])
    assert [request.method for request in discord.seen] == ["POST", "PATCH"]


async def test_the_worst_three_are_named(burst: Burst, discord: Discord) -> None:
    await begin(burst, pause())
    await burst.late(range(7))
    async with managed(burst, to_discord(discord)):
        await until(lambda: counts(discord) == ["7 transfers overdue for execution"])
    assert list(next(facts(discord, PAUSED))) == ["Chain", LATE, "Longest overdue", "Among the largest"]
    fields = [field["name"] for message in discord.messages.values() for field in message["embeds"][0]["fields"]]
    assert fields.count("Longest overdue") + fields.count("Among the largest") == 3


async def test_the_count_goes_up_and_down(burst: Burst, calm_discord: Discord) -> None:
    await begin(burst, pause())
    await burst.late([1, 2])
    async with managed(burst, to_discord(calm_discord)) as manager:
        await until(lambda: counts(calm_discord) == ["2 transfers overdue for execution"])
        await burst.late([3, 4])
        manager.wake()
        await until(lambda: counts(calm_discord) == ["4 transfers overdue for execution"])
        await burst.arrive([1])
        manager.wake()
        await until(lambda: counts(calm_discord) == ["3 of 4 transfers still overdue for execution"])
        await burst.arrive([2, 3, 4])
        manager.wake()
        await until(lambda: counts(calm_discord) == ["4 transfers no longer overdue for execution"])
        await burst.late([5])
        manager.wake()
        await until(lambda: counts(calm_discord) == ["1 of 5 transfers still overdue for execution"])
    assert [request.method for request in calm_discord.seen].count("POST") == 1


async def test_what_is_late_after_its_cause_is_told_as_usual(burst: Burst, calm_discord: Discord) -> None:
    cause = await begin(burst, pause())
    await burst.late(range(8))
    async with managed(burst, to_discord(calm_discord)) as manager:
        await until(lambda: counts(calm_discord) == ["8 transfers overdue for execution"])
        await burst.arrive([0, 1])
        await end(burst, cause)
        manager.wake()
        after = ["RESOLVED · Bridge unpaused: beta", f"CRITICAL · 6 transfers {OVERDUE}"]
        await until(lambda: titles(calm_discord) == after)
        await burst.arrive(range(8))
        manager.wake()
        await until(lambda: titles(calm_discord)[1] == f"RESOLVED · 6 transfers no longer {OVERDUE}")


async def test_what_ended_while_its_cause_stood_is_never_told_alone(burst: Burst, calm_discord: Discord) -> None:
    cause = await begin(burst, pause())
    await burst.late([1])
    async with managed(burst, to_discord(calm_discord)):
        await until(lambda: counts(calm_discord) == ["1 transfer overdue for execution"])
    await burst.late([2])
    await burst.arrive([1, 2])
    await end(burst, cause)
    async with managed(burst, to_discord(calm_discord)):
        await until(lambda: titles(calm_discord)[0] == "RESOLVED · Bridge unpaused: beta")
        await until(burst.idle)
    assert len(calm_discord.messages) == 1


async def test_a_channel_that_does_not_know_the_cause_is_told_of_each(burst: Burst, calm_discord: Discord) -> None:
    await begin(burst, pause(), "desk")
    await burst.late([1, 2])
    async with managed(burst, to_discord(calm_discord)):
        await until(lambda: titles(calm_discord) == [LONE, LONE])


async def test_what_was_told_before_its_cause_keeps_its_message(burst: Burst, calm_discord: Discord) -> None:
    async with managed(burst, to_discord(calm_discord)) as manager:
        await burst.late([1])
        manager.wake()
        await until(lambda: titles(calm_discord) == [LONE])
        await begin(burst, pause())
        await burst.late([2])
        manager.wake()
        await until(lambda: counts(calm_discord) == ["1 transfer overdue for execution"])
        await burst.arrive([1, 2])
        manager.wake()
        await until(lambda: titles(calm_discord) == [ARRIVED, PAUSED])
        await until(lambda: counts(calm_discord) == ["1 transfer no longer overdue for execution"])


async def test_what_becomes_critical_is_told_alone_and_ends_so(burst: Burst, calm_discord: Discord) -> None:
    cause = await begin(burst, pause())
    await burst.late([1])
    async with managed(burst, to_discord(calm_discord)) as manager:
        await until(lambda: counts(calm_discord) == ["1 transfer overdue for execution"])
        assert await burst.store.alerts.escalate(alert_id(1), lambda _: burst.providers, datetime.now(UTC))
        manager.wake()
        await until(lambda: titles(calm_discord) == [PAUSED, "CRITICAL · Execution still overdue: alpha → beta"])
        await end(burst, cause)
        manager.wake()
        await until(lambda: titles(calm_discord)[0] == "RESOLVED · Bridge unpaused: beta")
        await burst.arrive([1])
        manager.wake()
        await until(lambda: titles(calm_discord)[1:] == [ARRIVED])


async def test_over_a_restart_the_count_goes_on(burst: Burst, calm_discord: Discord) -> None:
    cause = await begin(burst, pause())
    await burst.late([1, 2])
    async with managed(burst, to_discord(calm_discord)):
        await until(lambda: counts(calm_discord) == ["2 transfers overdue for execution"])
    await burst.late([3])
    async with managed(burst, to_discord(calm_discord)):
        await until(lambda: counts(calm_discord) == ["3 transfers overdue for execution"])
    await burst.arrive([1, 2])
    await end(burst, cause)
    async with managed(burst, to_discord(calm_discord)):
        await until(lambda: titles(calm_discord) == ["RESOLVED · Bridge unpaused: beta", LONE])


async def test_machines_get_each_with_the_id_of_its_cause(tmp_path: Path, receiver: Receiver) -> None:
    async with bursting(tmp_path / "monitor.db", HOOK) as burst:
        await burst.late([1])
        cause = await begin(burst, pause())
        await burst.late([2])
        await burst.arrive([2])
        async with managed(burst, to_hook(receiver)) as manager:
            await until(lambda: len(receiver.taken) == 4)
            await end(burst, cause)
            await burst.late([3])
            manager.wake()
            await until(lambda: len(receiver.taken) == 6)
    heard = [body["data"]["alert"] for body in receiver.taken]
    assert [(alert["kind"], alert["inhibited_by"]) for alert in heard] == [
        ("execute_overdue", cause.id),
        ("bridge_paused", None),
        ("execute_overdue", cause.id),
        ("execute_overdue", cause.id),
        ("bridge_paused", None),
        ("execute_overdue", None),
    ]


async def test_an_incident_of_pagerduty_names_its_cause(tmp_path: Path) -> None:
    async with PagerDuty() as vendor, bursting(tmp_path / "monitor.db", "pager") as burst:
        config = PagerDutyConfig(type="pagerduty", routing_key=RoutingKey(PagerDuty.KEY), url=SecretUrl(vendor.url))
        cause = await begin(burst, pause())
        await burst.late([1, 2])
        async with managed(burst, PagerDutyProvider("pager", config, CONTEXT)):
            await until(lambda: len(vendor.events) == 3)
    details = [event["payload"]["custom_details"] for event in vendor.events]
    assert [its.get("inhibited_by") for its in details] == [None, cause.id, cause.id]


async def test_where_messages_cannot_change_it_is_another_one(tmp_path: Path, slack: Slack) -> None:
    async with bursting(tmp_path / "monitor.db", "desk") as burst:
        cause = await begin(burst, pause())
        await burst.late(range(8))
        async with managed(burst, to_slack(slack)) as manager:
            await until(lambda: len(slack.messages) == 2)
            await burst.arrive(range(7))
            await end(burst, cause)
            manager.wake()
            await until(lambda: len(slack.messages) == 5)
    heard = [message["text"] for message in slack.messages]
    assert heard[:2] == [PAUSED, 'CRITICAL · Late because of "Bridge paused: beta": 8 transfers overdue for execution']
    assert set(heard[2:]) == {
        LONE,
        "RESOLVED · Bridge unpaused: beta",
        'RESOLVED · No longer late because of "Bridge paused: beta": 8 transfers',
    }


async def test_what_is_worse_than_its_cause_rings_in_one_message(burst: Burst, calm_discord: Discord) -> None:
    cause = await begin(burst, stall())
    stalled = "WARNING · Pathway stalled: alpha → beta"
    late = 'CRITICAL · Late because of "Pathway stalled: alpha → beta": {} overdue for execution'
    async with managed(burst, to_discord(calm_discord, "<@&77>")) as manager:
        await until(lambda: titles(calm_discord) == [stalled])
        await burst.late(range(5))
        manager.wake()
        await until(lambda: titles(calm_discord) == [stalled, late.format("5 transfers")])
        await burst.arrive(range(4))
        manager.wake()
        await until(lambda: titles(calm_discord) == [stalled, late.format("1 of 5 transfers still")])
        await end(burst, cause)
        manager.wake()
        await until(lambda: len(calm_discord.messages) == 3)
    rang = [bool(request.json["allowed_mentions"].get("roles")) for request in calm_discord.seen]
    assert sum(rang) == 2  # for what is worse than the stall, and for what is left after it
    assert titles(calm_discord)[2] == LONE


async def test_a_stall_is_counted_with_the_pause_and_then_counts_itself(burst: Burst, calm_discord: Discord) -> None:
    cause = await begin(burst, pause())
    await begin(burst, stall())
    await burst.late([1, 2])
    async with managed(burst, to_discord(calm_discord)) as manager:
        both = "2 transfers overdue for execution; 1 pathway stalled"
        await until(lambda: counts(calm_discord) == [both])
        await end(burst, cause)
        manager.wake()
        after = [
            "RESOLVED · Bridge unpaused: beta",
            "WARNING · Pathway stalled: alpha → beta",
            'CRITICAL · Late because of "Pathway stalled: alpha → beta": 2 transfers overdue for execution',
        ]
        await until(lambda: titles(calm_discord) == after, why=lambda: titles(calm_discord))


async def test_what_somebody_has_silenced_meanwhile_is_not_told(burst: Burst, calm_discord: Discord) -> None:
    cause = await begin(burst, pause())
    await burst.late([1])
    async with managed(burst, to_discord(calm_discord)):
        await until(lambda: counts(calm_discord) == ["1 transfer overdue for execution"])
    silence = await burst.store.silences.make(Silence(0, datetime.now(UTC)), datetime.now(UTC))
    await end(burst, cause, lambda _: ())
    assert await burst.store.silences.end(silence, {alert_id(1): burst.providers}, datetime.now(UTC)) == 1
    async with managed(burst, to_discord(calm_discord)):
        await until(lambda: titles(calm_discord) == ["RESOLVED · Bridge unpaused: beta", LONE])


async def test_a_cause_whose_message_is_gone_is_told_anew(burst: Burst, calm_discord: Discord) -> None:
    cause = await begin(burst, pause())
    async with managed(burst, to_discord(calm_discord)) as manager:
        await until(lambda: titles(calm_discord) == [PAUSED])
        calm_discord.messages.clear()
        await burst.late([1])
        manager.wake()
        await until(lambda: counts(calm_discord) == ["1 transfer overdue for execution"])
        await burst.arrive([1])
        await end(burst, cause)
        manager.wake()
        await until(lambda: titles(calm_discord) == ["RESOLVED · Bridge unpaused: beta"])
