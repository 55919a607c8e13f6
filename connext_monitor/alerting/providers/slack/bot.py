"""Slack by a bot's token: one message for each alert or group, edited in place."""

import json
import re
from dataclasses import replace
from functools import partial

from yarl import URL

from connext_monitor.alerting.http.client import PICTURE
from connext_monitor.alerting.http.response import HttpResponse
from connext_monitor.alerting.http.timing import EDIT_TIMEOUT, LONGEST_TIMEOUT, RequestSpacing
from connext_monitor.alerting.notice import Notice, ReportNotice
from connext_monitor.alerting.providers.context import ProviderContext, warn
from connext_monitor.alerting.providers.replies import MessageGone, Reply, Unacceptable, edit_or_post, ever_plainer
from connext_monitor.alerting.providers.slack import SlackConfig
from connext_monitor.alerting.providers.slack.payload import blocks_payload, plain_payload
from connext_monitor.alerting.providers.slack.responses import DEAD_WORDS, LIMITED_WORDS, error_word
from connext_monitor.alerting.providers.slack.webhook import BETWEEN_MESSAGES
from connext_monitor.config import SecretText
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.delivery import ChannelDead, FailureCause, Outcome, Sent, TryLater
from connext_monitor.core.formats import Json

_JSON = "application/json; charset=utf-8"
# Somebody can invite a bot or give it a right without a change here: until then its messages are tried again. Of a
# private channel that it is not in, Slack says that there is none.
_LET_IN_LATER = frozenset(
    {
        "access_denied",
        "channel_not_found",
        "ekm_access_denied",
        "missing_scope",
        "no_permission",
        "not_in_channel",
        "org_login_required",
        "team_access_not_granted",
    }
)
_NO_MORE_ACCESS = (DEAD_WORDS | {"not_allowed_token_type", "not_authed", "token_expired"}) - _LET_IN_LATER
_MESSAGE_GONE = frozenset({"cant_edit_message", "cant_update_message", "edit_window_closed", "message_not_found"})
_PASSING = frozenset(
    {
        "external_channel_migrating",
        "fatal_error",
        "internal_error",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
    }
)
# The start of a response whose rest was lost.
_OK = re.compile(rb'\s*\{\s*"ok"\s*:\s*true\b')


class SlackBot:
    """A Slack channel that a bot writes to."""

    digest_mode = DigestMode.CHANGING_DIGEST
    shows_pictures = True

    def __init__(
        self, name: str, config: SlackConfig, token: SecretText, channel: str, context: ProviderContext
    ) -> None:
        self.name = name
        self._config = config
        self._token = token
        self._channel = channel
        self._sender = context.sender()
        self._spacing = RequestSpacing(context.clock, context.sleep)

    async def send(self, notice: Notice, reference: str | None) -> Outcome:
        """Post it, or edit its message; as plain text where Slack rejects the blocks."""

        def plain(version: Notice) -> Json:
            # An edit without blocks would leave those of the message as they are.
            return {"blocks": [], **plain_payload(version, self._config.mention)}

        forms = ever_plainer(notice, partial(blocks_payload, mention=self._config.mention), plain)
        return await edit_or_post(notice, forms, self._send, self._edit, reference)

    async def report(self, notice: ReportNotice) -> Outcome:
        """Post it, then its picture in the message's thread; the text alone is a report too."""
        outcome = await self.send(notice, None)
        if notice.picture is not None and isinstance(outcome, Sent) and outcome.reference is not None:
            trouble = await self._add_picture(notice.picture, outcome.reference)
            if trouble is not None:
                warn("report.picture_not_taken", provider=self.name, reason=trouble)
        return outcome

    async def _add_picture(self, picture: bytes, reference: str) -> str | None:
        """Upload it as Slack's documentation of ``files.getUploadURLExternal`` says; what went wrong, if any."""
        size = f"filename={PICTURE}&length={len(picture)}".encode()
        upload = await self._post("files.getUploadURLExternal", size, "application/x-www-form-urlencoded")
        if isinstance(upload, TryLater) or upload.json.get("ok") is not True:
            return _trouble(upload)
        url, file_id = str(upload.json.get("upload_url")), upload.json.get("file_id")
        if not url.startswith(("https://", "http://")):
            return "named no upload URL"
        sent = await self._sender.request("POST", URL(url), picture, {"Content-Type": "application/octet-stream"})
        if isinstance(sent, TryLater) or not sent.ok:
            return _trouble(sent)
        channel, _, ts = reference.partition("/")
        files = [{"id": file_id, "title": "Report"}]
        shared = json.dumps({"files": files, "channel_id": channel, "thread_ts": ts}).encode()
        completed = await self._post("files.completeUploadExternal", shared, _JSON)
        return None if isinstance(completed, HttpResponse) and completed.json.get("ok") is True else _trouble(completed)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._sender.aclose()

    async def _edit(self, reference: str, payload: Json) -> Reply:
        # A message is found only by its channel's id, not by the channel's name.
        channel, _, ts = reference.partition("/")
        if (busy := await self._spacing.turn_to_edit()) is not None:
            return busy
        reply = await self._call("chat.update", {**payload, "channel": channel, "ts": ts}, EDIT_TIMEOUT)
        if isinstance(reply, Sent):
            return Sent(reference)
        # The message may be in a channel that is no longer configured, and no longer exists.
        return MessageGone(reply.reason) if isinstance(reply, ChannelDead) else reply

    async def _send(self, payload: Json) -> Reply:
        return await self._call("chat.postMessage", {**payload, "channel": self._channel})

    async def _call(self, method: str, payload: Json, at_most: float = LONGEST_TIMEOUT) -> Reply:
        response = await self._post(method, json.dumps(payload).encode(), _JSON, at_most)
        return response if isinstance(response, TryLater) else classify(response)

    async def _post(
        self, method: str, body: bytes, content_type: str, at_most: float = LONGEST_TIMEOUT
    ) -> HttpResponse | TryLater:
        await self._spacing.turn()
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}", "Content-Type": content_type}
        base = self._config.api_url.get_secret_value().rstrip("/")
        response = await self._sender.request("POST", URL(f"{base}/{method}"), body, headers, at_most=at_most)
        self._spacing.hold(BETWEEN_MESSAGES)
        return response


def _let_in_later(word: str) -> bool:
    return word in _LET_IN_LATER or word.startswith("restricted_action")


def _trouble(response: HttpResponse | TryLater) -> str:
    if isinstance(response, TryLater):
        return response.reason
    meaning = classify(response)
    return f"{response.words} without Slack's ok" if isinstance(meaning, Sent) else meaning.reason


def classify(response: HttpResponse) -> Outcome | Unacceptable | MessageGone:
    """What the web API's response means; it says 200 to nearly everything, and means ``ok``.

    1. ``ok``: taken; channel and ``ts`` are the reference, where they can be read.
    2. 429, 5xx, and words of passing trouble: try later.
    3. Words about the token, or a channel that is closed: nothing will be taken any more. About membership and rights:
       try later, as somebody may fix that.
    4. Words about the message to be changed: it no longer exists.
    5. Any other word, 400 and 413: rejected in this form.
    6. Anything without a word is not Slack's response: try later.
    """
    document = response.json
    channel, ts = document.get("channel"), document.get("ts")
    if response.ok and (document.get("ok") is True or _OK.match(response.body)):
        return Sent(f"{channel}/{ts}" if isinstance(channel, str) and isinstance(ts, str) else None)
    word = error_word(response)
    words = f"{response.words}, {word}" if word else response.words
    if response.later or word in LIMITED_WORDS:
        return TryLater(words, response.retry_after, response.cause if response.later else FailureCause.RATE_LIMITED)
    if word in _NO_MORE_ACCESS or _let_in_later(word):
        return TryLater(words) if _let_in_later(word) else ChannelDead(words)
    if word in _MESSAGE_GONE:
        return MessageGone(words)
    if (word and word not in _PASSING) or (response.status in {400, 413} and not response.is_page):
        return Unacceptable(words)
    later = response.try_later()
    if response.ok and not response.is_page:
        words = f"{words} without Slack's ok"
    return later if words == response.words else replace(later, reason=words)
