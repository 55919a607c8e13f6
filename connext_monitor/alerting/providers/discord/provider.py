"""Sends to a Discord webhook, edits earlier messages, and copes with threads that accept nothing."""

import json
from collections.abc import Mapping
from functools import partial

from yarl import URL

from connext_monitor.alerting.http.client import PICTURE, form
from connext_monitor.alerting.http.response import HttpResponse
from connext_monitor.alerting.http.timing import EDIT_TIMEOUT, LONGEST_TIMEOUT, RequestSpacing
from connext_monitor.alerting.notice import Notice, ReportNotice
from connext_monitor.alerting.providers.context import ProviderContext, warn
from connext_monitor.alerting.providers.discord import ID, DiscordConfig
from connext_monitor.alerting.providers.discord.payload import embed_payload, plain_payload
from connext_monitor.alerting.providers.discord.responses import ThreadShut, classify, pause_after, versioned
from connext_monitor.alerting.providers.replies import MessageGone, Reply, Unacceptable, edit_or_post, ever_plainer
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.delivery import ChannelDead, Outcome, Refused, Sent, TryLater
from connext_monitor.core.formats import Json

_THREAD_NAME = "Alerts"
# Seconds. Discord may count posts and edits together, but new messages wait no longer than this for edits.
_SHARED_PAUSE = 3.0


class WebhookUnwell(Exception):
    """The webhook does not exist, or does not respond; the message says why, without its address."""


class DiscordProvider:
    """A Discord channel behind a webhook."""

    digest_mode = DigestMode.CHANGING_DIGEST
    shows_pictures = True

    def __init__(self, name: str, config: DiscordConfig, context: ProviderContext) -> None:
        self.name = name
        self._config = config
        self._sender = context.sender()
        self._spacing = RequestSpacing(context.clock, context.sleep)
        self._edit_spacing = RequestSpacing(context.clock, context.sleep)
        self._own_thread: str | None = None

    async def send(self, notice: Notice, reference: str | None) -> Outcome:
        """Post it, or edit its message; as plain text where Discord rejects the embed."""
        mention = self._config.mention
        forms = ever_plainer(notice, partial(embed_payload, mention=mention), partial(plain_payload, mention=mention))
        return await edit_or_post(notice, forms, self._post, self._edit, reference)

    async def report(self, notice: ReportNotice) -> Outcome:
        """Post it with its picture, or without where Discord rejects that."""
        if notice.picture is not None:
            payload = embed_payload(notice, None)
            payload["embeds"] = [{**embed, "image": {"url": f"attachment://{PICTURE}"}} for embed in _embeds(payload)]
            body, headers = await form({"payload_json": json.dumps(payload)}, "files[0]", notice.picture)
            reply, _ = await self._ask("POST", self._config.thread_id, body, headers)
            if isinstance(reply, Sent | TryLater):
                return reply
        return await self.send(notice, None)

    async def check(self) -> str:
        """Ask about the webhook itself, which sends nothing. Raises WebhookUnwell where it would accept no alert."""
        url = message_url(self._config, None).with_query(None)
        response = await self._sender.request("GET", url, b"", {})
        if isinstance(response, TryLater):
            raise WebhookUnwell(response.reason)
        meaning = classify(response)
        if not isinstance(meaning, Sent):
            raise WebhookUnwell(meaning.reason)
        return "the webhook exists"

    async def aclose(self) -> None:
        """Close the connections."""
        await self._sender.aclose()

    async def _edit(self, reference: str, payload: Json) -> Reply:
        message_id, elsewhere, thread_id = reference.partition("/")
        thread = (thread_id or None) if elsewhere else self._config.thread_id
        if (busy := await self._edit_spacing.turn_to_edit()) is not None:
            return busy
        reply, _ = await self._request("PATCH", thread, payload, message_id)
        if isinstance(reply, Sent):
            return Sent(reference)
        # Whatever is wrong with the thread: a new message reopens an archived one, or goes elsewhere.
        return MessageGone(reply.reason) if isinstance(reply, ThreadShut) else reply

    async def _post(self, payload: Json) -> Reply:
        """Post it to the channel or the configured thread; beside the thread where that accepts nothing."""
        reply, _ = await self._request("POST", self._config.thread_id, payload)
        if not isinstance(reply, ThreadShut):
            return reply
        if self._config.thread_id is None:
            return ChannelDead(reply.reason) if reply.is_forum else Refused(reply.reason)
        warn("discord.thread_shut", provider=self.name, reason=reply.reason, cure="set another thread_id")
        beside = await self._post_beside(payload)
        # Only an answer about the webhook itself means that the channel is dead.
        return beside if isinstance(beside, Sent | TryLater | Unacceptable) else Refused(reply.reason)

    async def _post_beside(self, payload: Json) -> Reply | ThreadShut:
        """Post for the readers of the channel what its thread, locked or deleted, does not accept.

        It goes to the channel itself or, where that is a forum, to a thread of our own; the reference says where.
        """
        thread = self._own_thread
        reply, response = await self._request("POST", thread, payload)
        if thread is None and isinstance(reply, ThreadShut) and reply.is_forum:
            reply, response = await self._request("POST", None, {**payload, "thread_name": _THREAD_NAME})
            thread_id = response.json.get("channel_id") if response is not None else None
            thread = thread_id if isinstance(thread_id, str) and ID.fullmatch(thread_id) else None
        if not isinstance(reply, Sent):
            self._own_thread = None
            return reply
        self._own_thread = thread
        return Sent(f"{reply.reference}/{thread or ''}" if reply.reference else None)

    async def _request(
        self, method: str, thread: str | None, payload: Json, message_id: str | None = None
    ) -> tuple[Reply | ThreadShut, HttpResponse | None]:
        headers = {"Content-Type": "application/json"}
        return await self._ask(method, thread, json.dumps(payload).encode(), headers, message_id)

    async def _ask(
        self, method: str, thread: str | None, body: bytes, headers: Mapping[str, str], message_id: str | None = None
    ) -> tuple[Reply | ThreadShut, HttpResponse | None]:
        own, other, at_most = self._spacing, self._edit_spacing, LONGEST_TIMEOUT
        if message_id is not None:
            own, other, at_most = other, own, EDIT_TIMEOUT
        await own.turn()
        url = message_url(self._config, thread, message_id)
        response = await self._sender.request(method, url, body, headers, at_most=at_most)
        if isinstance(response, TryLater):
            return response, None
        if pause := pause_after(response):
            own.hold(pause)
            other.hold(min(pause, _SHARED_PAUSE))
        return classify(response), response


def message_url(config: DiscordConfig, thread: str | None, message_id: str | None = None) -> URL:
    """Where to post, or where the message to edit is; ``wait`` makes Discord say whether it was saved."""
    base = URL(config.webhook_url.get_secret_value())
    path = versioned(base.path.rstrip("/"))
    url = base.with_path(path + (f"/messages/{message_id}" if message_id else ""))
    url = url.with_query(base.query).update_query({"wait": "true"})
    return url.update_query({"thread_id": thread}) if thread else url


def _embeds(payload: Json) -> list[Json]:
    embeds = payload["embeds"]
    return embeds if isinstance(embeds, list) else []
