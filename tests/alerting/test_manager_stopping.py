"""The alert manager as it is stopped: what a channel took is recorded, and nothing holds up the stop for long."""

import asyncio
from datetime import datetime

import pytest

from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.alerting.providers.webhook import WebhookConfig
from connext_monitor.alerting.providers.webhook.provider import WebhookProvider
from connext_monitor.clock import SystemClock
from connext_monitor.config import SecretUrl
from tests.alerting.providers.webhook.vendor import Receiver
from tests.alerting.queued_alerts import HOOK, QueuedAlerts, hook, managed, manager_of
from tests.world.alerts import LABELS, OPENED
from tests.world.waiting import BOUND, until


async def test_what_the_channel_took_during_a_stop_is_recorded(alerts: QueuedAlerts, receiver: Receiver) -> None:
    await alerts.open(OPENED)
    planned = receiver.plan(204)
    planned.until = asyncio.Event()
    run = asyncio.create_task(manager_of(alerts, hook(receiver)).run())
    await until(receiver.asked.is_set)
    run.cancel()
    asyncio.get_running_loop().call_later(0.1, planned.until.set)
    with pytest.raises(asyncio.CancelledError):
        await run
    assert await alerts.pending() == []
    assert len(receiver.seen) == 1


async def test_a_record_under_way_is_finished_during_a_stop(alerts: QueuedAlerts, receiver: Receiver) -> None:
    writing, released = asyncio.Event(), asyncio.Event()
    real = alerts.outbox

    async def slow(delivery_id: int, reference: str | None, at: datetime) -> None:
        writing.set()
        await released.wait()
        await real.delivery_sent(delivery_id, reference, at)

    alerts.replace(delivery_sent=slow)
    await alerts.open(OPENED)
    run = asyncio.create_task(manager_of(alerts, hook(receiver)).run())
    await until(writing.is_set)
    run.cancel()
    asyncio.get_running_loop().call_later(0.1, released.set)
    with pytest.raises(asyncio.CancelledError):
        await run
    assert await alerts.pending() == []


async def test_a_send_that_hangs_is_cut_off_and_stays_pending(alerts: QueuedAlerts, receiver: Receiver) -> None:
    await alerts.open(OPENED)
    receiver.plan(204).until = released = asyncio.Event()
    async with asyncio.timeout(BOUND):
        async with managed(alerts, hook(receiver, first_timeout=3600)):
            await until(receiver.asked.is_set)
    released.set()
    assert [delivery.alert.id for delivery in await alerts.pending()] == [OPENED.id]


async def test_a_wait_for_the_next_attempt_does_not_delay_a_stop(alerts: QueuedAlerts, receiver: Receiver) -> None:
    await alerts.open(OPENED)
    receiver.plan(429, b"", {"Retry-After": "3600"})
    async with asyncio.timeout(BOUND):
        async with managed(alerts, hook(receiver)):
            await alerts.until_failed(OPENED)


async def test_a_send_repeated_after_a_crash_has_the_same_id(alerts: QueuedAlerts, receiver: Receiver) -> None:
    async def lost(_delivery_id: int, _reference: str | None, _at: datetime) -> None:
        await asyncio.Event().wait()

    await alerts.open(OPENED)
    alerts.replace(delivery_sent=lost)
    async with managed(alerts, hook(receiver)):
        await until(lambda: receiver.taken)
    alerts.replace()
    async with managed(alerts, hook(receiver)):
        await alerts.until_sent()
    first, second = (request.headers["webhook-id"] for request in receiver.seen)
    assert first == second


async def test_providers_are_closed_at_the_end(alerts: QueuedAlerts, receiver: Receiver) -> None:
    class Closable(WebhookProvider):
        closed = False

        async def aclose(self) -> None:
            self.closed = True
            await super().aclose()

    config = WebhookConfig(type="webhook", url=SecretUrl(receiver.url))
    provider = Closable(HOOK, config, ProviderContext(LABELS, SystemClock()))
    async with managed(alerts, provider):
        await asyncio.sleep(0)
    assert provider.closed
