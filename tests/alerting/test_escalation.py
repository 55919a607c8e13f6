"""Escalation on a real store: once, as a new message, and the end changes both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connext_monitor.alerting.escalation import Escalation
from connext_monitor.alerting.manager import AlertManager
from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.alerting.providers.discord import DiscordConfig, DiscordUrl
from connext_monitor.alerting.providers.discord.provider import DiscordProvider
from connext_monitor.alerting.providers.pagerduty import PagerDutyConfig, RoutingKey
from connext_monitor.alerting.providers.pagerduty.provider import PagerDutyProvider
from connext_monitor.clock import SystemClock
from connext_monitor.config import SecretUrl
from connext_monitor.core.alerts.alert import Alert, AlertState, compose
from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.grouping import GroupRules
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.deadline import Leg
from connext_monitor.core.delivery import Change
from connext_monitor.core.queue import QueuedDelivery
from connext_monitor.store.store import Store
from tests.alerting.providers.discord.vendor import Discord
from tests.alerting.providers.pagerduty.vendor import PagerDuty
from tests.alerting.queued_alerts import HealthNotes
from tests.world.alerts import DESTINATION, DUE_AT, LABELS, LATE, NOW, ORIGIN, TRANSFER_ID
from tests.world.clocks import ManualClock
from tests.world.databases import open_store
from tests.world.desks import desk_on
from tests.world.kinds import overdue
from tests.world.waiting import running, until

ALERT = overdue(TRANSFER_ID, Leg.RECONCILE, DUE_AT, NOW, (ORIGIN, DESTINATION))
AFTER = 3600.0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path / "monitor.db", {})
    yield opened
    await opened.close()


@asynccontextmanager
async def escalating(store: Store, clock: ManualClock, rounds: list[None]) -> AsyncIterator[list[None]]:
    def route(alert: Alert) -> list[str]:
        rounds.append(None)
        return ["desk", "ops"] if alert.severity is Severity.CRITICAL else ["desk"]

    woken: list[None] = []
    desk = desk_on(store.alerts, route=route, woken=lambda: woken.append(None), clock=clock)
    escalation = Escalation(desk, {Leg.RECONCILE: AFTER}, clock, lambda _: clock.now().timestamp(), 0.01)
    async with running(escalation.run()) as task:
        yield woken
        assert not task.done()


async def sent(store: Store, provider: str, reference: str | None) -> QueuedDelivery:
    delivery = await store.outbox.next_delivery(provider)
    assert delivery is not None
    await store.outbox.delivery_sent(delivery.id, reference, NOW)
    return delivery


async def test_what_stands_too_long_is_critical_and_told_anew_once(store: Store) -> None:
    await store.alerts.open(ALERT, ["desk"])
    await sent(store, "desk", "first")
    clock = ManualClock(NOW, running=True)
    clock.at = NOW + timedelta(seconds=AFTER - 61)
    async with escalating(store, clock, []) as woken:
        await asyncio.sleep(0.05)
        assert woken == []
        clock.at = NOW + timedelta(seconds=AFTER)
        await until(lambda: woken)
        again = await sent(store, "desk", "second")
        new = await sent(store, "ops", None)
        await asyncio.sleep(0.05)
        assert len(woken) == 1
    assert (again.change, again.alert.severity, new.change) == (Change.OPENED, Severity.CRITICAL, Change.OPENED)
    message = compose(again.alert, LATE, LABELS)
    assert message.title == "Reconciliation still overdue: ethereum → gnosis"
    assert message.text.startswith("Due 1 h 1 min before this alert")
    async with escalating(store, clock, []) as woken:  # as after a restart
        await asyncio.sleep(0.05)
        assert woken == []


async def test_at_the_end_every_message_about_it_changes(store: Store) -> None:
    await store.alerts.open(ALERT, ["desk"])
    await sent(store, "desk", "first")
    assert await store.alerts.escalate(ALERT.id, lambda _: ["desk"], NOW)
    assert not await store.alerts.escalate(ALERT.id, lambda _: ["desk"], NOW)
    await sent(store, "desk", "second")
    await store.alerts.resolve(ResolveAlert.of(ALERT, Resolution.RECONCILED), NOW)
    ends = [await sent(store, "desk", "as it was") for _ in range(2)]
    assert [(end.change, end.reference) for end in ends] == [(Change.RESOLVED, "second"), (Change.RESOLVED, "first")]
    assert await store.outbox.next_delivery("desk") is None


async def test_a_channel_without_message_references_gets_one_end(store: Store) -> None:
    await store.alerts.open(ALERT, ["machines"])
    await sent(store, "machines", None)
    assert await store.alerts.escalate(ALERT.id, lambda _: ["machines"], NOW)
    await sent(store, "machines", None)
    await store.alerts.resolve(ResolveAlert.of(ALERT, Resolution.RECONCILED), NOW)
    assert (await sent(store, "machines", None)).change is Change.RESOLVED
    assert await store.outbox.next_delivery("machines") is None


async def test_what_has_ended_is_not_escalated(store: Store) -> None:
    await store.alerts.open(ALERT, ["desk"])
    await store.alerts.resolve(ResolveAlert.of(ALERT, Resolution.RECONCILED), NOW)
    assert not await store.alerts.escalate(ALERT.id, lambda _: ["desk"], NOW)
    ((row, _),) = await store.alerts.listed(None, limit=1)
    assert row.alert == replace(ALERT, state=AlertState.RESOLVED, resolved_at=NOW, resolution=Resolution.RECONCILED)


async def test_in_discord_both_messages_become_resolved(
    store: Store, discord: Discord, context: ProviderContext
) -> None:
    config = DiscordConfig(type="discord", webhook_url=DiscordUrl(discord.url), mention="<@&1>")
    rules = GroupRules(0.1, 0.3)
    channel = DiscordProvider("desk", config, context)
    manager = AlertManager(store.outbox, [channel], LABELS, rules, HealthNotes(), SystemClock())

    def titles() -> list[str]:
        return [message["embeds"][0]["title"].split(" · ")[0] for message in discord.messages.values()]

    async with running(manager.run()):
        await store.alerts.open(ALERT, ["desk"])
        manager.wake()
        await until(lambda: titles() == ["WARNING"])
        assert await store.alerts.escalate(ALERT.id, lambda _: ["desk"], NOW)
        manager.wake()
        await until(lambda: titles() == ["WARNING", "CRITICAL"])
        # The new message calls somebody, the old one did not.
        assert ["<@&1>" in message["content"] for message in discord.messages.values()] == [False, True]
        await store.alerts.resolve(ResolveAlert.of(ALERT, Resolution.RECONCILED), NOW)
        manager.wake()
        await until(lambda: titles() == ["RESOLVED", "RESOLVED"])


async def test_pagerduty_calls_again_and_resolves_both_incidents(store: Store, context: ProviderContext) -> None:
    async with PagerDuty() as vendor:
        config = PagerDutyConfig(type="pagerduty", routing_key=RoutingKey(PagerDuty.KEY), url=SecretUrl(vendor.url))
        channel = PagerDutyProvider("pager", config, context)
        manager = AlertManager(store.outbox, [channel], LABELS, GroupRules(0.1, 0.3), HealthNotes(), SystemClock())
        async with running(manager.run()):
            await store.alerts.open(ALERT, ["pager"])
            manager.wake()
            await until(lambda: list(vendor.incidents.values()) == ["trigger"])
            assert await store.alerts.escalate(ALERT.id, lambda _: ["pager"], NOW)
            manager.wake()
            await until(lambda: list(vendor.incidents.values()) == ["trigger", "trigger"])
            await store.alerts.resolve(ResolveAlert.of(ALERT, Resolution.RECONCILED), NOW)
            manager.wake()
            await until(lambda: list(vendor.incidents.values()) == ["resolve", "resolve"])


async def test_escalated_before_it_was_told_every_message_changes_at_its_end(
    store: Store, discord: Discord, context: ProviderContext
) -> None:
    config = DiscordConfig(type="discord", webhook_url=DiscordUrl(discord.url))
    channel = DiscordProvider("desk", config, context)
    manager = AlertManager(store.outbox, [channel], LABELS, GroupRules(0.1, 0.3), HealthNotes(), SystemClock())
    await store.alerts.open(ALERT, ["desk"])
    assert await store.alerts.escalate(ALERT.id, lambda _: ["desk"], NOW)
    await store.alerts.resolve(ResolveAlert.of(ALERT, Resolution.RECONCILED), NOW)

    def titles() -> list[str]:
        return [message["embeds"][0]["title"].split(" · ")[0] for message in discord.messages.values()]

    async with running(manager.run()):
        await until(lambda: titles() == ["RESOLVED", "RESOLVED"], why=titles)
