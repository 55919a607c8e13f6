"""Slack's incoming webhooks, whose messages cannot be edited: the end is a second message."""

import json
from dataclasses import replace
from functools import partial

from yarl import URL

from connext_monitor.alerting.http.response import HttpResponse
from connext_monitor.alerting.http.timing import RequestSpacing
from connext_monitor.alerting.notice import Notice, ReportNotice
from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.alerting.providers.replies import Reply, Unacceptable, edit_or_post, ever_plainer
from connext_monitor.alerting.providers.slack import SlackConfig
from connext_monitor.alerting.providers.slack.payload import blocks_payload, plain_payload
from connext_monitor.alerting.providers.slack.responses import DEAD_WORDS, IS_ERROR, LIMITED_WORDS, error_word
from connext_monitor.core.alerts.digest_mode import DigestMode
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
        self._sender = context.sender()
        self._spacing = RequestSpacing(context.clock, context.sleep)

    async def send(self, notice: Notice, reference: str | None) -> Outcome:  # noqa: ARG002 - a webhook's messages cannot be edited
        """Post the alert or its end; as plain text where Slack rejects the blocks."""
        mention = self._config.mention
        forms = ever_plainer(notice, partial(blocks_payload, mention=mention), partial(plain_payload, mention=mention))
        return await edit_or_post(notice, forms, self._post)

    async def report(self, notice: ReportNotice) -> Outcome:
        """Send it as text."""
        return await self.send(notice, None)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._sender.aclose()

    async def _post(self, payload: Json) -> Reply:
        await self._spacing.turn()
        url = URL(self._url.get_secret_value())
        response = await self._sender.request(
            "POST", url, json.dumps(payload).encode(), {"Content-Type": "application/json; charset=utf-8"}
        )
        self._spacing.hold(BETWEEN_MESSAGES)
        return response if isinstance(response, TryLater) else classify(response)


def classify(response: HttpResponse) -> Outcome | Unacceptable:
    """What Slack's response means; its errors are single words.

    1. 2xx: posted, though its ``ok`` cannot be read. A page is not Slack's, and a word that is an error says so.
    2. 429, 5xx and ``ratelimited``: try later.
    3. Words that say so: the webhook or its channel no longer exists. A status without a word also comes from what
       stands in front of Slack, and passes.
    4. 400 and 413: rejected in this form.
    5. Anything else: try later.
    """
    word = error_word(response)
    words = f"{response.words}, {word}" if word else response.words
    if response.ok and not response.is_page and not (response.json.get("ok") is False or IS_ERROR.match(word)):
        return Sent()
    if response.later or word in LIMITED_WORDS:
        return TryLater(words, response.retry_after, response.cause if response.later else FailureCause.RATE_LIMITED)
    if word in DEAD_WORDS:
        return ChannelDead(words)
    if response.status in {400, 413} and not response.is_page:
        return Unacceptable(words)
    return replace(response.try_later(), reason=words) if word else response.try_later()
