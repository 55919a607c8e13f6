"""The alert manager where channels, the store or our own code fail: alerts wait, are tried again, and go out once."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

from aiohttp import web
from structlog.testing import capture_logs

from connext_monitor.alerting.notice import AlertNotice
from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.alerting.providers.webhook import WebhookConfig
from connext_monitor.alerting.providers.webhook.provider import WebhookProvider
from connext_monitor.clock import SystemClock
from connext_monitor.config import SecretUrl
from connext_monitor.core.delivery import Outcome
from connext_monitor.core.delivery_records import ChannelRow, ChannelState
from connext_monitor.core.queue import QueuedDelivery
from tests.alerting.providers.vendor import Seen
from tests.alerting.providers.webhook.vendor import Receiver
from tests.alerting.queued_alerts import HOOK, HealthNotes, QueuedAlerts, hook, ids, managed, manager_of
from tests.world.alerts import LABELS, NOW, OPENED, transfer_alert
from tests.world.clocks import ManualClock
from tests.world.kinds import chain_unobserved
from tests.world.waiting import running, until


class Buggy(WebhookProvider):
    """A webhook whose code fails on some alerts."""

    def __init__(self, receiver: Receiver, fails_on: Callable[[AlertNotice], bool]) -> None:
        config = WebhookConfig(type="webhook", url=SecretUrl(receiver.url))
        super().__init__("buggy", config, ProviderContext(LABELS, SystemClock()))
        self.fails_on = fails_on

    async def send(self, notice: AlertNotice, reference: str | None) -> Outcome:
        if self.fails_on(notice):
            raise KeyError("https://hooks.example/s3cret")
        return await super().send(notice, reference)


class Brittle(Receiver):
    """A receiver that fails on one alert, and not by saying that it is to blame."""

    def __init__(self, poison: str) -> None:
        super().__init__()
        self.poison = poison

    def answer(self, seen: Seen) -> web.Response:
        if seen.json["data"]["alert"]["id"] == self.poison:
            return web.Response(status=500)
        return super().answer(seen)


async def channel(alerts: QueuedAlerts) -> ChannelRow:
    return cast("ChannelRow", await alerts.channel())


# --- failed attempts ---


async def test_a_failed_attempt_stores_its_count_and_the_wait_asked(alerts: QueuedAlerts, receiver: Receiver) -> None:
    await alerts.open(OPENED)
    receiver.plan(429, b"", {"Retry-After": "900"})
    async with managed(alerts, hook(receiver), clock=ManualClock(NOW, running=True)):
        await alerts.until_failed(OPENED)
    (pending,) = await alerts.pending()
    assert (pending.attempts, pending.next_attempt_at) == (1, NOW.timestamp() + 900)


async def test_a_new_alert_does_not_overtake_a_failed_one(alerts: QueuedAlerts, receiver: Receiver) -> None:
    first, second = transfer_alert(1), transfer_alert(2)
    await alerts.open(first)
    receiver.plan(503)
    async with managed(alerts, hook(receiver)) as manager:
        await alerts.until_failed(first)
        await alerts.open(second)
        manager.wake()
        await alerts.until_sent()
    assert ids(receiver) == [first.id, second.id]


async def test_a_wait_ends_when_the_time_of_day_is_set_past_it(alerts: QueuedAlerts, receiver: Receiver) -> None:
    clock = ManualClock(NOW, running=True)
    await alerts.open(OPENED)
    receiver.plan(429, b"", {"Retry-After": "3600"})
    async with managed(alerts, hook(receiver), clock=clock):
        await alerts.until_failed(OPENED)
        clock.at += timedelta(hours=1)
        await alerts.until_sent()


async def test_a_clock_set_back_as_a_wait_begins_does_not_lengthen_it(alerts: QueuedAlerts, receiver: Receiver) -> None:
    clock = ManualClock(NOW)
    next_deliveries = alerts.store.outbox.next_deliveries

    async def set_back(provider: str, limit: int) -> Sequence[QueuedDelivery]:
        queued = await next_deliveries(provider, limit)
        if clock.at == NOW and any(delivery.attempts for delivery in queued):
            clock.at -= timedelta(minutes=10)
        return queued

    alerts.replace(next_deliveries=set_back)
    await alerts.open(OPENED)
    receiver.plan(503)
    async with managed(alerts, hook(receiver), clock=clock):
        await until(lambda: clock.at < NOW)
        clock.advance(5.0)
        await alerts.until_sent()


async def test_a_new_critical_alert_cuts_a_long_wait_short(alerts: QueuedAlerts, receiver: Receiver) -> None:
    clock = ManualClock(NOW - timedelta(hours=1), running=True)
    # More than are read at once: the critical alert stands far behind them.
    opened = [
        chain_unobserved(f"chain {number}", clock.now(), silent_for=1, waiting=0, why="-") for number in range(120)
    ]
    for mild in opened:
        await alerts.open(mild)
    receiver.plan(429, b"", {"Retry-After": "315360000"})
    async with managed(alerts, hook(receiver), clock=clock) as manager:
        await alerts.until_failed(opened[0])
        clock.at += timedelta(minutes=2)
        manager.wake()
        await asyncio.sleep(0.1)
        assert len(receiver.seen) == 1
        critical = replace(transfer_alert(2), opened_at=clock.now())
        await alerts.open(critical)
        manager.wake()
        await alerts.until_sent()
    assert ids(receiver) == [alert.id for alert in (*opened, critical)]


async def test_a_channel_that_asks_for_ten_years_is_tried_within_an_hour(
    alerts: QueuedAlerts, receiver: Receiver
) -> None:
    await alerts.open(OPENED)
    receiver.plan(429, b"", {"Retry-After": "315360000"})
    async with managed(alerts, hook(receiver), clock=ManualClock(NOW, running=True)):
        await alerts.until_channel(ChannelState.FAILING)
    (pending,) = await alerts.pending()
    assert pending.next_attempt_at == NOW.timestamp() + 3600
    assert (await channel(alerts)).reason == (
        "answered 429 Too Many Requests and asks to wait until 2036-02-27 12:00:00 UTC; "
        "it is tried within an hour all the same"
    )


# --- alerts that a channel does not take ---


async def test_a_refused_alert_waits_while_the_next_goes_out(alerts: QueuedAlerts, receiver: Receiver) -> None:
    health = HealthNotes()
    first, second = transfer_alert(1), transfer_alert(2)
    for alert in (first, second):
        await alerts.open(alert)
    receiver.plan(400)
    receiver.plan(400)
    async with running(manager_of(alerts, hook(receiver), health=health).run()):
        await until(lambda: len(health.heard) == 3)
    assert ids(receiver) == [second.id, first.id]
    refused = "answered 400 Bad Request"
    still = f"does not take one message, though it takes others: {refused}"
    assert health.heard == [("machines", refused, False), ("machines", still, False), ("machines", None, False)]


async def test_an_end_waits_for_its_opening_while_others_pass(alerts: QueuedAlerts, receiver: Receiver) -> None:
    await alerts.open(OPENED)
    await alerts.resolve(OPENED)
    await alerts.open(transfer_alert(2))
    for _ in range(2):
        receiver.plan(400)
    async with managed(alerts, hook(receiver)):
        await alerts.until_sent()
    said = [(body["type"], body["data"]["alert"]["id"]) for body in receiver.taken]
    other = ("alert.opened", transfer_alert(2).id)
    assert said == [other, ("alert.opened", OPENED.id), ("alert.resolved", OPENED.id)]


async def test_an_alert_that_breaks_its_receiver_does_not_hold_up_others(alerts: QueuedAlerts) -> None:
    poison, clock = transfer_alert(1), ManualClock(NOW, running=True)
    for number in range(1, 4):
        await alerts.open(transfer_alert(number))
    async with Brittle(poison.id) as receiver:
        async with managed(alerts, hook(receiver), clock=clock) as manager:

            async def others_passed() -> bool:
                clock.advance(1)
                manager.wake()
                return len(receiver.taken) == 2

            await until(others_passed)
            await until(lambda: len(receiver.seen) > 6)
        assert ids(receiver) == [transfer_alert(2).id, transfer_alert(3).id]
    assert [delivery.alert.id for delivery in await alerts.pending()] == [poison.id]


# --- dead channels ---


async def test_a_dead_channel_is_left_alone_and_keeps_its_deliveries(alerts: QueuedAlerts, receiver: Receiver) -> None:
    for number in range(3):
        await alerts.open(transfer_alert(number))
    receiver.plan(410)
    with capture_logs() as logs:
        async with managed(alerts, hook(receiver)) as manager:
            await alerts.until_channel(ChannelState.DEAD)
            manager.wake()
            await asyncio.sleep(0)
    assert (await channel(alerts)).reason == "answered 410 Gone"
    assert len(await alerts.pending()) == 3
    assert len(receiver.seen) == 1
    assert [entry["log_level"] for entry in logs if entry["event"] == "channel.dead"] == ["error"]


async def test_a_dead_channel_is_tried_again_after_a_restart(alerts: QueuedAlerts, receiver: Receiver) -> None:
    await alerts.open(OPENED)
    receiver.plan(410)
    async with managed(alerts, hook(receiver)):
        await alerts.until_channel(ChannelState.DEAD)
    async with managed(alerts, hook(receiver)):
        await alerts.until_channel(ChannelState.OK)
    assert ids(receiver) == [OPENED.id]


async def test_the_manager_goes_on_when_every_channel_is_dead(alerts: QueuedAlerts, receiver: Receiver) -> None:
    await alerts.open(OPENED)
    receiver.plan(410)
    async with running(manager_of(alerts, hook(receiver)).run()) as run:
        await alerts.until_channel(ChannelState.DEAD)
        await asyncio.wait({run}, timeout=0.1)
        assert not run.done()


# --- our own faults ---


async def test_a_bug_in_one_provider_stops_neither_it_nor_others(alerts: QueuedAlerts, receiver: Receiver) -> None:
    failures = iter([True])
    async with Receiver() as other:
        await alerts.open(OPENED, "buggy", HOOK)
        async with managed(alerts, Buggy(other, lambda _: next(failures, False)), hook(receiver)):
            await alerts.until_sent()
        assert ids(other) == [OPENED.id]
    assert ids(receiver) == [OPENED.id]


async def test_an_alert_our_code_fails_on_does_not_block_the_next(alerts: QueuedAlerts, receiver: Receiver) -> None:
    poison, good = transfer_alert(1), transfer_alert(2)
    for alert in (poison, good):
        await alerts.open(alert, "buggy")
    with capture_logs() as logs:
        async with managed(alerts, Buggy(receiver, lambda notice: notice.alert.id == poison.id)):
            await until(lambda: receiver.taken)
    assert ids(receiver) == [good.id]
    assert (await alerts.record(poison)).reason == "connext-monitor itself failed on it (KeyError)"
    assert poison.id in {delivery.alert.id for delivery in await alerts.pending("buggy")}
    assert "s3cret" not in repr(logs)


async def test_nothing_is_sent_twice_when_the_store_fails_after_a_send(
    alerts: QueuedAlerts, receiver: Receiver
) -> None:
    failures = iter([True, True])
    real = alerts.outbox

    async def failing(delivery_id: int, reference: str | None, at: datetime) -> None:
        if next(failures, False):
            raise OSError("the disk is full")
        await real.delivery_sent(delivery_id, reference, at)

    alerts.replace(delivery_sent=failing)
    await alerts.open(OPENED)
    async with managed(alerts, hook(receiver)):
        await alerts.until_sent()
    assert len(receiver.seen) == 1
