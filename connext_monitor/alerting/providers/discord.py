"""Discord webhooks: an embed that changes from open to resolved.

Source of limits, codes and headers: Discord's API documentation, "Webhook", "Message" (embed limits), "Rate Limits"
and "Opcodes and Status Codes". Only ``content`` can notify anybody, and only whom ``allowed_mentions`` names.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated

from pydantic import PlainValidator
from yarl import URL

from connext_monitor.alerting.notice import Notice, ReportNotice
from connext_monitor.alerting.providers.base import ProviderConfig, ProviderContext, ProviderType, warn
from connext_monitor.alerting.providers.discord_answers import ID, ThreadShut, classify, pause_after, versioned
from connext_monitor.alerting.providers.http import (
    EDIT_TIMEOUT,
    LONGEST_TIMEOUT,
    PICTURE,
    HttpResponse,
    RequestSpacing,
    form,
    http_sender,
)
from connext_monitor.alerting.providers.replies import MessageGone, Reply, Unacceptable, edit_or_post
from connext_monitor.alerting.providers.wording import (
    bare,
    fact_line,
    fit,
    has_date,
    headline,
    joined_within,
    one_line,
    pages_someone,
    units,
    utc_words,
    web_links,
)
from connext_monitor.config import SecretUrl, bad_value
from connext_monitor.core.alerts.grouping import DigestMode
from connext_monitor.core.alerts.message import Field, Instant, Message
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.delivery import Change, ChannelDead, Outcome, Refused, Sent, TryLater
from connext_monitor.core.formats import Json

# Discord allows 6000 in all embeds together; 4096 for a description, but an alert that long is read by nobody.
EMBED_TOTAL, TITLE, DESCRIPTION, FIELDS, FIELD_NAME, FIELD_VALUE = 6000, 256, 1500, 25, 256, 1024
PLAIN = 1000
_LEAST_FIELD = 40
_GREEN = 0x2ECC71
_COLOURS = {Severity.INFO: 0x3498DB, Severity.WARNING: 0xF1C40F, Severity.CRITICAL: 0xE74C3C}
_MENTION = re.compile(r"<@(?P<role>&)?(?P<id>[0-9]{1,20})>")
_WEBHOOK = re.compile(r"/webhooks/[0-9]+/[A-Za-z0-9_-]+/?$")
_MARKUP = frozenset("\\*_~`|<>@#:[]()-")
_THREAD_NAME = "Alerts"
# Seconds. Discord may count posts and edits together; but for longer than that, what is new waits for no edit.
_SHARED_PAUSE = 3.0


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
    if value is None or (isinstance(value, str) and ID.fullmatch(value)):
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

    digest_mode = DigestMode.CHANGING_DIGEST
    shows_pictures = True

    def __init__(self, name: str, config: DiscordConfig, context: ProviderContext) -> None:
        self.name = name
        self._config = config
        self._sender = http_sender(context.clock)
        self._pace = RequestSpacing(context.clock)
        self._edit_pace = RequestSpacing(context.clock)
        self._own_thread: str | None = None

    async def send(self, notice: Notice, reference: str | None) -> Outcome:
        """Post it, or change its message; in plain words where Discord does not take the embed."""

        def forms() -> Iterator[Json]:
            yield embed_payload(notice, self._config.mention)
            yield from (plain_payload(shown, self._config.mention) for shown in (notice, bare(notice)))

        edit = partial(self._edit, reference) if notice.change is not Change.OPENED and reference is not None else None
        return await edit_or_post(notice, forms, edit, self._post)

    async def report(self, notice: ReportNotice) -> Outcome:
        """Post it with its picture; without where Discord does not take that."""
        if notice.picture is not None:
            payload = embed_payload(notice, None)
            payload["embeds"] = [{**embed, "image": {"url": f"attachment://{PICTURE}"}} for embed in _embeds(payload)]
            body, headers = await form({"payload_json": json.dumps(payload)}, "files[0]", notice.picture)
            reply, _ = await self._ask("POST", self._config.thread_id, body, headers)
            if isinstance(reply, Sent | TryLater):
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

    async def _edit(self, reference: str, payload: Json) -> Reply:
        message_id, named, place = reference.partition("/")
        thread = (place or None) if named else self._config.thread_id
        if (busy := await self._edit_pace.turn_to_edit()) is not None:
            return busy
        reply, _ = await self._request("PATCH", thread, payload, message_id)
        if isinstance(reply, Sent):
            return Sent(reference)
        # Whatever is wrong with the thread, a new message opens an archived one again, or finds another place.
        return MessageGone(reply.reason) if isinstance(reply, ThreadShut) else reply

    async def _post(self, payload: Json) -> Reply:
        """Post it to the channel, or to the thread that is configured, and beside that where it takes nothing."""
        reply, _ = await self._request("POST", self._config.thread_id, payload)
        if not isinstance(reply, ThreadShut):
            return reply
        if self._config.thread_id is None:
            return ChannelDead(reply.reason) if reply.is_forum else Refused(reply.reason)
        warn("discord.thread_shut", provider=self.name, reason=reply.reason, cure="set another thread_id")
        beside = await self._post_beside(payload)
        # Only what is said of the webhook itself is the channel's end.
        return beside if isinstance(beside, Sent | TryLater | Unacceptable) else Refused(reply.reason)

    async def _post_beside(self, payload: Json) -> Reply | ThreadShut:
        """A thread that was locked or deleted takes nothing, and its alerts are for those who read its channel.

        So they go to the channel itself, or to a thread of our own where that is a forum; the reference says where.
        """
        place = self._own_thread
        reply, answer = await self._request("POST", place, payload)
        if place is None and isinstance(reply, ThreadShut) and reply.is_forum:
            reply, answer = await self._request("POST", None, {**payload, "thread_name": _THREAD_NAME})
            made = answer.json.get("channel_id") if answer is not None else None
            place = made if isinstance(made, str) and ID.fullmatch(made) else None
        if not isinstance(reply, Sent):
            self._own_thread = None
            return reply
        self._own_thread = place
        return Sent(f"{reply.reference}/{place or ''}" if reply.reference else None)

    async def _request(
        self, method: str, thread: str | None, payload: Json, message_id: str | None = None
    ) -> tuple[Reply | ThreadShut, HttpResponse | None]:
        headers = {"Content-Type": "application/json"}
        return await self._ask(method, thread, json.dumps(payload).encode(), headers, message_id)

    async def _ask(
        self, method: str, thread: str | None, body: bytes, headers: Mapping[str, str], message_id: str | None = None
    ) -> tuple[Reply | ThreadShut, HttpResponse | None]:
        mine, others, at_most = self._pace, self._edit_pace, LONGEST_TIMEOUT
        if message_id is not None:
            mine, others, at_most = others, mine, EDIT_TIMEOUT
        await mine.turn()
        url = message_url(self._config, thread, message_id)
        answer = await self._sender.request(method, url, body, headers, at_most=at_most)
        if isinstance(answer, TryLater):
            return answer, None
        if pause := pause_after(answer):
            mine.hold(pause)
            others.hold(min(pause, _SHARED_PAUSE))
        return classify(answer), answer


PROVIDER_TYPE = ProviderType(DiscordConfig, DiscordProvider)


def message_url(config: DiscordConfig, thread: str | None, message_id: str | None = None) -> URL:
    """Where to post, or where the message stands; ``wait`` makes Discord say whether it was saved."""
    base = URL(config.webhook_url.get_secret_value())
    path = versioned(base.path.rstrip("/"))
    url = base.with_path(path + (f"/messages/{message_id}" if message_id else ""))
    url = url.with_query(base.query).update_query({"wait": "true"})
    return url.update_query({"thread_id": thread}) if thread else url


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


def _embeds(payload: Json) -> list[Json]:
    embeds = payload["embeds"]
    return embeds if isinstance(embeds, list) else []


def _content(notice: Notice, mention: str | None, text: str) -> Json:
    if mention is None or not pages_someone(notice):
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
