"""Reports through the alert manager to every channel: stored first, retried, after alerts, within limits."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from connext_monitor.alerting.manager import AlertManager
from connext_monitor.alerting.outgoing_report import ReportDelivery
from connext_monitor.alerting.providers.configured import ConfiguredProvider, build_providers
from connext_monitor.clock import SystemClock
from connext_monitor.config import ConfigError, ProviderTable
from connext_monitor.core.alerts.grouping import GroupRules
from connext_monitor.core.events import DomainId
from connext_monitor.core.labels import ChainLabel, ChainLabels
from connext_monitor.core.report import LegFigures, PathwayFigures, Report
from connext_monitor.store.nouns import Reports
from connext_monitor.store.store import Store
from tests.alerting.providers.discord.vendor import Discord
from tests.alerting.providers.slack.vendor import Slack, SlackApi
from tests.alerting.providers.telegram.vendor import Telegram
from tests.alerting.providers.webhook.vendor import SECRET, Receiver
from tests.alerting.queued_alerts import HealthNotes
from tests.world.alerts import NOW
from tests.world.configs import FILE
from tests.world.databases import open_store
from tests.world.kinds import chain_unobserved
from tests.world.waiting import running, until

PNG = b"\x89PNG a picture"
HOSTILE = "@everyone <!channel> <b>`*x*`\x1b[31m\u202e\nnext" + "w" * 400
LABELS = ChainLabels({DomainId(n): ChainLabel(HOSTILE + str(n)) for n in range(40)})
BUSY = tuple(
    PathwayFigures(DomainId(n), DomainId(n + 1), 10**9 - n, 10**8, 10**7, *[LegFigures(10**8, 10**6, 10**7, 10**8)] * 2)
    for n in range(500)
)
REPORT = Report(1_700_000_000, 1_700_086_400, BUSY, BUSY)


@dataclass
class Reporting:
    store: Store
    manager: AlertManager
    health: HealthNotes

    @property
    def reports(self) -> Reports:
        return self.store.reports

    async def add(self, *providers: str, report: Report = REPORT) -> None:
        await self.reports.add(report, providers, NOW)
        self.manager.wake()

    async def until_sent(self, *providers: str) -> None:
        async def all_are() -> bool:
            return not [name for name in providers if await self.reports.next_report(name)]

        await until(all_are, why=lambda: "a report is still pending")


def providers(printed: Console | None = None, /, **tables: dict[str, object]) -> list[ConfiguredProvider]:
    made = {name: ProviderTable(table) for name, table in tables.items()}
    return build_providers(made, file=FILE, labels=LABELS, clock=SystemClock(), console=printed)


@asynccontextmanager
async def reporting(folder: Path, built: Collection[ConfiguredProvider]) -> AsyncIterator[Reporting]:
    store = await open_store(folder / "monitor.db", {})
    by_name = {configured.provider.name: configured for configured in built}

    async def draw(_report: Report, _labels: ChainLabels) -> bytes | None:
        return PNG

    def wants(name: str, origin: DomainId, destination: DomainId) -> bool:
        return by_name[name].wants_pathway(origin, destination, LABELS)

    delivery = ReportDelivery(store.reports, draw, wants)
    health, rules = HealthNotes(), GroupRules(2.0, 60.0)
    channels = [configured.provider for configured in built]
    manager = AlertManager(store.outbox, channels, LABELS, rules, health, SystemClock(), reports=delivery)
    try:
        async with running(manager.run()):
            yield Reporting(store, manager, health)
    finally:
        await store.close()


async def test_every_channel_takes_a_report_on_hostile_pathways(tmp_path: Path) -> None:
    printed = io.StringIO()
    async with (
        Discord() as discord,
        Slack() as slack,
        SlackApi() as api,
        Telegram() as telegram,
        Receiver(SECRET) as hook,
    ):
        built = providers(
            Console(file=printed, width=100),
            discord={"type": "discord", "webhook_url": discord.url, "mention": "<@&12345>"},
            slack={"type": "slack", "webhook_url": slack.url},
            bot={"type": "slack", "token": api.TOKEN, "channel": "#alerts", "api_url": f"{api.base}/api"},
            telegram={
                "type": "telegram", "token": telegram.TOKEN, "chat_id": telegram.CHAT, "api_url": telegram.base,
            },
            hook={"type": "webhook", "url": hook.url, "secret": SECRET},
            terminal={"type": "console"},
        )  # fmt: skip
        names = [configured.provider.name for configured in built]
        assert all(configured.reports for configured in built)
        async with reporting(tmp_path, built) as sender:
            await sender.add(*names)
            await sender.until_sent(*names)
            assert {what for _, what, _ in sender.health.heard} == {None}
        [post] = discord.messages.values()
        assert post["embeds"][0]["title"].startswith("INFO · Report on 1 d")
        assert (discord.files, post["allowed_mentions"], post["content"]) == ([PNG], {"parse": []}, "")
        assert len(slack.messages) == 1
        [(ts, _)] = api.messages.items()
        assert api.files == [(ts, PNG)]
        [(message_id, sent)] = telegram.messages.items()
        assert (telegram.photos, sent["disable_notification"]) == ([(message_id, PNG)], True)
        [body] = hook.taken
    assert (body["type"], body["data"]["report"]["pathways_left_out"] > 400) == ("report.stats", True)
    assert body["data"]["report"]["total"]["begun"] == sum(pathway.begun for pathway in BUSY)
    assert body["data"]["report"]["pathways"][0]["before"]["execute"]["p95_seconds"] == 10**7
    assert "Report on 1 d" in printed.getvalue()
    assert "\x1b[31m" not in printed.getvalue()


async def test_a_waiting_report_gives_way_to_a_newer_one(tmp_path: Path) -> None:
    older = Report(REPORT.since - 86_400, REPORT.since, BUSY[:1], ())
    newer = Report(REPORT.since, REPORT.until, BUSY[:2], ())
    async with Receiver() as hook:
        built = providers(hook={"type": "webhook", "url": hook.url})
        hook.plan(503)
        async with reporting(tmp_path, built) as sender:
            await sender.add("hook", report=older)
            await until(lambda: len(hook.seen) == 1)
            # The restart that follows brings it, or rather its successor.
        # The older one may be tried once more before the newer ones are there.
        hook.plan(503)
        hook.plan(503)
        async with reporting(tmp_path, built) as sender:
            await sender.add("hook", report=newer)
            await sender.add("hook", report=newer)
            await sender.until_sent("hook")
        [body] = hook.taken
        assert body["data"]["report"]["until"] == "2023-11-15T22:13:20Z"
        newest = [seen.headers["webhook-id"] for seen in hook.seen if seen.json == body]
        assert len(newest) > 1
        assert len(set(newest)) == 1


async def test_an_alert_goes_before_a_report(tmp_path: Path) -> None:
    async with Receiver() as hook:
        built = providers(hook={"type": "webhook", "url": hook.url})
        async with reporting(tmp_path, built) as sender:
            # Both are there when the worker looks for the first time after this.
            held = hook.plan(204)
            held.until = asyncio.Event()
            await sender.add("hook", report=Report(0, 86_400, BUSY[:1], ()))
            await until(lambda: len(hook.seen) == 1)
            await sender.reports.add(REPORT, ["hook"], NOW)
            alert = chain_unobserved("alpha", NOW, silent_for=1, waiting=0, why="it is far")
            await sender.store.alerts.open(alert, ["hook"])
            held.until.set()
            await until(lambda: len(hook.taken) == 2)
        assert [body["type"] for body in hook.taken] == ["alert.opened", "report.stats"]


async def test_a_report_without_its_picture_is_still_sent(tmp_path: Path) -> None:
    async with Discord() as discord, SlackApi() as api:
        api.files_forbidden = True
        discord.plan(400, {"code": 50035})
        built = providers(
            discord={"type": "discord", "webhook_url": discord.url},
            bot={"type": "slack", "token": api.TOKEN, "channel": "#alerts", "api_url": f"{api.base}/api"},
        )
        async with reporting(tmp_path, built) as sender:
            await sender.add("discord", "bot")
            await sender.until_sent("discord", "bot")
        [post] = discord.messages.values()
        assert "image" not in post["embeds"][0]
        assert (len(api.messages), api.files) == (1, [])


@pytest.mark.parametrize(
    ("table", "reports"),
    [
        ({"type": "console"}, True),
        ({"type": "console", "reports": False}, False),
        ({"type": "console", "min_severity": "warning"}, False),
        ({"type": "console", "min_severity": "warning", "reports": True}, True),
        ({"type": "pagerduty", "routing_key": "s3cret0123456789abcdef0123456789"}, False),
    ],
)
def test_which_providers_get_reports(table: dict[str, object], *, reports: bool) -> None:
    assert [provider.reports for provider in providers(x=table)] == [reports]


def test_pagerduty_takes_no_reports() -> None:
    table: dict[str, Any] = {"type": "pagerduty", "routing_key": "s3cret0123456789abcdef0123456789", "reports": True}
    with pytest.raises(ConfigError, match="PagerDuty takes incidents, not reports"):
        providers(x=table)


async def test_a_reports_pathways_are_those_of_its_provider(tmp_path: Path) -> None:
    async with Receiver() as hook:
        origin = LABELS.display_name(DomainId(3))
        built = providers(hook={"type": "webhook", "url": hook.url, "pathways": [{"origin": origin}]})
        async with reporting(tmp_path, built) as sender:
            await sender.add("hook")
            await sender.until_sent("hook")
        [body] = hook.taken
    assert [pathway["origin"]["domain_id"] for pathway in body["data"]["report"]["pathways"]] == [3]
    assert json.dumps(body["data"]["report"]["total"]["begun"]) == str(10**9 - 3)
