"""Slack's incoming webhooks, whose messages cannot be edited: a second one tells the end."""

import json
from collections.abc import Iterator
from dataclasses import replace

from yarl import URL

from connext_monitor.alerting.notice import Notice, ReportNotice
from connext_monitor.alerting.providers.base import ProviderContext
from connext_monitor.alerting.providers.http.client import http_sender
from connext_monitor.alerting.providers.http.response import HttpResponse
from connext_monitor.alerting.providers.http.timing import RequestSpacing
from connext_monitor.alerting.providers.replies import Reply, Unacceptable, edit_or_post
from connext_monitor.alerting.providers.slack.config import SlackConfig
from connext_monitor.alerting.providers.slack.payload import blocks_payload, plain_payload
from connext_monitor.alerting.providers.slack.responses import DEAD_WORDS, IS_ERROR, LIMITED_WORDS, error_word
from connext_monitor.alerting.providers.wording import (
    bare,
)
from connext_monitor.core.alerts.grouping import DigestMode
from connext_monitor.core.delivery import ChannelDead, FailureCause, Outcome, Sent, TryLater
from connext_monitor.core.formats import Json

BETWEEN_MESSAGES = 1.0


class SlackWebhook:
    """A Slack channel behind an incoming webhook."""

    digest_mode = DigestMode.DIGEST
    shows_pictures = False

    def __init__(self, name: str, config: SlackConfig, context: ProviderContext) -> None:
        if config.webhook_url is None:
            raise TypeError("a Slack provider without a webhook is a bot")
        self.name = name
        self._config = config
        self._url = config.webhook_url
        self._sender = http_sender(context)
        self._spacing = RequestSpacing(context.clock, context.sleep)

    async def send(self, notice: Notice, reference: str | None) -> Outcome:  # noqa: ARG002 - it gives none to come back
        """Post the alert or its end; in plain words where Slack does not take the blocks."""

        def forms() -> Iterator[Json]:
            yield blocks_payload(notice, self._config.mention)
            yield from (plain_payload(shown, self._config.mention) for shown in (notice, bare(notice)))

        return await edit_or_post(notice, forms, None, self._post)

    async def report(self, notice: ReportNotice) -> Outcome:
        """Tell it in words."""
        return await self.send(notice, None)

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._sender.aclose()

    async def _post(self, payload: Json) -> Reply:
        await self._spacing.turn()
        url = URL(self._url.get_secret_value())
        answer = await self._sender.request(
            "POST", url, json.dumps(payload).encode(), {"Content-Type": "application/json; charset=utf-8"}
        )
        self._spacing.hold(BETWEEN_MESSAGES)
        return answer if isinstance(answer, TryLater) else classify(answer)


def classify(answer: HttpResponse) -> Outcome | Unacceptable:
    """What Slack's answer means; its errors are single words.

    1. 2xx: posted, though its ``ok`` cannot be read. A page is not Slack's, and a word that is an error says so.
    2. 429, 5xx and ``ratelimited``: come again.
    3. Words that say so: the webhook or its channel is no more. A status without a word also comes from what stands in
       front of Slack, and passes.
    4. 400 and 413: not as it is written.
    5. Anything else: come again.
    """
    word = error_word(answer)
    words = f"{answer.words}, {word}" if word else answer.words
    if answer.ok and not answer.is_page and not (answer.json.get("ok") is False or IS_ERROR.match(word)):
        return Sent()
    if answer.later or word in LIMITED_WORDS:
        return TryLater(words, answer.retry_after, answer.cause if answer.later else FailureCause.RATE_LIMITED)
    if word in DEAD_WORDS:
        return ChannelDead(words)
    if answer.status in {400, 413} and not answer.is_page:
        return Unacceptable(words)
    return replace(answer.try_later(), reason=words) if word else answer.try_later()
