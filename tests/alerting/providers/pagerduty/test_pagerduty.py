"""PagerDuty: what is written, and which incident it is about. What is sent, the contract tests see."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.alerting.http.response import HttpResponse
from connext_monitor.alerting.notice import Notice
from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.alerting.providers.pagerduty import PagerDutyConfig, RoutingKey
from connext_monitor.alerting.providers.pagerduty.provider import (
    PagerDutyProvider,
    classify,
    dedup_key,
    short_event,
    whole_event,
)
from connext_monitor.alerting.providers.replies import Unacceptable
from connext_monitor.config import SecretUrl
from connext_monitor.core.delivery import Change, ChannelDead, Outcome, Sent, TryLater
from tests.alerting.providers.pagerduty.vendor import PagerDuty, pagerduty_problems
from tests.world.alerts import OPENED, notice
from tests.world.hostile import SWELLING, digest_notices, notices, swollen


def event_of(handed: Notice) -> dict[str, Any]:
    return whole_event(handed, "bridge")


@given(notices | digest_notices())
def test_every_event_is_within_pagerdutys_limits(handed: Notice) -> None:
    assert pagerduty_problems(event_of(handed)) == []
    assert pagerduty_problems(short_event(handed, "bridge")) == []


@pytest.mark.parametrize("char", SWELLING)
def test_even_a_swollen_message_is_within_pagerdutys_limits(char: str) -> None:
    assert pagerduty_problems(event_of(notice(message=swollen(char)))) == []


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_key_is_short_and_tells_two_alerts_apart(alert_id: str, other_id: str) -> None:
    assert 0 < len(dedup_key(alert_id * 50)) <= 255
    assert (dedup_key(alert_id) == dedup_key(other_id)) is (alert_id == other_id)


async def test_an_incident_is_resolved_by_the_key_that_triggered_it(context: ProviderContext) -> None:
    async with PagerDuty() as vendor:
        config = PagerDutyConfig(type="pagerduty", routing_key=RoutingKey(PagerDuty.KEY), url=SecretUrl(vendor.url))
        provider = PagerDutyProvider("pager", config, context)
        for _ in range(2):  # as after a crash between the send and its record
            assert await provider.send(notice(), None) == Sent(OPENED.id)
        assert vendor.incidents == {OPENED.id: "trigger"}
        assert await provider.send(notice(Change.RESOLVED), OPENED.id) == Sent(OPENED.id)
        assert vendor.incidents == {OPENED.id: "resolve"}
        await provider.aclose()


def test_what_is_late_is_written_whole() -> None:
    event = event_of(notice())
    assert event["payload"]["summary"] == "CRITICAL · Execution overdue: ethereum → gnosis"
    assert event["payload"]["severity"] == "critical"
    assert event["payload"]["source"] == "bridge"
    details = event["payload"]["custom_details"]
    assert details["Transfer"] == "0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    assert details["Due"] == "2026-03-01 11:59:00 UTC"
    assert event["links"] == [
        {"href": "https://origin.example/tx/0x" + "cd" * 32, "text": "XCalled"},
        {"href": "https://destination.example/address/0x" + "02" * 20, "text": "Recipient"},
    ]


def test_a_drill_says_so_before_anything_else() -> None:
    assert event_of(notice(drill=True))["payload"]["summary"].startswith("DRILL · CRITICAL")


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (HttpResponse(202), Sent()),
        (HttpResponse(400, {}, b'{"errors":["\'routing_key\' s3cret"]}'),
         ChannelDead("answered 400 Bad Request, unknown routing key")),
        (HttpResponse(400, {}, b'{"status":"invalid key","message":"Invalid routing key"}'),
         ChannelDead("answered 400 Bad Request, unknown routing key")),
        (HttpResponse(400, {}, b'{"errors":["summary"],"event":{"routing_key":"s3cret"}}'),
         Unacceptable("answered 400 Bad Request")),
        (HttpResponse(400, {}, b"<html>routing_key"), TryLater("answered 400 Bad Request with a web page")),
        (HttpResponse(202, {}, b"<html>"), TryLater("answered 202 Accepted with a web page")),
        (HttpResponse(401), TryLater("answered 401 Unauthorized")),
        (HttpResponse(404), TryLater("answered 404 Not Found")),
        (HttpResponse(400, {}, b"summary"), Unacceptable("answered 400 Bad Request")),
        (HttpResponse(403), TryLater("answered 403 Forbidden")),
        (HttpResponse(429, {}, b"", 3.0), TryLater("answered 429 Too Many Requests", 3.0)),
        (HttpResponse(500), TryLater("answered 500 Internal Server Error")),
    ],
)  # fmt: skip
def test_each_answer_has_its_meaning(reply: HttpResponse, meaning: Outcome | Unacceptable) -> None:
    assert classify(reply) == meaning
