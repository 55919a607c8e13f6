"""Sends to a Telegram chat as a bot, and edits its messages there."""

import json
from collections.abc import Mapping
from functools import partial

from yarl import URL

from connext_monitor.alerting.http.client import form
from connext_monitor.alerting.http.timing import EDIT_TIMEOUT, LONGEST_TIMEOUT, RequestSpacing
from connext_monitor.alerting.notice import Notice, ReportNotice
from connext_monitor.alerting.providers.context import ProviderContext, warn
from connext_monitor.alerting.providers.replies import MessageGone, Reply, Unacceptable, edit_or_post, ever_plainer
from connext_monitor.alerting.providers.telegram import TelegramConfig
from connext_monitor.alerting.providers.telegram.payload import html_payload, plain_payload
from connext_monitor.alerting.providers.telegram.responses import Moved, TopicShut, classify
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.delivery import Outcome, Refused, Sent, TryLater
from connext_monitor.core.formats import Json

_BETWEEN_MESSAGES = 1.0
_BETWEEN_MESSAGES_TO_A_GROUP = 3.0


class TelegramProvider:
    """A Telegram chat that a bot writes to."""

    digest_mode = DigestMode.CHANGING_DIGEST
    shows_pictures = True

    def __init__(self, name: str, config: TelegramConfig, context: ProviderContext) -> None:
        self.name = name
        self._config = config
        self._sender = context.sender()
        self._spacing = RequestSpacing(context.clock, context.sleep)
        self._chat = config.chat_id
        is_person = config.chat_id.isdigit()
        self._pause = _BETWEEN_MESSAGES if is_person else _BETWEEN_MESSAGES_TO_A_GROUP

    async def send(self, notice: Notice, reference: str | None) -> Outcome:
        """Post it, or edit its message; as plain text where Telegram rejects the formatting."""
        mention = self._config.mention
        forms = ever_plainer(notice, partial(html_payload, mention=mention), partial(plain_payload, mention=mention))
        return await edit_or_post(notice, forms, partial(self._post, silent=_is_silent(notice)), self._edit, reference)

    async def report(self, notice: ReportNotice) -> Outcome:
        """Send it, then its picture as an answer to that; the words alone are a report too."""
        outcome = await self.send(notice, None)
        if notice.picture is not None and isinstance(outcome, Sent) and outcome.reference is not None:
            chat, message_id = self._chat_and_id(outcome.reference)
            fields = {"chat_id": chat, "disable_notification": "true"}
            fields["reply_parameters"] = json.dumps({"message_id": message_id})
            if self._config.thread_id is not None:
                fields["message_thread_id"] = str(self._config.thread_id)
            reply = await self._ask("sendPhoto", *await form(fields, "photo", notice.picture))
            if not isinstance(reply, Sent):
                warn("report.picture_not_taken", provider=self.name, reason=reply.reason)
        return outcome

    async def aclose(self) -> None:
        """Close the connections."""
        await self._sender.aclose()

    async def _edit(self, reference: str, payload: Json) -> Reply:
        chat, message_id = self._chat_and_id(reference)
        if (busy := await self._spacing.turn_to_edit()) is not None:
            return busy
        reply = await self._call(
            "editMessageText", {"chat_id": chat, "message_id": message_id, **payload}, EDIT_TIMEOUT
        )
        if isinstance(reply, Sent):
            return Sent(reference)
        # The message may be in a chat that is no longer posted to, and no longer exists.
        return reply if isinstance(reply, TryLater | Unacceptable) else MessageGone(reply.reason)

    async def _post(self, payload: Json, *, silent: bool) -> Reply:
        """Send it to the chat: under its new id where it has moved, outside the topic where that accepts nothing."""
        payload = {**payload, "disable_notification": silent}
        topic = {} if self._config.thread_id is None else {"message_thread_id": self._config.thread_id}
        reply = await self._call("sendMessage", {"chat_id": self._chat, **payload, **topic})
        if isinstance(reply, Moved):
            # A supergroup numbers its messages anew, so those of the group are found only under its old id.
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

    def _chat_and_id(self, reference: str) -> tuple[str, int]:
        """The chat and the id of a message; older versions named the id alone."""
        chat, named, message_id = reference.rpartition("/")
        return (chat if named else self._config.chat_id), int(message_id)

    async def _call(self, method: str, payload: Json, at_most: float = LONGEST_TIMEOUT) -> Reply | Moved | TopicShut:
        return await self._ask(method, json.dumps(payload).encode(), {"Content-Type": "application/json"}, at_most)

    async def _ask(
        self, method: str, body: bytes, headers: Mapping[str, str], at_most: float = LONGEST_TIMEOUT
    ) -> Reply | Moved | TopicShut:
        await self._spacing.turn()
        base = self._config.api_url.get_secret_value().rstrip("/")
        url = URL(f"{base}/bot{self._config.token.get_secret_value()}/{method}")
        response = await self._sender.request("POST", url, body, headers, at_most=at_most)
        self._spacing.hold(self._pause)
        return response if isinstance(response, TryLater) else classify(response)


def _is_silent(notice: Notice) -> bool:
    return notice.message.severity is Severity.INFO or notice.message.resolved
