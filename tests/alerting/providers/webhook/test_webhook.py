"""The webhook for machines: its body, its signature, and what a receiver's answers mean."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from msgspec import to_builtins
from pydantic_core import PydanticCustomError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from connext_monitor.alerting.http.response import HttpResponse
from connext_monitor.alerting.notice import AlertNotice
from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.alerting.providers.replies import Unacceptable
from connext_monitor.alerting.providers.webhook import SigningSecret, WebhookConfig
from connext_monitor.alerting.providers.webhook.provider import (
    MOST_BYTES,
    WebhookProvider,
    classify,
    short_body,
    signed_headers,
    whole_body,
)
from connext_monitor.clock import SystemClock
from connext_monitor.config import SecretUrl
from connext_monitor.core.delivery import Change, ChannelDead, Outcome, Refused, Sent, TryLater
from connext_monitor.core.documents.transfers import transfer_document
from connext_monitor.core.labels import ChainLabel, ChainLabels
from connext_monitor.core.transfer_view import TransferView
from tests.alerting.providers.webhook.vendor import SECRET, Receiver
from tests.world.alerts import ARRIVED, DUE, ENDS_OF_LIFE, LABELS, NOW, ROUTER, UNOBSERVED, notice
from tests.world.clocks import ManualClock
from tests.world.hostile import SWELLING, notices, swollen

NOW_UNIX = NOW.timestamp()


def config(url: str, secret: str | None = None) -> WebhookConfig:
    return WebhookConfig(type="webhook", url=SecretUrl(url), secret=SigningSecret(secret) if secret else None)


@pytest.fixture
async def provider(receiver: Receiver, context: ProviderContext) -> AsyncIterator[WebhookProvider]:
    provider = WebhookProvider("machines", config(receiver.url), context)
    yield provider
    await provider.aclose()


def body_of(sent: AlertNotice) -> Any:
    return json.loads(whole_body(sent, LABELS, NOW_UNIX))


# --- the body ---


def test_the_body_of_an_opening_is_the_contracts() -> None:
    sent = notice()
    assert sent.transfer is not None
    body = body_of(sent)
    assert body["type"] == "alert.opened"
    assert body["timestamp"] == "2026-03-01T12:00:00Z"
    assert set(body["data"]) == {"alert", "transfer"}
    assert body["data"]["transfer"] == to_builtins(transfer_document(sent.transfer, LABELS, NOW_UNIX))
    alert = body["data"]["alert"]
    keys = "id kind severity subject state opened_at resolved_at resolution title text links simulated_execution"
    assert " ".join(alert) == f"{keys} inhibited_by"
    assert (alert["kind"], alert["state"], alert["severity"]) == ("execute_overdue", "open", "critical")


def test_a_resolution_has_the_same_alert_id_and_says_how_it_ended() -> None:
    opened, resolved = (body_of(notice(change)) for change in ENDS_OF_LIFE)
    assert resolved["type"] == "alert.resolved"
    assert resolved["data"]["alert"]["id"] == opened["data"]["alert"]["id"]
    assert resolved["data"]["alert"]["resolution"] == "executed"
    assert resolved["data"]["transfer"]["status"] == "Executed"


def test_an_alert_about_no_transfer_has_none() -> None:
    body = body_of(replace(notice(), alert=UNOBSERVED, transfer=None))
    assert list(body["data"]) == ["alert"]
    assert body["data"]["alert"]["subject"] == "gnosis"


@pytest.mark.parametrize("change", ENDS_OF_LIFE)
def test_a_drill_is_of_type_test_and_says_so_in_its_title(change: Change) -> None:
    body = body_of(notice(change, drill=True))
    assert body["type"] == "test"
    assert body["data"]["alert"]["title"].startswith("DRILL · ")


@given(notices)
def test_every_body_is_json_in_under_20_kb(sent: AlertNotice) -> None:
    for body in (whole_body(sent, LABELS, NOW_UNIX), short_body(sent)):
        assert len(body) < MOST_BYTES
        assert json.loads(body)["data"]["alert"]["id"] == sent.alert.id


@pytest.mark.parametrize("char", SWELLING)
def test_even_a_swollen_alert_leaves_the_body_under_20_kb(char: str) -> None:
    text = char * 5000
    alert = replace(notice().alert, id=text, subject=text)
    crowd = TransferView(replace(ARRIVED, routers=(ROUTER,) * 1000), DUE)
    labels = ChainLabels({domain: ChainLabel(text) for domain in LABELS.by_domain})
    message = replace(swollen(char), links=swollen("\U0001f4a9").links)
    sent = replace(notice(message=message), alert=alert, transfer=crowd)
    assert len(whole_body(sent, labels, NOW_UNIX)) < MOST_BYTES
    assert len(short_body(sent)) < MOST_BYTES


@given(notices)
def test_an_ordinary_text_reaches_machines_unchanged(sent: AlertNotice) -> None:
    title = "".join(char for char in sent.message.title if not "\ud800" <= char <= "\udfff")[:200]
    message = replace(sent.message, title=title, text="t", links=(), drill=False)
    assert body_of(replace(sent, message=message))["data"]["alert"]["title"] == title


# --- the signature ---


async def test_a_signed_request_passes_the_standards_own_verification(
    signed_receiver: Receiver, context: ProviderContext
) -> None:
    provider = WebhookProvider("machines", config(signed_receiver.url, SECRET), context)
    assert await provider.send(notice(), None) == Sent()
    assert signed_receiver.taken[0]["type"] == "alert.opened"
    await provider.aclose()


async def test_a_request_signed_with_another_secret_does_not_pass(
    signed_receiver: Receiver, context: ProviderContext
) -> None:
    other = "whsec_" + "A" * 40
    provider = WebhookProvider("machines", config(signed_receiver.url, other), context)
    assert await provider.send(notice(), None) == TryLater("answered 401 Unauthorized")
    await provider.aclose()


def test_a_changed_body_does_not_pass() -> None:
    now = int(SystemClock().now().timestamp())
    headers = signed_headers("key", now, b'{"a":1}', SigningSecret(SECRET))
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(b'{"a":2}', dict(headers))


async def test_without_a_secret_nothing_is_signed(receiver: Receiver, provider: WebhookProvider) -> None:
    await provider.send(notice(), None)
    assert "webhook-signature" not in receiver.seen[0].headers
    assert receiver.seen[0].headers["webhook-id"].startswith("msg_")


async def test_a_retry_has_the_same_id_and_its_own_timestamp(receiver: Receiver) -> None:
    clock = ManualClock(NOW, running=True)
    provider = WebhookProvider("machines", config(receiver.url, SECRET), ProviderContext(LABELS, clock))
    receiver.plan(503)
    await provider.send(notice(), None)
    clock.at += timedelta(seconds=60)
    await provider.send(notice(), None)
    first, second = (request.headers for request in receiver.seen)
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 60
    assert first["webhook-signature"] != second["webhook-signature"]
    await provider.aclose()


async def test_opening_and_resolution_have_different_ids(receiver: Receiver, provider: WebhookProvider) -> None:
    for change in ENDS_OF_LIFE:
        await provider.send(notice(change), None)
    first, second = (request.headers["webhook-id"] for request in receiver.seen)
    assert first != second


@given(notices)
def test_the_id_is_plain_whatever_the_key(sent: AlertNotice) -> None:
    webhook_id = signed_headers(sent.message.title, 0, b"", None)["webhook-id"]
    assert webhook_id.isascii()
    assert "." not in webhook_id


@pytest.mark.parametrize(
    "secret",
    ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!!" + "A" * 40, "whsec_" + "A" * 88],
    ids=["empty", "no prefix", "prefix only", "5 bytes", "no base64", "66 bytes"],
)
def test_what_is_no_signing_secret_is_refused(secret: str) -> None:
    with pytest.raises(PydanticCustomError):
        SigningSecret(secret)


# --- sending ---


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_rejected_body_is_sent_once_more_in_short(
    receiver: Receiver, provider: WebhookProvider, status: int
) -> None:
    receiver.plan(status)
    assert await provider.send(notice(), None) == Sent()
    assert list(receiver.taken[0]["data"]) == ["alert"]


async def test_what_a_receiver_takes_in_neither_form_is_refused(receiver: Receiver, provider: WebhookProvider) -> None:
    receiver.plan(400)
    receiver.plan(400)
    assert await provider.send(notice(), None) == Refused("answered 400 Bad Request")


async def test_a_redirect_is_a_failure_and_is_not_followed(receiver: Receiver, provider: WebhookProvider) -> None:
    receiver.plan(307, b"", {"Location": f"{receiver.base}/elsewhere"})
    outcome = await provider.send(notice(), None)
    assert isinstance(outcome, TryLater)
    assert len(receiver.seen) == 1


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (HttpResponse(200), Sent()),
        (HttpResponse(204), Sent()),
        (HttpResponse(401), TryLater("answered 401 Unauthorized")),
        (HttpResponse(403), TryLater("answered 403 Forbidden")),
        (HttpResponse(410), ChannelDead("answered 410 Gone")),
        (HttpResponse(404), TryLater("answered 404 Not Found")),
        (HttpResponse(429, {}, b"", 12.0), TryLater("answered 429 Too Many Requests", 12.0)),
        (HttpResponse(504), TryLater("answered 504 Gateway Timeout")),
        (HttpResponse(599), TryLater("answered 599")),
    ],
)
def test_each_answer_has_its_meaning(reply: HttpResponse, meaning: Outcome | Unacceptable) -> None:
    assert classify(reply) == meaning
