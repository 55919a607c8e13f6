"""A Discord channel's config, whom it mentions, and responses of Discord's."""

import json

from connext_monitor.alerting.http.response import HttpResponse
from connext_monitor.alerting.providers.discord import DiscordConfig, DiscordUrl

ROLE, PERSON = "<@&77>", "<@88>"


def config(url: str, mention: str | None = None, thread_id: str | None = None) -> DiscordConfig:
    return DiscordConfig(type="discord", webhook_url=DiscordUrl(url), mention=mention, thread_id=thread_id)


def answer(status: int, body: object = None, **headers: str) -> HttpResponse:
    return HttpResponse(status, headers, json.dumps(body).encode())
