"""Discord webhooks: an embed that changes from open to resolved.

Source of limits, codes and headers: Discord's API documentation, "Webhook", "Message" (embed limits), "Rate Limits"
and "Opcodes and Status Codes". Only ``content`` can notify anybody, and only whom ``allowed_mentions`` names.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import PlainValidator
from yarl import URL

from connext_monitor.alerting.notice import Notice, ReportNotice
from connext_monitor.alerting.providers.base import ProviderConfig, Surroundings
from connext_monitor.alerting.providers.http import (
    PICTURE,
    Answer,
    HttpSender,
    MessageGone,
    Pace,
    Unacceptable,
    form,
    in_some_form,
)
from connext_monitor.alerting.providers.wording import (
    fact_line,
    fit,
    has_date,
    headline,
    joined_within,
    one_line,
    rings,
    units,
    utc_words,
    web_links,
)
from connext_monitor.config import SecretUrl, bad_value
from connext_monitor.core.alert import Severity
from connext_monitor.core.delivery import Change, ChannelDead, Outcome, Sent, TryLater, longest, seconds_asked
from connext_monitor.core.documents import Json
from connext_monitor.core.grouping import Telling
from connext_monitor.core.message import Field, Instant, Message

# Discord allows 6000 in all embeds together; 4096 for a description, but an alert that long is read by nobody.
EMBED_TOTAL, TITLE, DESCRIPTION, FIELDS, FIELD_NAME, FIELD_VALUE = 6000, 256, 1500, 25, 256, 1024
PLAIN = 1000
_LEAST_FIELD = 40
_GREEN = 0x2ECC71
_COLOURS = {Severity.INFO: 0x3498DB, Severity.WARNING: 0xF1C40F, Severity.CRITICAL: 0xE74C3C}
_MENTION = re.compile(r"<@(?P<role>&)?(?P<id>[0-9]{1,20})>")
_WEBHOOK = re.compile(r"/webhooks/[0-9]+/[A-Za-z0-9_-]+/?$")
_MARKUP = frozenset("\\*_~`|<>@#:[]()-")
_ID = re.compile("[0-9]{1,20}")
_UNKNOWN_MESSAGE, _FORUM = 10008, 220001
# Discord's own message is never quoted: an answer that echoes the request could carry the token into a log.
_CODES = {
    10003: "unknown channel or thread (code 10003)",
    _UNKNOWN_MESSAGE: "unknown message (code 10008)",
    10015: "unknown webhook (code 10015)",
    50027: "invalid webhook token (code 50027)",
    50035: "invalid form body (code 50035)",
    _FORUM: "a forum takes only posts to one of its threads: set thread_id (code 220001)",
}


class DiscordUrl(SecretUrl):
    """A webhook's URL as Discord shows it."""

    __slots__ = ()

    @classmethod
    def check(cls, secret: str) -> None:
        """Raise `bad_value` unless it ends in ``/webhooks/ID/TOKEN``."""
        super().check(secret)
        if not _WEBHOOK.search(URL(secret).path):
            raise bad_value(
                "is no URL of a Discord webhook", 'copy it from the channel\'s settings, "Integrations", "Webhooks"'
            )


def _read_mention(value: object) -> str | None:
    if value is None or (isinstance(value, str) and _MENTION.fullmatch(value)):
        return value
    raise bad_value("is no Discord mention", 'write "<@&ROLE_ID>" for a role or "<@USER_ID>" for a person')


def _read_thread(value: object) -> str | None:
    if value is None or (isinstance(value, str) and _ID.fullmatch(value)):
        return value
    raise bad_value("is no id of a Discord thread", "write its digits between quotes")


class DiscordConfig(ProviderConfig):
    """``type = "discord"``; ``mention`` is notified by critical alerts only, ``thread_id`` is a thread or a post."""

    webhook_url: DiscordUrl
    mention: Annotated[str | None, PlainValidator(_read_mention)] = None
    thread_id: Annotated[str | None, PlainValidator(_read_thread)] = None


class WebhookUnwell(Exception):
    """The webhook does not stand, or does not answer; the message says how, without its address."""


class DiscordProvider:
    """A Discord channel behind a webhook."""

    telling = Telling.CHANGING_DIGEST
    shows_pictures = True

    def __init__(self, name: str, config: DiscordConfig, around: Surroundings) -> None:
        self.name = name
        self._config = config
        self._sender = HttpSender(around.clock)
        self._pace = Pace(around.clock)

    async def send(self, notice: Notice, reference: str | None) -> Outcome:
        """Post it, or change its message; in plain words where Discord does not take the embed."""
        forms = (write(notice, self._config.mention) for write in (embed_payload, plain_payload))
        return await in_some_form(forms, lambda payload: self._tell(payload, notice, reference))

    async def report(self, notice: ReportNotice) -> Outcome:
        """Post it with its picture; without where Discord does not take that."""
        if notice.picture is not None:
            payload = embed_payload(notice, None)
            payload["embeds"] = [{**embed, "image": {"url": f"attachment://{PICTURE}"}} for embed in _embeds(payload)]
            body, headers = await form({"payload_json": json.dumps(payload)}, "files[0]", notice.picture)
            reply = await self._ask("POST", body, headers)
            if not isinstance(reply, Unacceptable | MessageGone):
                return reply
        return await self.send(notice, None)

    async def check(self) -> str:
        """Ask for the webhook itself, which sends nothing; raises WebhookUnwell where it would take no alert."""
        url = message_url(self._config, None).with_query(None)
        answer = await self._sender.request("GET", url, b"", {})
        if isinstance(answer, TryLater):
            raise WebhookUnwell(answer.reason)
        meaning = classify(answer)
        if not isinstance(meaning, Sent):
            raise WebhookUnwell(meaning.reason)
        return "the webhook stands"

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._sender.aclose()

    async def _tell(self, payload: Json, notice: Notice, reference: str | None) -> Outcome | Unacceptable:
        if notice.change is not Change.OPENED and reference is not None:
            reply = await self._request("PATCH", payload, reference)
            if not isinstance(reply, MessageGone):
                return reply
        reply = await self._request("POST", payload)
        return ChannelDead(reply.reason) if isinstance(reply, MessageGone) else reply

    async def _request(
        self, method: str, payload: Json, message_id: str | None = None
    ) -> Outcome | Unacceptable | MessageGone:
        return await self._ask(method, json.dumps(payload).encode(), {"Content-Type": "application/json"}, message_id)

    async def _ask(
        self, method: str, body: bytes, headers: Mapping[str, str], message_id: str | None = None
    ) -> Outcome | Unacceptable | MessageGone:
        await self._pace.turn()
        answer = await self._sender.request(method, message_url(self._config, message_id), body, headers)
        if isinstance(answer, TryLater):
            return answer
        if pause := pause_after(answer):
            self._pace.hold(pause)
        return classify(answer)


def message_url(config: DiscordConfig, message_id: str | None) -> URL:
    """Where to post, or where the message stands; ``wait`` makes Discord say whether it was saved."""
    base = URL(config.webhook_url.get_secret_value())
    url = base.with_path(base.path.rstrip("/") + (f"/messages/{message_id}" if message_id else ""))
    url = url.with_query(base.query).update_query({"wait": "true"})
    return url.update_query({"thread_id": config.thread_id}) if config.thread_id else url


def embed_payload(notice: Notice, mention: str | None) -> Json:
    """The message as an embed, within Discord's limits whatever the notice holds."""
    message = notice.message
    return {
        **_content(notice, mention, ""),
        "embeds": [
            {
                "title": fit(headline(message), TITLE, escape),
                "description": _line(message.text, DESCRIPTION),
                "color": _GREEN if message.resolved else _COLOURS[message.severity],
                "fields": _fields(message),
            }
        ],
    }


def plain_payload(notice: Notice, mention: str | None) -> Json:
    """The message in a few plain words, for when Discord does not take the embed; takes an embed away on an edit."""
    message = notice.message
    facts = map(fact_line, message.fields)
    lines = [headline(message), one_line(message.text), *facts]
    text = "\n".join(_line(line, PLAIN // 5) for line in lines[:5])
    return {**_content(notice, mention, text), "embeds": []}


def escape(char: str) -> str:
    """One character so that Discord's markdown takes it for itself: no mention, link, emoji, time or formatting."""
    return f"\\{char}" if char in _MARKUP else char


def classify(answer: Answer) -> Outcome | Unacceptable | MessageGone:
    """What Discord's answer means.

    1. 2xx: saved; the message's id is the reference.
    2. 429 and 5xx: come again, after the longer of what header and body ask for.
    3. 404 with code 10008: no such message, the webhook itself is well.
    4. 401, 403, 404: the webhook, or its thread, is no more. Going on would have the address banned. A forum without
       a thread takes nothing either.
    5. 400 and 413: not as it is written.
    6. Anything else is no answer of Discord's: come again.
    """
    said = answer.json
    if answer.ok:
        message_id = said.get("id")
        return Sent(message_id if isinstance(message_id, str) and _ID.fullmatch(message_id) else None)
    code = said.get("code")
    words = f"{answer.words}, {_CODES[code]}" if isinstance(code, int) and code in _CODES else answer.words
    if answer.later:
        return TryLater(words, longest(answer.retry_after, seconds_asked(said.get("retry_after"))), answer.cause)
    if answer.status == 404 and code == _UNKNOWN_MESSAGE:
        return MessageGone(words)
    if answer.status in {401, 403, 404} or code == _FORUM:
        return ChannelDead(words)
    return Unacceptable(words) if answer.status in {400, 413} else answer.try_later()


def pause_after(answer: Answer) -> float | None:
    """Seconds to leave before the next request, where this one was the last that the present window allows."""
    remaining = seconds_asked(answer.headers.get("X-RateLimit-Remaining"))
    return seconds_asked(answer.headers.get("X-RateLimit-Reset-After")) if remaining == 0 else None


def _embeds(payload: Json) -> list[Json]:
    embeds = payload["embeds"]
    return embeds if isinstance(embeds, list) else []


def _content(notice: Notice, mention: str | None, text: str) -> Json:
    if mention is None or not rings(notice):
        return {"content": text, "allowed_mentions": {"parse": []}}
    found = _MENTION.fullmatch(mention)
    allowed = {("roles" if found["role"] else "users"): [found["id"]]} if found else {}
    # A phone shows the content only, so the ping says what it is about.
    words = text or fit(headline(notice.message), TITLE, escape)
    return {"content": f"{mention} {words}", "allowed_mentions": {"parse": [], **allowed}}


def _fields(message: Message) -> list[Json]:
    """The facts that fit, then the links; what is left of the total after title and description is theirs."""
    links = joined_within(
        (f"[{fit(link.name, 50, escape)}](<{link.url}>)" for link in web_links(message.links)), " · ", FIELD_VALUE
    )
    link_field: list[Json] = [{"name": "Links", "value": links, "inline": False}] if links else []
    left = EMBED_TOTAL - TITLE - DESCRIPTION - sum(units("Links" + links) for _ in link_field)
    fields: list[Json] = []
    for field in message.fields[: FIELDS - len(link_field)]:
        name = _line(field.name, min(FIELD_NAME, left // 2))
        value = _value(field, min(FIELD_VALUE, left - units(name)))
        left -= units(name) + units(value)
        fields.append({"name": name, "value": value, "inline": isinstance(field.value, Instant)})
        if left < _LEAST_FIELD * 2:
            break
    return fields + link_field


def _value(field: Field, limit: int) -> str:
    if isinstance(field.value, str):
        return _line(field.value, limit)
    at = field.value.timestamp
    return f"<t:{at}:F> (<t:{at}:R>)" if has_date(at) else _line(utc_words(at), limit)


def _line(text: str, limit: int) -> str:
    # At the start of a line "1. " would begin a list.
    return re.sub(r"^([0-9]+)\. ", r"\1\\. ", fit(one_line(text), limit - 1, escape))
