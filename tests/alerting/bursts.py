"""A real store with transfers that are late, many at a time, and a manager that sends their alerts."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from connext_monitor.alerting.http.timing import FIRST_TIMEOUT
from connext_monitor.alerting.manager import AlertManager
from connext_monitor.alerting.notice import Provider
from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.alerting.providers.discord import DiscordConfig, DiscordUrl
from connext_monitor.alerting.providers.discord.provider import DiscordProvider
from connext_monitor.alerting.providers.slack import SlackConfig, SlackUrl
from connext_monitor.alerting.providers.slack.webhook import SlackWebhook
from connext_monitor.alerting.providers.webhook import WebhookConfig
from connext_monitor.alerting.providers.webhook.provider import WebhookProvider
from connext_monitor.clock import Clock, SystemClock
from connext_monitor.config import SecretUrl
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.grouping import GroupRules
from connext_monitor.core.alerts.silence import Silence
from connext_monitor.core.deadline import Leg
from connext_monitor.core.labels import ChainLabel, ChainLabels
from connext_monitor.core.transfer import ObservedChange
from connext_monitor.store.store import Store
from tests.alerting.markup import discord_literal
from tests.alerting.providers.discord.vendor import Discord
from tests.alerting.providers.slack.vendor import Slack
from tests.alerting.providers.webhook.vendor import Receiver
from tests.alerting.queued_alerts import HealthNotes
from tests.world.databases import open_store
from tests.world.kinds import overdue
from tests.world.recording import commit
from tests.world.transfers import ALPHA, BETA, durations, executed, info, sighting, xcalled
from tests.world.waiting import running

LABELS = ChainLabels({ALPHA: ChainLabel("alpha", "https://alpha.example"), BETA: ChainLabel("beta")})
CONTEXT = ProviderContext(LABELS, SystemClock())
RULES = GroupRules(wait=0.2, interval=0.6)
CALM = GroupRules(wait=0.2, interval=900.0)
"""Nothing is changed or sent anew while a test lasts."""
MANY = 40
OVERDUE = "overdue for execution: alpha → beta"
HOOK = "machines"


def _same(alert: Alert, _watched: object) -> Alert:
    return alert


class Burst:
    """Transfers by number, in a store, and whom their alerts go to."""

    def __init__(self, store: Store, providers: Sequence[str]) -> None:
        self.store = store
        self.providers = providers

    async def late(self, numbers: Iterable[int], *, late_by: int = 1) -> None:
        """Call their execution overdue, in one go."""
        every = list(numbers)
        await self._put(ObservedChange(seen=tuple(xcalled(info(number), sighting(10 + number)) for number in every)))
        at = datetime.now(UTC)
        decisions = []
        for number in every:
            transfer_id = xcalled(info(number), sighting(10 + number)).event.transfer_id
            alert = overdue(transfer_id, Leg.EXECUTE, int(at.timestamp()) - late_by, at, (ALPHA, BETA))
            decisions.append((transfer_id, partial(_same, alert)))
        opened = await self.store.alerts.open_decided(decisions, lambda _: self.providers)
        assert len(opened) == len(every)

    async def arrive(self, numbers: Iterable[int]) -> None:
        """Let their executions be seen."""
        await self._put(
            ObservedChange(seen=tuple(executed(info(number), sighting(10**6 + number)) for number in numbers))
        )

    async def acknowledge(self, alert: Alert, at: datetime) -> None:
        """Have somebody acknowledge it, and that end while it is open."""
        ack = Silence(0, at, subject=alert.id, ack=True, made_at=at)
        await self.store.silences.end(await self.store.silences.make(ack, at), {alert.id: self.providers}, at)

    async def waiting(self) -> int:
        """How many messages wait, for all channels."""
        return sum(channel.waiting for channel in await self.store.outbox.channels())

    async def idle(self) -> bool:
        """Whether nothing waits for any channel."""
        return await self.waiting() == 0

    async def _put(self, step: ObservedChange) -> None:
        await commit(self.store, step, durations=durations, at=datetime.now(UTC))


@asynccontextmanager
async def bursting(file: Path, *providers: str) -> AsyncIterator[Burst]:
    """A store of its own on the file."""
    store = await open_store(file, {})
    try:
        yield Burst(store, providers)
    finally:
        await store.close()


@asynccontextmanager
async def managed(
    burst: Burst, *providers: Provider, rules: GroupRules = RULES, clock: Clock = CONTEXT.clock
) -> AsyncIterator[AlertManager]:
    """A manager that runs beside the block."""
    manager = AlertManager(burst.store.outbox, providers, LABELS, rules, HealthNotes(), clock)
    async with running(manager.run()):
        yield manager


def titles(discord: Discord) -> list[str]:
    """The titles of all messages as they stand."""
    return [discord_literal(message["embeds"][0]["title"]) for message in discord.messages.values()]


def to_discord(discord: Discord, mention: str | None = None) -> DiscordProvider:
    config = DiscordConfig(type="discord", webhook_url=DiscordUrl(discord.url), mention=mention)
    return DiscordProvider("ops", config, CONTEXT)


def to_slack(slack: Slack) -> SlackWebhook:
    return SlackWebhook("desk", SlackConfig(type="slack", webhook_url=SlackUrl(slack.url)), CONTEXT)


def to_hook(receiver: Receiver, first_timeout: float = FIRST_TIMEOUT) -> WebhookProvider:
    context = replace(CONTEXT, first_timeout=first_timeout)
    return WebhookProvider(HOOK, WebhookConfig(type="webhook", url=SecretUrl(receiver.url)), context)
