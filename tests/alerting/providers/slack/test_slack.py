"""Slack: what is written, what is sent, and what its answers mean."""

import re
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from hypothesis import given

from connext_monitor.alerting.http.response import HttpResponse
from connext_monitor.alerting.notice import Notice
from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.alerting.providers.replies import Unacceptable
from connext_monitor.alerting.providers.slack import SlackConfig, SlackUrl
from connext_monitor.alerting.providers.slack.payload import blocks_payload, plain_payload
from connext_monitor.alerting.providers.slack.webhook import SlackWebhook, classify
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.delivery import Change, ChannelDead, Outcome, Refused, Sent, TryLater
from tests.alerting.markup import is_start_of, printable_line, slack_literal
from tests.alerting.providers.slack.vendor import Slack, slack_problem, slack_texts
from tests.world.alerts import DUE_AT, notice
from tests.world.hostile import SWELLING, digest_notices, notices, swollen

GROUP = "<!subteam^S012>"
# The only control sequences that we ourselves write.
OURS = r"<!date\^\d+\^\{date_num\} \{time_secs\}\|[\d :-]+ UTC>|<https?://[^|<>]+\|[^<>|]*>"


def config(url: str, mention: str | None = None) -> SlackConfig:
    return SlackConfig(type="slack", webhook_url=SlackUrl(url), mention=mention)


@pytest.fixture
async def provider(slack: Slack, context: ProviderContext) -> AsyncIterator[SlackWebhook]:
    provider = SlackWebhook("desk", config(slack.url, GROUP), context)
    yield provider
    await provider.aclose()


def blocks_of(handed: Notice, mention: str | None = None) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", blocks_payload(handed, mention)["blocks"])


def pages_someone(handed: Notice) -> bool:
    message = handed.message
    return handed.change is Change.OPENED and message.severity is Severity.CRITICAL and not message.resolved


# --- what is written ---


@given(notices | digest_notices())
def test_every_blocks_form_is_within_slacks_limits(handed: Notice) -> None:
    assert slack_problem(blocks_payload(handed, GROUP)) is None


@pytest.mark.parametrize("char", SWELLING)
def test_even_a_swollen_message_is_within_slacks_limits(char: str) -> None:
    handed = notice(message=swollen(char))
    assert slack_problem(blocks_payload(handed, GROUP)) is None
    assert slack_problem(plain_payload(handed, GROUP)) is None


@given(notices | digest_notices())
def test_every_plain_form_is_within_slacks_limits(handed: Notice) -> None:
    assert slack_problem(plain_payload(handed, GROUP)) is None


@given(notices | digest_notices())
def test_a_strangers_text_is_plain_text_without_control_sequences(handed: Notice) -> None:
    for block in blocks_of(handed):
        for text in slack_texts(block):
            if text["type"] == "plain_text":
                assert text["emoji"] is False
                slack_literal(text["text"])
            else:
                assert re.fullmatch(rf"({OURS})( · ({OURS}))*", text["text"]), text


@given(notices | digest_notices())
def test_title_and_text_are_shown_as_they_are(handed: Notice) -> None:
    header, section = blocks_of(handed)[:2]
    shown = slack_literal(header["text"]["text"]).removeprefix("DRILL · ").split(" · ", 1)[1]
    assert is_start_of(shown, printable_line(handed.message.title))
    assert is_start_of(slack_literal(section["text"]["text"]), printable_line(handed.message.text))


@given(notices | digest_notices())
def test_the_notification_holds_no_control_sequence_but_the_mention(handed: Notice) -> None:
    for form in (blocks_payload, plain_payload):
        payload = form(handed, GROUP)
        text = cast("str", payload["text"])
        slack_literal(text.removeprefix(GROUP) if pages_someone(handed) else text)
        assert payload["mrkdwn"] is False
        assert payload["parse"] == "none"


@given(notices | digest_notices())
def test_a_plain_form_holds_no_live_emoji_or_url(handed: Notice) -> None:
    text = cast("str", plain_payload(handed, None)["text"])
    assert not re.search(r":[^\s\u200b]", text)


@given(notices | digest_notices())
def test_only_a_critical_opening_mentions_the_configured_group(handed: Notice) -> None:
    sections = [block["text"]["text"] for block in blocks_of(handed, GROUP) if "text" in block]
    assert (GROUP in sections) is pages_someone(handed)


def test_instants_are_shown_in_the_readers_time_or_utc() -> None:
    cells = [cell for block in blocks_of(notice()) for cell in block.get("fields", [])]
    due = cells[[cell["text"] for cell in cells].index("Due") + 1]
    assert due["text"] == f"<!date^{DUE_AT}^{{date_num}} {{time_secs}}|2026-03-01 11:59:00 UTC>"


def test_links_lead_to_the_explorers() -> None:
    context = blocks_of(notice(Change.RESOLVED))[-1]
    tx = "0x" + "cd" * 32
    assert context["elements"][0]["text"] == (
        f"<https://origin.example/tx/{tx}|XCalled> · <https://destination.example/tx/{tx}|Executed>"
    )


def test_the_full_transfer_id_and_amount_are_written() -> None:
    text = "\n".join(block["text"]["text"] for block in blocks_of(notice()) if "text" in block)
    assert "Transfer: 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" in text
    assert "Amount: 1.5 of token 0x0303030303030303030303030303030303030303" in text


def test_a_drill_says_so_before_anything_else() -> None:
    assert blocks_of(notice(drill=True))[0]["text"]["text"].startswith("DRILL · CRITICAL · ")


# --- what is sent ---


async def test_opening_and_resolution_are_two_messages(slack: Slack, provider: SlackWebhook) -> None:
    assert await provider.send(notice(), None) == Sent(None)
    assert await provider.send(notice(Change.RESOLVED), None) == Sent(None)
    assert [message["text"].split(" · ")[0] for message in slack.messages] == ["CRITICAL", "RESOLVED"]


async def test_a_burst_is_paced_and_meets_no_429(slack: Slack, provider: SlackWebhook) -> None:
    assert [await provider.send(notice(), None) for _ in range(3)] == [Sent(), Sent(), Sent()]
    assert slack.limited == 0


@pytest.mark.parametrize("word", ["invalid_payload", "invalid_blocks", "msg_blocks_too_long"])
async def test_rejected_blocks_are_sent_in_plain_words(slack: Slack, provider: SlackWebhook, word: str) -> None:
    slack.plan(400, word.encode())
    assert await provider.send(notice(), None) == Sent(None)
    (message,) = slack.messages
    assert "blocks" not in message
    assert message["text"].startswith(f"{GROUP}\nCRITICAL · Execution overdue")


async def test_what_slack_takes_in_no_form_is_refused(slack: Slack, provider: SlackWebhook) -> None:
    slack.plan(400, b"invalid_payload")
    slack.plan(400, b"invalid_payload")
    slack.plan(400, b"no_text")
    assert await provider.send(notice(), None) == Refused("answered 400 Bad Request, no_text")


async def test_a_429_is_tried_later_after_what_slack_asks(slack: Slack, provider: SlackWebhook) -> None:
    slack.plan(429, b"", {"Retry-After": "30"})
    assert await provider.send(notice(), None) == TryLater("answered 429 Too Many Requests", 30.0)


async def test_an_address_that_slack_does_not_know_is_dead(slack: Slack, context: ProviderContext) -> None:
    provider = SlackWebhook("desk", config(f"{slack.base}/services/other"), context)
    assert await provider.send(notice(), None) == ChannelDead("answered 404 Not Found, no_service")
    await provider.aclose()


# --- what answers mean ---


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (HttpResponse(200, {}, b"ok"), Sent()),
        (HttpResponse(200, {}, b'{"ok":true}'), Sent()),
        (HttpResponse(200, {}, b""), Sent()),
        (HttpResponse(200, {}, b"o", whole=False), Sent()),
        (HttpResponse(202, {}, b"accepted"), Sent()),
        (HttpResponse(200, {}, b"<html>log in</html>"), TryLater("answered 200 OK with a web page")),
        (HttpResponse(200, {}, b'{"ok":false}'), TryLater("answered 200 OK")),
        (HttpResponse(200, {}, b"invalid_token"), ChannelDead("answered 200 OK, invalid_token")),
        (HttpResponse(401), TryLater("answered 401 Unauthorized")),
        (HttpResponse(403, {}, b"<html>"), TryLater("answered 403 Forbidden with a web page")),
        (HttpResponse(404), TryLater("answered 404 Not Found")),
        (HttpResponse(404, {}, b"no_team"), ChannelDead("answered 404 Not Found, no_team")),
        (HttpResponse(410), TryLater("answered 410 Gone")),
        (HttpResponse(500, {}, b"rollup_error"), TryLater("answered 500 Internal Server Error, rollup_error")),
        (HttpResponse(400, {}, b"ratelimited"), TryLater("answered 400 Bad Request, ratelimited")),
        (HttpResponse(403, {}, b"action_prohibited"), ChannelDead("answered 403 Forbidden, action_prohibited")),
        (HttpResponse(404, {}, b"channel_not_found"), ChannelDead("answered 404 Not Found, channel_not_found")),
        (HttpResponse(410, {}, b"channel_is_archived"), ChannelDead("answered 410 Gone, channel_is_archived")),
        (HttpResponse(400, {}, b"invalid_auth"), ChannelDead("answered 400 Bad Request, invalid_auth")),
        (HttpResponse(400, {}, b"No such /services/T0/B0/secret"), Unacceptable("answered 400 Bad Request")),
        (
            HttpResponse(302, {}),
            TryLater("answered 302 Found, a redirect, which is not followed: configure the address it leads to"),
        ),
    ],
)
def test_each_answer_has_its_meaning(reply: HttpResponse, meaning: Outcome | Unacceptable) -> None:
    assert classify(reply) == meaning
