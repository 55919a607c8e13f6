"""Loopback servers in place of all channels, and the providers that send to them."""

import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from connext_monitor.alerting.notice import Provider
from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.alerting.providers.discord import DiscordConfig, DiscordUrl
from connext_monitor.alerting.providers.discord.provider import DiscordProvider
from connext_monitor.alerting.providers.pagerduty import PagerDutyConfig, RoutingKey
from connext_monitor.alerting.providers.pagerduty.provider import PagerDutyProvider
from connext_monitor.alerting.providers.slack import SlackConfig, SlackToken, SlackUrl
from connext_monitor.alerting.providers.slack import build as slack
from connext_monitor.alerting.providers.telegram import TelegramConfig, TelegramToken
from connext_monitor.alerting.providers.telegram.provider import TelegramProvider
from connext_monitor.alerting.providers.webhook import WebhookConfig
from connext_monitor.alerting.providers.webhook.provider import WebhookProvider
from connext_monitor.config import BaseUrl, SecretUrl, ServiceUrl

PROVIDERS = ("discord", "pagerduty", "slack", "slack-bot", "telegram", "webhook")
_WINDOW, _ALLOWED = 2.0, 5
"""Discord allows so many requests in so many seconds."""


class Channels:
    """All servers: what came to them, and when (monotonic seconds)."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.limited = 0
        self.told_lone: dict[str, float] = {}
        self.bodies: list[tuple[str, str]] = []
        self.titles: list[str] = []
        self._window: list[float] = []

    async def discord(self, request: web.Request) -> web.Response:
        """Post or edit a message; five in two seconds."""
        now = time.monotonic()
        self._window = [at for at in self._window if now - at < _WINDOW]
        if len(self._window) >= _ALLOWED:
            self.limited += 1
            return web.json_response({"retry_after": _WINDOW}, status=429)
        self._window.append(now)
        payload: Any = await request.json()
        embed = payload["embeds"][0]
        self.requests[f"discord {request.method}"] += 1
        self.titles.append(f"{request.method:5} {embed['title'].replace(chr(92), '')}")
        self.told_lone.setdefault(embed["fields"][0]["value"], now)
        reset = _WINDOW - (now - self._window[0])
        left = {"X-RateLimit-Remaining": str(_ALLOWED - len(self._window)), "X-RateLimit-Reset-After": f"{reset:.3f}"}
        return web.json_response({"id": str(len(self.titles))}, headers=left)

    async def webhook(self, request: web.Request) -> web.Response:
        """Take a body."""
        body = await request.json()
        self.requests["webhook POST"] += 1
        self.bodies.append((body["type"], body["data"]["alert"]["id"]))
        return web.Response(status=204)

    async def slack(self, request: web.Request) -> web.Response:
        """Take a message of an incoming webhook."""
        await request.read()
        self.requests["slack POST"] += 1
        return web.Response(text="ok")

    async def slack_bot(self, request: web.Request) -> web.Response:
        """Take a message of a bot, or a change of one."""
        await request.read()
        self.requests[f"slack-bot {request.match_info['method']}"] += 1
        return web.json_response({"ok": True, "channel": "C1", "ts": "1.000001"})

    async def telegram(self, request: web.Request) -> web.Response:
        """Take a message, or a change of one."""
        await request.read()
        self.requests[f"telegram {request.match_info['method']}"] += 1
        return web.json_response({"ok": True, "result": {"message_id": 7}})

    async def pagerduty(self, request: web.Request) -> web.Response:
        """Take an event."""
        self.requests[f"pagerduty {(await request.json())['event_action']}"] += 1
        return web.json_response({"status": "success"}, status=202)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """All on one port of 127.0.0.1; the base URL."""
        app = web.Application()
        app.router.add_route("*", "/api/v10/webhooks/1/token", self.discord)
        app.router.add_route("*", "/api/v10/webhooks/1/token/messages/{id}", self.discord)
        app.router.add_post("/hook", self.webhook)
        app.router.add_post("/slack", self.slack)
        app.router.add_post("/slack-api/{method}", self.slack_bot)
        app.router.add_post("/telegram/{token}/{method}", self.telegram)
        app.router.add_post("/pagerduty", self.pagerduty)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


def providers(base: str, context: ProviderContext) -> list[Provider]:
    """All of `PROVIDERS`, sending to the servers at this base URL."""
    to_discord = DiscordConfig(type="discord", webhook_url=DiscordUrl(f"{base}/api/webhooks/1/token"))
    to_webhook = WebhookConfig(type="webhook", url=SecretUrl(f"{base}/hook"))
    to_slack = SlackConfig(type="slack", webhook_url=SlackUrl(f"{base}/slack"))
    to_bot = SlackConfig(
        type="slack", token=SlackToken("xoxb-1"), channel="C1", api_url=ServiceUrl(f"{base}/slack-api")
    )
    to_telegram = TelegramConfig(
        type="telegram",
        token=TelegramToken("1:" + "a" * 35),
        chat_id="-1",
        api_url=BaseUrl(f"{base}/telegram"),
    )
    to_pagerduty = PagerDutyConfig(
        type="pagerduty", routing_key=RoutingKey("a" * 32), url=SecretUrl(f"{base}/pagerduty")
    )
    return [
        DiscordProvider("discord", to_discord, context),
        PagerDutyProvider("pagerduty", to_pagerduty, context),
        slack("slack", to_slack, context),
        slack("slack-bot", to_bot, context),
        TelegramProvider("telegram", to_telegram, context),
        WebhookProvider("webhook", to_webhook, context),
    ]
