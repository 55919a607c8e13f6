"""Slack by a bot's token: one message for each alert or group, changed in place.

Source of methods and errors: Slack's documentation of ``chat.postMessage`` and ``chat.update``.
"""

import json

import structlog
from yarl import URL

from connext_monitor.alerting.notice import DigestProvider, Notice, ReportNotice
from connext_monitor.alerting.providers.base import Surroundings
from connext_monitor.alerting.providers.http import (
    PICTURE,
    Answer,
    HttpSender,
    MessageGone,
    Pace,
    Unacceptable,
    in_some_form,
)
from connext_monitor.alerting.providers.slack import (
    BETWEEN_MESSAGES,
    DEAD_WORDS,
    ERROR_WORD,
    SlackConfig,
    SlackProvider,
    blocks_payload,
    plain_payload,
)
from connext_monitor.config import SecretText
from connext_monitor.core.delivery import Cause, Change, ChannelDead, Outcome, Sent, TryLater
from connext_monitor.core.documents import Json
from connext_monitor.core.grouping import Telling

_JSON = "application/json; charset=utf-8"
_NO_MORE_ACCESS = DEAD_WORDS | {
    "access_denied",
    "ekm_access_denied",
    "missing_scope",
    "no_permission",
    "not_allowed_token_type",
    "not_authed",
    "not_in_channel",
    "org_login_required",
    "restricted_action",
    "team_access_not_granted",
    "token_expired",
}
_MESSAGE_GONE = frozenset({"cant_update_message", "edit_window_closed", "message_not_found"})
_NOT_SO = frozenset(
    {"invalid_arguments", "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "no_text"}
)


log = structlog.get_logger()


def slack(name: str, config: SlackConfig, around: Surroundings) -> DigestProvider:
    """The channel behind a webhook or behind a bot, whichever the config has."""
    if config.token is None or config.channel is None:
        return SlackProvider(name, config, around)
    return SlackBot(name, config, config.token, config.channel, around)


class SlackBot:
    """A Slack channel that a bot writes to."""

    telling = Telling.CHANGING_DIGEST
    shows_pictures = True

    def __init__(self, name: str, config: SlackConfig, token: SecretText, channel: str, around: Surroundings) -> None:
        self.name = name
        self._config = config
        self._token = token
        self._channel = channel
        self._sender = HttpSender(around.clock)
        self._pace = Pace(around.clock)

    async def send(self, notice: Notice, reference: str | None) -> Outcome:
        """Post it, or change its message; in plain words where Slack does not take the blocks."""
        # An edit without blocks would leave those of the message as they are.
        forms = ({"blocks": [], **form(notice, self._config.mention)} for form in (blocks_payload, plain_payload))
        return await in_some_form(forms, lambda form: self._tell(form, notice, reference))

    async def report(self, notice: ReportNotice) -> Outcome:
        """Post it, then its picture in the message's thread; the words alone are a report too."""
        told = await self.send(notice, None)
        if notice.picture is not None and isinstance(told, Sent) and told.reference is not None:
            trouble = await self._add_picture(notice.picture, told.reference)
            if trouble is not None:
                log.warning("report.picture_not_taken", provider=self.name, reason=trouble)
        return told

    async def _add_picture(self, picture: bytes, reference: str) -> str | None:
        """Upload it as Slack's documentation of ``files.getUploadURLExternal`` says; what went wrong, if any."""
        size = f"filename={PICTURE}&length={len(picture)}".encode()
        place = await self._post("files.getUploadURLExternal", size, "application/x-www-form-urlencoded")
        if isinstance(place, TryLater) or place.json.get("ok") is not True:
            return _trouble(place)
        url, file_id = str(place.json.get("upload_url")), place.json.get("file_id")
        if not url.startswith(("https://", "http://")):
            return "names no place for files"
        sent = await self._sender.request("POST", URL(url), picture, {"Content-Type": "application/octet-stream"})
        if isinstance(sent, TryLater) or not sent.ok:
            return _trouble(sent)
        channel, _, ts = reference.partition("/")
        files = [{"id": file_id, "title": "Report"}]
        shared = json.dumps({"files": files, "channel_id": channel, "thread_ts": ts}).encode()
        done = await self._post("files.completeUploadExternal", shared, _JSON)
        return None if isinstance(done, Answer) and done.json.get("ok") is True else _trouble(done)

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._sender.aclose()

    async def _tell(self, payload: Json, notice: Notice, reference: str | None) -> Outcome | Unacceptable:
        if notice.change is not Change.OPENED and reference is not None:
            # A message is found by its channel's id, which a name is not.
            channel, _, ts = reference.partition("/")
            reply = await self._call("chat.update", {**payload, "channel": channel, "ts": ts})
            if not isinstance(reply, MessageGone):
                return reply
        reply = await self._call("chat.postMessage", {**payload, "channel": self._channel})
        return ChannelDead(reply.reason) if isinstance(reply, MessageGone) else reply

    async def _call(self, method: str, payload: Json) -> Outcome | Unacceptable | MessageGone:
        answer = await self._post(method, json.dumps(payload).encode(), _JSON)
        return answer if isinstance(answer, TryLater) else classify(answer)

    async def _post(self, method: str, body: bytes, content_type: str) -> Answer | TryLater:
        await self._pace.turn()
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}", "Content-Type": content_type}
        base = self._config.api_url.get_secret_value().rstrip("/")
        answer = await self._sender.request("POST", URL(f"{base}/{method}"), body, headers)
        self._pace.hold(BETWEEN_MESSAGES)
        return answer


def _trouble(answer: Answer | TryLater) -> str:
    if isinstance(answer, TryLater):
        return answer.reason
    meaning = classify(answer)
    return f"{answer.words} without Slack's ok" if isinstance(meaning, Sent) else meaning.reason


def classify(answer: Answer) -> Outcome | Unacceptable | MessageGone:
    """What the web API's answer means; it says 200 to nearly everything, and means ``ok``.

    1. ``ok``: taken; channel and ``ts`` are the reference.
    2. 429, 5xx: come again.
    3. Words about the token, the rights or the channel: nothing will be taken until somebody sees to that.
    4. Words about the message to be changed: it is no more.
    5. Words about the form, 400 and 413: not as it is written.
    6. Anything else: come again.
    """
    said = answer.json
    channel, ts, error = said.get("channel"), said.get("ts"), said.get("error")
    if answer.ok and said.get("ok") is True:
        return Sent(f"{channel}/{ts}" if isinstance(channel, str) and isinstance(ts, str) else None)
    word = error if isinstance(error, str) and ERROR_WORD.fullmatch(error.encode(errors="replace")) else ""
    words = f"{answer.words}, {word}" if word else answer.words
    if answer.later or word in {"ratelimited", "rate_limited"}:
        return TryLater(words, answer.retry_after, answer.cause if answer.later else Cause.RATE_LIMITED)
    if answer.status in {401, 403} or word in _NO_MORE_ACCESS:
        return ChannelDead(words)
    if word in _MESSAGE_GONE:
        return MessageGone(words)
    if answer.status in {400, 413} or word in _NOT_SO:
        return Unacceptable(words)
    return TryLater(words if word else f"{answer.words} without Slack's ok", answer.retry_after)
