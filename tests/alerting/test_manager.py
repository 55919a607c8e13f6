"""The alert manager: everything arrives, in order, as it was made, and what the channels answer is kept."""

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime

from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.alerting.providers.discord import DiscordConfig, DiscordUrl
from connext_monitor.alerting.providers.discord.provider import DiscordProvider
from connext_monitor.clock import SystemClock
from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.delivery_records import ChannelState
from tests.alerting.providers.discord.vendor import Discord
from tests.alerting.providers.webhook.vendor import Receiver
from tests.alerting.queued_alerts import HealthNotes, QueuedAlerts, hook, ids, managed, manager_of
from tests.world.alerts import LABELS, NOW, OPENED, transfer_alert
from tests.world.waiting import running, until


async def test_alerts_stored_before_the_start_are_sent(alerts: QueuedAlerts, receiver: Receiver) -> None:
    await alerts.open(OPENED)
    async with managed(alerts, hook(receiver)):
        await alerts.until_sent()
    assert ids(receiver) == [OPENED.id]


async def test_deliveries_go_out_in_the_order_of_their_ids(alerts: QueuedAlerts, receiver: Receiver) -> None:
    opened = [transfer_alert(number) for number in range(20)]
    for alert in opened:
        await alerts.open(alert)
    async with managed(alerts, hook(receiver)):
        await alerts.until_sent()
    assert ids(receiver) == [alert.id for alert in opened]


async def test_a_wake_up_sends_new_alerts_at_once(alerts: QueuedAlerts, receiver: Receiver) -> None:
    async with managed(alerts, hook(receiver)) as manager:
        await alerts.open(OPENED)
        manager.wake(["machines", "a provider that is not there"])
        await until(lambda: receiver.taken)


async def test_an_opening_still_queued_goes_out_as_it_was_made(alerts: QueuedAlerts, receiver: Receiver) -> None:
    await alerts.open(OPENED)
    receiver.plan(503)
    async with managed(alerts, hook(receiver)):
        await alerts.until_failed(OPENED)
        await alerts.resolve(OPENED)
        await alerts.until_sent()
    sent = [(body["type"], body["data"]["alert"]["state"]) for body in receiver.taken]
    assert sent == [("alert.opened", AlertState.OPEN), ("alert.resolved", AlertState.RESOLVED)]


async def test_a_second_opening_has_an_id_of_its_own(alerts: QueuedAlerts, receiver: Receiver) -> None:
    await alerts.open(OPENED)
    await alerts.open_again(OPENED)
    async with managed(alerts, hook(receiver)):
        await alerts.until_sent()
    first, second = (request.headers["webhook-id"] for request in receiver.seen)
    assert first != second


class OneByOne(DiscordProvider):
    """Discord that gets each alert by itself: a channel of that kind whose messages can be changed."""

    digest_mode = DigestMode.EACH


async def test_an_end_queued_before_its_opening_was_sent_edits_its_message(alerts: QueuedAlerts) -> None:
    async with Discord() as discord:
        config = DiscordConfig(type="discord", webhook_url=DiscordUrl(discord.url))
        await alerts.open(OPENED, "ops")
        await alerts.resolve(OPENED)
        async with managed(alerts, OneByOne("ops", config, ProviderContext(LABELS, SystemClock()))):
            await alerts.until_sent()
        assert [request.method for request in discord.seen] == ["POST", "PATCH"]


async def test_neither_a_dead_nor_a_slow_channel_delays_another(alerts: QueuedAlerts) -> None:
    async with AsyncExitStack() as stack:
        dead, slow, well = [await stack.enter_async_context(Receiver()) for _ in range(3)]
        dead.plan(410)
        slow.plan(204).until = released = asyncio.Event()
        for number in range(5):
            await alerts.open(transfer_alert(number), "dead", "slow", "well")
        async with managed(alerts, hook(dead, "dead"), hook(slow, "slow"), hook(well, "well")):
            await until(lambda: len(well.taken) == 5 and slow.asked.is_set() and dead.asked.is_set())
            assert slow.taken == []
            released.set()
            await until(lambda: len(slow.taken) == 4)


# --- what is kept of a channel's answers ---


async def test_every_answer_of_a_channel_is_heard(alerts: QueuedAlerts, receiver: Receiver) -> None:
    health = HealthNotes()
    for number in range(3):
        await alerts.open(transfer_alert(number))
    for status in (204, 503, 204, 410):
        receiver.plan(status)
    async with running(manager_of(alerts, hook(receiver), health=health).run()):
        await until(lambda: len(health.heard) == 4)
    unavailable, gone = "answered 503 Service Unavailable", "answered 410 Gone"
    assert health.heard == [
        ("machines", None, False),
        ("machines", unavailable, False),
        ("machines", None, False),
        ("machines", gone, True),
    ]


async def test_a_channel_that_failed_before_a_restart_fails_since_then(
    alerts: QueuedAlerts, receiver: Receiver
) -> None:
    await alerts.open(transfer_alert(1))
    await alerts.store.outbox.channel_state("machines", ChannelState.FAILING, "was busy", NOW)
    health = HealthNotes()
    for status in (503, 204, 503):
        receiver.plan(status)
    manager = manager_of(alerts, hook(receiver), health=health)
    async with running(manager.run()):
        await alerts.until_sent()
        await alerts.open(transfer_alert(2))
        manager.wake()
        await until(lambda: len(health.since) == 2)
    assert health.since[0] == NOW < health.since[1]


async def test_a_channels_health_is_written_only_when_it_changes(alerts: QueuedAlerts, receiver: Receiver) -> None:
    written: list[tuple[ChannelState, str | None]] = []
    real = alerts.outbox

    async def noted(provider: str, state: ChannelState, reason: str | None, at: datetime) -> None:
        written.append((state, reason))
        await real.channel_state(provider, state, reason, at)

    alerts.replace(channel_state=noted)
    for number in range(4):
        await alerts.open(transfer_alert(number))
    for status in (204, 204, 503):
        receiver.plan(status)
    async with managed(alerts, hook(receiver)):
        await alerts.until_sent()
        await until(lambda: len(written) == 3)
    assert written == [
        (ChannelState.OK, None),
        (ChannelState.FAILING, "answered 503 Service Unavailable"),
        (ChannelState.OK, None),
    ]
