"""Slack: how a message is written, and incoming webhooks, whose messages can't be edited: a second one tells the end.

Source of limits, escapes and errors: Slack's documentation, "Block Kit", "Formatting text", "Sending messages using
incoming webhooks" and "Rate limits". What strangers may have written stands in ``plain_text`` objects, where Slack
reads no formatting; only our own names, dates and links stand in ``mrkdwn``.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Self

from pydantic import PlainValidator, model_validator
from yarl import URL

from connext_monitor.alerting.notice import Notice, ReportNotice
from connext_monitor.alerting.providers.base import ProviderConfig, ProviderContext
from connext_monitor.alerting.providers.http import HttpResponse, RequestSpacing, http_sender
from connext_monitor.alerting.providers.replies import Reply, Unacceptable, edit_or_post
from connext_monitor.alerting.providers.wording import (
    bare,
    fact_line,
    fit,
    has_date,
    headline,
    joined_within,
    one_line,
    pages_someone,
    utc_words,
    web_links,
)
from connext_monitor.config import HeaderToken, SecretUrl, ServiceUrl, bad_value
from connext_monitor.core.alerts.grouping import DigestMode
from connext_monitor.core.alerts.message import Instant, Message
from connext_monitor.core.delivery import ChannelDead, FailureCause, Outcome, Sent, TryLater
from connext_monitor.core.formats import Json

HEADER, SECTION, FIELD, SECTION_FIELDS = 150, 3000, 2000, 10
_TEXT, _FACT, _FACTS, _INSTANTS, _LINKS = 1500, 180, 15, 10, 2000
BETWEEN_MESSAGES = 1.0
_MENTION = re.compile(r"<!subteam\^[A-Z0-9]{1,20}>|<!here>|<!channel>|<@[UW][A-Z0-9]{1,20}>")
_WEBHOOK = re.compile(r"/(?:services|workflows|triggers)/.")
_CHANNEL = re.compile(r"#?[\w.-]{1,80}")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_FORMATTING = str.maketrans(dict.fromkeys("*_~`:|", " "))
ERROR_WORD = re.compile(rb"[a-z_]{1,64}")
_ERROR = re.compile(r"(invalid|no|too_many|msg|action|channel|is|team|rate)_|ratelimited|.*_error$")
LIMITED_WORDS = frozenset({"message_limit_exceeded", "rate_limited", "ratelimited"})
DEAD_WORDS = frozenset(
    {
        "account_inactive",
        "action_prohibited",
        "channel_is_archived",
        "channel_not_found",
        "invalid_auth",
        "invalid_token",
        "is_archived",
        "no_active_hooks",
        "no_service",
        "no_service_id",
        "no_team",
        "team_disabled",
        "token_revoked",
    }
)


def _read_mention(value: object) -> str | None:
    if value is None or (isinstance(value, str) and _MENTION.fullmatch(value)):
        return value
    raise bad_value("is not a Slack mention", 'write "<!subteam^ID>" for a group, "<@U…>", "<!here>" or "<!channel>"')


def _read_channel(value: object) -> str | None:
    if value is None or (isinstance(value, str) and _CHANNEL.fullmatch(value)):
        return value
    raise bad_value("is not a Slack channel", 'write its id, such as "C0123456789", or its name, such as "#alerts"')


class SlackUrl(SecretUrl):
    """An incoming webhook's URL, of Slack or of a service that takes the same."""

    __slots__ = ()

    @classmethod
    def check(cls, secret: str) -> None:
        """Raise `bad_value` for what is another address of Slack's or Discord's."""
        super().check(secret)
        url = URL(secret)
        host = f".{url.host}"
        of_slack = host.endswith(".slack.com") and not (host == ".hooks.slack.com" and _WEBHOOK.match(url.path))
        of_discord = host.endswith((".discord.com", ".discordapp.com")) and not url.path.endswith("/slack")
        if of_slack or of_discord:
            raise bad_value(
                "is not a Slack webhook URL", 'copy it from the app\'s settings at api.slack.com, "Incoming Webhooks"'
            )


class SlackToken(HeaderToken):
    """What the Web API takes: a bot's token, or a person's."""

    __slots__ = ()

    @classmethod
    def check(cls, secret: str) -> None:
        """Raise `bad_value` unless it begins as Slack's do."""
        super().check(secret)
        if not secret.startswith("xox"):
            raise bad_value(
                "is not a Slack bot token",
                'copy the "Bot User OAuth Token" from the app\'s settings, "OAuth & Permissions": it begins with xoxb-',
            )


class SlackConfig(ProviderConfig):
    """``type = "slack"``, by an incoming webhook or by a bot; ``mention`` is notified by critical alerts only.

    ``channel`` is the channel's id or name, ``api_url`` where Slack's web API is.
    """

    webhook_url: SlackUrl | None = None
    token: SlackToken | None = None
    channel: Annotated[str | None, PlainValidator(_read_channel)] = None
    api_url: ServiceUrl = ServiceUrl("https://slack.com/api")
    mention: Annotated[str | None, PlainValidator(_read_mention)] = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.webhook_url is None) == (self.token is None) or (self.token is None) != (self.channel is None):
            raise bad_value(
                "needs either webhook_url, or both token and channel",
                "write webhook_url for an incoming webhook, or token and channel for a bot",
                keys=("webhook_url", "token", "channel"),
            )
        return self


class SlackProvider:
    """A Slack channel behind an incoming webhook."""

    digest_mode = DigestMode.DIGEST
    shows_pictures = False

    def __init__(self, name: str, config: SlackConfig, context: ProviderContext) -> None:
        if config.webhook_url is None:
            raise TypeError("a Slack provider without a webhook is a bot")
        self.name = name
        self._config = config
        self._url = config.webhook_url
        self._sender = http_sender(context.clock)
        self._pace = RequestSpacing(context.clock)

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
        await self._pace.turn()
        url = URL(self._url.get_secret_value())
        answer = await self._sender.request(
            "POST", url, json.dumps(payload).encode(), {"Content-Type": "application/json; charset=utf-8"}
        )
        self._pace.hold(BETWEEN_MESSAGES)
        return answer if isinstance(answer, TryLater) else classify(answer)


def blocks_payload(notice: Notice, mention: str | None) -> Json:
    """The message as blocks, within Slack's limits whatever the notice holds; ``text`` is what a phone shows."""
    message = notice.message
    blocks: list[Json] = [{"type": "header", "text": _plain(headline(message), HEADER)}]
    if mention is not None and pages_someone(notice):
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": mention}})
    blocks.append({"type": "section", "text": _plain(one_line(message.text), _TEXT)})
    blocks.extend(_facts(message))
    links = _links(message)
    if links:
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": links, "verbatim": True}]})
    return {**_envelope(), "text": fit(headline(message), HEADER, escape), "blocks": blocks}


def plain_payload(notice: Notice, mention: str | None) -> Json:
    """The message in a few plain words, for when Slack does not take the blocks."""
    message = notice.message
    facts = map(fact_line, message.fields[:3])
    lines = [_disarm(fit(line, 200, escape)) for line in (headline(message), one_line(message.text), *facts)]
    if mention is not None and pages_someone(notice):
        lines.insert(0, mention)
    return {**_envelope(), "text": "\n".join(lines)}


def escape(char: str) -> str:
    """One character so that Slack takes it for itself; by its documentation these three, and no others."""
    return _ENTITIES.get(char, char)


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
    if answer.ok and not answer.is_page and not (answer.json.get("ok") is False or _ERROR.match(word)):
        return Sent()
    if answer.later or word in LIMITED_WORDS:
        return TryLater(words, answer.retry_after, answer.cause if answer.later else FailureCause.RATE_LIMITED)
    if word in DEAD_WORDS:
        return ChannelDead(words)
    if answer.status in {400, 413} and not answer.is_page:
        return Unacceptable(words)
    return replace(answer.try_later(), reason=words) if word else answer.try_later()


def error_word(answer: HttpResponse) -> str:
    """The error that Slack names, by itself or in JSON; nothing for ``ok``, and for what is no word of its."""
    said = answer.json
    if said.get("ok") is False or "error" in said:
        error = said.get("error")
        body = error.encode(errors="replace") if isinstance(error, str) else b""
    else:
        body = answer.body.strip()
    named = ERROR_WORD.fullmatch(body)
    return named[0].decode() if named and named[0] != b"ok" else ""


def _envelope() -> Json:
    return {"mrkdwn": False, "parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}


def _plain(text: str, limit: int) -> Json:
    return {"type": "plain_text", "text": fit(text, limit, escape), "emoji": False}


def _facts(message: Message) -> Iterator[Json]:
    """What is written in full width, a line each; then the moments, name and time side by side."""
    written = [field for field in message.fields if isinstance(field.value, str) or not has_date(field.value.timestamp)]
    lines = [fit(fact_line(field), _FACT, escape) for field in written[:_FACTS]]
    if lines:
        text = "\n".join(lines)
        yield {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}
    cells: list[Json] = []
    for field in message.fields:
        if isinstance(field.value, Instant) and has_date(field.value.timestamp):
            cells += [_plain(one_line(field.name), _FACT), {"type": "mrkdwn", "text": _date(field.value.timestamp)}]
    for start in range(0, min(len(cells), 2 * _INSTANTS), SECTION_FIELDS):
        yield {"type": "section", "fields": cells[start : start + SECTION_FIELDS]}


def _date(timestamp: int) -> str:
    return f"<!date^{timestamp}^{{date_num}} {{time_secs}}|{utc_words(timestamp)}>"


def _links(message: Message) -> str:
    named = (
        f"<{fit(link.url, 3000, escape)}|{fit(one_line(link.name.translate(_FORMATTING)), 50, escape)}>"
        for link in web_links(message.links)
    )
    return joined_within(named, " · ", _LINKS)


def _disarm(text: str) -> str:
    # Top-level text is read for emoji and links even with mrkdwn off; both need their colon.
    return re.sub(r":(?=\S)", ":\u200b", text)
