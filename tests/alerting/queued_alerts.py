"""Alerts queued in a real store for channels that get each alert by itself, and a manager that delivers them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from connext_monitor.alerting.http.timing import FIRST_TIMEOUT
from connext_monitor.alerting.manager import AlertManager
from connext_monitor.alerting.notice import Provider
from connext_monitor.alerting.outgoing_message import GroupStore
from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.alerting.providers.webhook import WebhookConfig
from connext_monitor.alerting.providers.webhook.provider import WebhookProvider
from connext_monitor.alerting.worker import OPEN, SendFence
from connext_monitor.clock import Clock, SystemClock
from connext_monitor.config import SecretUrl
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.grouping import GroupRules
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.delivery_records import ChannelRow, ChannelState, DeliveryRecord
from connext_monitor.core.queue import QueuedDelivery
from connext_monitor.store.store import Store
from tests.alerting.providers.webhook.vendor import Receiver
from tests.world.alerts import LABELS, NOW
from tests.world.waiting import running, until

RULES = GroupRules(2.0, 60.0)
HOOK = "machines"


@dataclass(slots=True)
class HealthNotes:
    """Notes how each channel answered: its name, what was wrong if anything was, and whether for good.

    ``since`` are the instants since when it is so, of what was wrong.
    """

    heard: list[tuple[str, str | None, bool]] = field(default_factory=list)
    since: list[datetime] = field(default_factory=list)

    def took(self, provider: str) -> None:
        self.heard.append((provider, None, False))

    def failed(self, provider: str, reason: str, *, dead: bool, since: datetime) -> None:
        self.heard.append((provider, reason, dead))
        self.since.append(since)


class QueuedAlerts:
    """The alerts of one store and their deliveries; ``outbox`` is where a manager reads and records these."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.outbox: GroupStore = store.outbox

    async def open(self, alert: Alert, *providers: str) -> None:
        """Open the alert for these providers."""
        assert await self.store.alerts.open(alert, providers or (HOOK,))

    async def resolve(self, alert: Alert, at: datetime = NOW) -> None:
        assert await self.store.alerts.resolve(ResolveAlert.of(alert, Resolution.EXECUTED), at)

    async def open_again(self, alert: Alert, *providers: str) -> None:
        """Escalate the open alert, which queues a second opening."""
        assert await self.store.alerts.escalate(alert.id, lambda _: providers or (HOOK,), NOW)

    async def pending(self, provider: str = HOOK) -> list[QueuedDelivery]:
        return list(await self.store.outbox.next_deliveries(provider, 10**6))

    async def record(self, alert: Alert) -> DeliveryRecord:
        """What became of the alert's first delivery."""
        return (await self.store.alerts.delivery_records([alert.id]))[alert.id][0]

    async def channel(self, provider: str = HOOK) -> ChannelRow | None:
        """The channel's health as it is stored."""
        rows = {row.provider: row for row in await self.store.outbox.channels()}
        return rows.get(provider)

    async def until_failed(self, alert: Alert) -> None:
        """Wait until a failed attempt at the alert's first delivery is stored."""

        async def has_failed() -> bool:
            return (await self.record(alert)).attempts > 0

        await until(has_failed)

    async def until_sent(self) -> None:
        """Wait until every delivery is recorded as sent."""

        async def all_are() -> bool:
            return not any(row.waiting for row in await self.store.outbox.channels())

        await until(all_are, why=lambda: "deliveries are still pending")

    async def until_channel(self, state: ChannelState, provider: str = HOOK) -> None:
        """Wait until the channel's health is stored so."""

        async def is_so() -> bool:
            row = await self.channel(provider)
            return row is not None and row.since is not None and row.state is state

        await until(is_so)

    def replace(self, **methods: Callable[..., Awaitable[object]]) -> None:
        """Let the manager call these instead of the real outbox's methods of their names."""
        self.outbox = cast("GroupStore", _Replaced(self.store.outbox, methods))


class _Replaced:
    def __init__(self, real: object, methods: dict[str, Callable[..., Awaitable[object]]]) -> None:
        self._real = real
        self._methods = methods

    def __getattr__(self, name: str) -> Any:
        return self._methods.get(name) or getattr(self._real, name)


def manager_of(
    alerts: QueuedAlerts,
    *providers: Provider,
    health: HealthNotes | None = None,
    clock: Clock | None = None,
    fence: SendFence = OPEN,
) -> AlertManager:
    health, clock = health or HealthNotes(), clock or SystemClock()
    return AlertManager(alerts.outbox, providers, LABELS, RULES, health, clock, fence=fence)


@asynccontextmanager
async def managed(
    alerts: QueuedAlerts, *providers: Provider, clock: Clock | None = None
) -> AsyncIterator[AlertManager]:
    """A manager that runs beside the block."""
    manager = manager_of(alerts, *providers, clock=clock)
    async with running(manager.run()):
        yield manager


def hook(receiver: Receiver, name: str = HOOK, first_timeout: float = FIRST_TIMEOUT) -> WebhookProvider:
    config = WebhookConfig(type="webhook", url=SecretUrl(receiver.url))
    return WebhookProvider(name, config, ProviderContext(LABELS, SystemClock(), first_timeout=first_timeout))


def ids(receiver: Receiver) -> list[str]:
    """The ids of the alerts that the receiver took, in order."""
    return [body["data"]["alert"]["id"] for body in receiver.taken]
