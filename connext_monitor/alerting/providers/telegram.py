"""Telegram: a bot that writes to a chat, one message for each alert or group, changed in place.

Source of methods, limits and formatting: Telegram's "Bot API". What strangers may have written stands in ``code``,
where Telegram looks for no mention, command, hashtag or link; elsewhere the signs that begin one are cut off from what
follows by a space of no width.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated

from pydantic import Field as Ranged
from pydantic import PlainValidator
from yarl import URL

from connext_monitor.alerting.notice import Notice, ReportNotice
from connext_monitor.alerting.providers.base import ProviderConfig, ProviderContext, ProviderType, warn
from connext_monitor.alerting.providers.http import EDIT_TIMEOUT, LONGEST_TIMEOUT, RequestSpacing, form, http_sender
from connext_monitor.alerting.providers.replies import MessageGone, Reply, Unacceptable, edit_or_post
from connext_monitor.alerting.providers.telegram_answers import Moved, TopicShut, classify
from connext_monitor.alerting.providers.wording import (
    bare,
    fact_line,
    fit,
    headline,
    joined_within,
    one_line,
    pages_someone,
    utc_words,
    web_links,
)
from connext_monitor.config import BaseUrl, FromDigits, SecretText, bad_value
from connext_monitor.core.alerts.grouping import DigestMode
from connext_monitor.core.alerts.message import Field, Message
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.delivery import Change, Outcome, Refused, Sent, TryLater
from connext_monitor.core.formats import Json

# Telegram allows 4096 after it has read the entities; here the entities count as they are written.
_TITLE, _TEXT, _NAME, _VALUE, _FACTS = 256, 1200, 40, 200, 2000
_BETWEEN_MESSAGES = 1.0
_BETWEEN_MESSAGES_TO_A_GROUP = 3.0
_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{20,100}")
_CHAT = re.compile(r"-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,31}")
_MENTION = re.compile(r"@[A-Za-z][A-Za-z0-9_]{3,31}")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_BEGINS_SOMETHING = frozenset("@#/$.:+")
_NO_WIDTH = "\u200b"


class TelegramToken(SecretText):
    """A bot's token, as @BotFather gives it."""

    __slots__ = ()

    @classmethod
    def check(cls, secret: str) -> None:
        """Raise `bad_value` unless it looks like one."""
        if not _TOKEN.fullmatch(secret):
            raise bad_value("is no token of a Telegram bot", "copy it from @BotFather: digits, a colon, letters")


def _read_chat(value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and _CHAT.fullmatch(text):
        return text
    raise bad_value("is no Telegram chat", 'write its id, such as "-1001234567890", or a channel\'s "@name"')


def _read_mention(value: object) -> str | None:
    if value is None or (isinstance(value, str) and _MENTION.fullmatch(value)):
        return value
    raise bad_value("is no Telegram mention", 'write "@username"')


class TelegramConfig(ProviderConfig):
    """``type = "telegram"``; ``mention`` is notified by critical alerts only, ``thread_id`` is a forum's topic.

    ``api_url`` is where the Bot API is served.
    """

    token: TelegramToken
    chat_id: Annotated[str, PlainValidator(_read_chat)]
    thread_id: Annotated[int, FromDigits, Ranged(ge=1, le=2**63 - 1)] | None = None
    mention: Annotated[str | None, PlainValidator(_read_mention)] = None
    api_url: BaseUrl = BaseUrl("https://api.telegram.org")


class TelegramProvider:
    """A Telegram chat that a bot writes to."""

    digest_mode = DigestMode.CHANGING_DIGEST
    shows_pictures = True

    def __init__(self, name: str, config: TelegramConfig, context: ProviderContext) -> None:
        self.name = name
        self._config = config
        self._sender = http_sender(context.clock)
        self._pace = RequestSpacing(context.clock)
        self._chat = config.chat_id
        is_person = config.chat_id.isdigit()
        self._pause = _BETWEEN_MESSAGES if is_person else _BETWEEN_MESSAGES_TO_A_GROUP

    async def send(self, notice: Notice, reference: str | None) -> Outcome:
        """Post it, or change its message; in plain words where Telegram does not take the formatting."""

        def forms() -> Iterator[Json]:
            yield html_payload(notice, self._config.mention)
            yield from (plain_payload(shown, self._config.mention) for shown in (notice, bare(notice)))

        edit = partial(self._edit, reference) if notice.change is not Change.OPENED and reference is not None else None
        return await edit_or_post(notice, forms, edit, partial(self._post, silent=_is_silent(notice)))

    async def report(self, notice: ReportNotice) -> Outcome:
        """Send it, then its picture as an answer to that; the words alone are a report too."""
        told = await self.send(notice, None)
        if notice.picture is not None and isinstance(told, Sent) and told.reference is not None:
            chat, message_id = self._place(told.reference)
            fields = {"chat_id": chat, "disable_notification": "true"}
            fields["reply_parameters"] = json.dumps({"message_id": message_id})
            if self._config.thread_id is not None:
                fields["message_thread_id"] = str(self._config.thread_id)
            reply = await self._ask("sendPhoto", *await form(fields, "photo", notice.picture))
            if not isinstance(reply, Sent):
                warn("report.picture_not_taken", provider=self.name, reason=reply.reason)
        return told

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._sender.aclose()

    async def _edit(self, reference: str, payload: Json) -> Reply:
        chat, message_id = self._place(reference)
        if (busy := await self._pace.turn_to_edit()) is not None:
            return busy
        reply = await self._call(
            "editMessageText", {"chat_id": chat, "message_id": message_id, **payload}, EDIT_TIMEOUT
        )
        if isinstance(reply, Sent):
            return Sent(reference)
        # The message may stand in another chat than is posted to by now, and that one be no more.
        return reply if isinstance(reply, TryLater | Unacceptable) else MessageGone(reply.reason)

    async def _post(self, payload: Json, *, silent: bool) -> Reply:
        """Send it to the chat: to its new id where it names that, outside of the topic where that takes nothing."""
        payload = {**payload, "disable_notification": silent}
        topic = {} if self._config.thread_id is None else {"message_thread_id": self._config.thread_id}
        reply = await self._call("sendMessage", {"chat_id": self._chat, **payload, **topic})
        if isinstance(reply, Moved):
            # A supergroup counts its messages anew, so those of the group are found by its old id only.
            cure = "write the new chat_id into the config"
            warn("telegram.moved", provider=self.name, chat_id=reply.chat_id, cure=cure)
            self._chat = reply.chat_id
            reply = await self._call("sendMessage", {"chat_id": self._chat, **payload, **topic})
        if isinstance(reply, TopicShut) and topic:
            warn("telegram.topic_shut", provider=self.name, reason=reply.reason, cure="set another thread_id")
            reply = await self._call("sendMessage", {"chat_id": self._chat, **payload})
        if isinstance(reply, Sent) and reply.reference is not None:
            return Sent(f"{self._chat}/{reply.reference}")
        return Refused(reply.reason) if isinstance(reply, Moved | TopicShut) else reply

    def _place(self, reference: str) -> tuple[str, int]:
        """The chat and the id of a message; older versions named the id alone."""
        chat, named, message_id = reference.rpartition("/")
        return (chat if named else self._config.chat_id), int(message_id)

    async def _call(self, method: str, payload: Json, at_most: float = LONGEST_TIMEOUT) -> Reply | Moved | TopicShut:
        return await self._ask(method, json.dumps(payload).encode(), {"Content-Type": "application/json"}, at_most)

    async def _ask(
        self, method: str, body: bytes, headers: Mapping[str, str], at_most: float = LONGEST_TIMEOUT
    ) -> Reply | Moved | TopicShut:
        await self._pace.turn()
        base = self._config.api_url.get_secret_value().rstrip("/")
        url = URL(f"{base}/bot{self._config.token.get_secret_value()}/{method}")
        answer = await self._sender.request("POST", url, body, headers, at_most=at_most)
        self._pace.hold(self._pause)
        return answer if isinstance(answer, TryLater) else classify(answer)


PROVIDER_TYPE = ProviderType(TelegramConfig, TelegramProvider)


def _is_silent(notice: Notice) -> bool:
    return notice.message.severity is Severity.INFO or notice.message.resolved


def html_payload(notice: Notice, mention: str | None) -> Json:
    """The message in Telegram's HTML, within its limits whatever the notice holds."""
    message = notice.message
    title = fit(headline(message), _TITLE, escape)
    parts = [f"<b>{title}</b>\n{fit(one_line(message.text), _TEXT, escape)}"]
    if mention is not None and pages_someone(notice):
        parts.insert(0, mention)
    parts += [part for part in (joined_within(map(_fact, message.fields), "\n", _FACTS), _links(message)) if part]
    return {**_envelope(), "text": "\n".join(parts), "parse_mode": "HTML"}


def plain_payload(notice: Notice, mention: str | None) -> Json:
    """The message in a few plain words, for when Telegram does not take the HTML."""
    message = notice.message
    lines = [headline(message), one_line(message.text), *map(fact_line, message.fields[:3])]
    texts = [fit(line, 200, _apart) for line in lines]
    if mention is not None and pages_someone(notice):
        texts.insert(0, mention)
    return {**_envelope(), "text": "\n".join(texts)}


def escape(char: str) -> str:
    """One character so that Telegram takes it for itself, outside of ``code``."""
    return _ENTITIES.get(char) or _apart(char)


def _envelope() -> Json:
    return {"link_preview_options": {"is_disabled": True}}


def _fact(field: Field) -> str:
    name = fit(one_line(field.name), _NAME, escape)
    if isinstance(field.value, str):
        return f"{name}: <code>{fit(one_line(field.value), _VALUE, lambda char: _ENTITIES.get(char, char))}</code>"
    return f"{name}: <code>{utc_words(field.value.timestamp)}</code>"


def _links(message: Message) -> str:
    named = (
        f'<a href="{link.url.replace("&", "&amp;")}">{fit(one_line(link.name), 50, escape)}</a>'
        for link in web_links(message.links)[:6]
    )
    return " · ".join(named)


def _apart(char: str) -> str:
    return char + _NO_WIDTH if char in _BEGINS_SOMETHING else char
