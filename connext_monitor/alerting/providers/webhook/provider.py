"""A webhook for machines: the API's documents, signed as Standard Webhooks 1.0.0 says.

Source: the specification at standard-webhooks/standard-webhooks, ``spec/standard-webhooks.md``.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import msgspec
from msgspec import UNSET
from yarl import URL

from connext_monitor.alerting.http.response import HttpResponse
from connext_monitor.alerting.notice import AlertNotice, Notice, ReportNotice
from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.alerting.providers.replies import Unacceptable
from connext_monitor.alerting.providers.webhook import SigningSecret, WebhookConfig
from connext_monitor.alerting.providers.wording import ELLIPSIS, web_links
from connext_monitor.clock import Clock
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.delivery import Change, ChannelDead, Outcome, Refused, Sent, TryLater
from connext_monitor.core.documents.alerts import AlertDocument, alert_document
from connext_monitor.core.documents.transfers import transfer_document
from connext_monitor.core.documents.webhook import AlertBody, AlertNews, ReportBody, ReportNews
from connext_monitor.core.formats import rfc3339
from connext_monitor.core.labels import ChainLabels

MOST_BYTES = 20_000
_TYPES: Mapping[Change, Literal["alert.opened", "alert.resolved"]] = {
    Change.OPENED: "alert.opened",
    Change.RESOLVED: "alert.resolved",
}
# The longest text and list in a body; the next pair is taken where a body is still too large. With the last one the
# some fifty values of alert and transfer come to under 14 kB even where each character takes six bytes.
_CUTS = ((4000, 100), (1000, 20), (200, 10), (80, 5))
_SHORT = (300, 5)
_PATHWAYS = 64


class WebhookProvider:
    """The operator's own HTTP endpoint."""

    digest_mode = DigestMode.EACH
    shows_pictures = False

    def __init__(self, name: str, config: WebhookConfig, context: ProviderContext) -> None:
        self.name = name
        self._config = config
        self._labels = context.labels
        self._clock: Clock = context.clock
        self._sender = context.sender()

    async def send(self, notice: AlertNotice, reference: str | None) -> Outcome:  # noqa: ARG002 - a webhook has nothing to edit
        """Post the body; where it is rejected, once more without the transfer and with less text."""
        now = self._clock.now().timestamp()
        reply = await self._post(notice, whole_body(notice, self._labels, now))
        if isinstance(reply, Unacceptable):
            reply = await self._post(notice, short_body(notice))
        return Refused(reply.reason) if isinstance(reply, Unacceptable) else reply

    async def report(self, notice: ReportNotice) -> Outcome:
        """Post the report's numbers."""
        reply = await self._post(notice, report_body(notice))
        return Refused(reply.reason) if isinstance(reply, Unacceptable) else reply

    async def aclose(self) -> None:
        """Close the connections."""
        await self._sender.aclose()

    async def _post(self, notice: Notice, body: bytes) -> Outcome | Unacceptable:
        headers = signed_headers(notice.key, int(self._clock.now().timestamp()), body, self._config.secret)
        url = URL(self._config.url.get_secret_value())
        response = await self._sender.request("POST", url, body, headers)
        return response if isinstance(response, TryLater) else classify(response)


def whole_body(notice: AlertNotice, labels: ChainLabels, now: float) -> bytes:
    """The whole body in under 20 kB; ``now`` in Unix seconds.

    Nothing is cut from what the bridge can make; where hostile data is larger, texts and lists are cut short.
    """
    transfer = UNSET if notice.transfer is None else transfer_document(notice.transfer, labels, now)
    return _within_limit(_alert_body(notice, AlertNews(_alert(notice), transfer)))


def short_body(notice: AlertNotice) -> bytes:
    """The alert alone, its texts short and without links, for a receiver that rejects the whole."""
    news = AlertNews(msgspec.structs.replace(_alert(notice), links=[]))
    return _encoded(_cut(msgspec.to_builtins(_alert_body(notice, news)), *_SHORT))


def report_body(notice: ReportNotice) -> bytes:
    """A report's numbers in under 20 kB, for as many of the busiest pathways as fit."""
    most, body = _PATHWAYS, b""
    while most and not 0 < len(body) < MOST_BYTES:
        news = ReportNews(notice.document(most))
        body = _encoded(msgspec.to_builtins(ReportBody("report.stats", rfc3339(notice.created_at), news)))
        most = most * 3 // 4
    return body


def signed_headers(key: str, timestamp: int, body: bytes, secret: SigningSecret | None) -> Mapping[str, str]:
    """The headers of one attempt at ``timestamp`` (Unix seconds); the id is the notice's, the same on every retry."""
    # Hashed, because ids hold names of chains: a header takes only ASCII, and a signed id no full stop.
    webhook_id = f"msg_{hashlib.sha256(key.encode(errors='backslashreplace')).hexdigest()[:32]}"
    headers = {"Content-Type": "application/json", "webhook-id": webhook_id, "webhook-timestamp": str(timestamp)}
    if secret is not None:
        content = f"{webhook_id}.{timestamp}.".encode() + body
        signature = base64.b64encode(hmac.digest(secret.key, content, "sha256")).decode()
        headers["webhook-signature"] = f"v1,{signature}"
    return headers


def classify(response: HttpResponse) -> Outcome | Unacceptable:
    """What a receiver's response means.

    1. 2xx: taken.
    2. 410: it wants no more of this, as the specification has it. 401, 403 and 404 also come from what stands in front
       of it, or are fixed there, and pass.
    3. 400, 413, 422: rejected in this form.
    4. Anything else, redirects too, may be fixed on the other side while the alert waits: try later.
    """
    if response.ok:
        return Sent()
    if response.status == 410:
        return ChannelDead(response.words)
    return Unacceptable(response.words) if response.status in {400, 413, 422} else response.try_later()


def _alert(notice: AlertNotice) -> AlertDocument:
    message = notice.message
    title = f"DRILL · {message.title}" if message.drill else message.title
    return alert_document(notice.alert, replace(message, title=title, links=tuple(web_links(message.links))))


def _alert_body(notice: AlertNotice, news: AlertNews) -> AlertBody:
    return AlertBody("test" if notice.drill else _TYPES[notice.change], rfc3339(notice.created_at), news)


def _within_limit(whole: AlertBody) -> bytes:
    body = b""
    for longest_text, longest_list in _CUTS:
        body = _encoded(_cut(msgspec.to_builtins(whole), longest_text, longest_list))
        if len(body) < MOST_BYTES:
            break
    return body


def _encoded(body: object) -> bytes:
    # Receivers log bodies as they come: what does not print, or turns text around, is written as JSON's escape. A lone
    # surrogate, which no parser has to take, becomes a question mark.
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace").decode()
    if text.isprintable():
        return text.encode()
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text).encode()


def _cut(value: object, longest_text: int, longest_list: int) -> object:
    if isinstance(value, str):
        return value if len(value) <= longest_text else value[: longest_text - 1] + ELLIPSIS
    if isinstance(value, dict):
        return {key: _cut(item, longest_text, longest_list) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut(item, longest_text, longest_list) for item in value[:longest_list]]
    return value
