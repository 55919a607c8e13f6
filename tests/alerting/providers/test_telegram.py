"""Telegram: what is written, and what its answers mean. What is sent, the contract tests see."""

import re

import pytest
from hypothesis import given

from connext_monitor.alerting.notice import Notice
from connext_monitor.alerting.providers.http import Answer
from connext_monitor.alerting.providers.replies import MessageGone, Unacceptable
from connext_monitor.alerting.providers.telegram import classify, html_payload, plain_payload
from connext_monitor.core.delivery import Change, ChannelDead, Outcome, Sent, TryLater
from tests.alerting.samples import SWELLING, digest_notices, notice, notices, swollen
from tests.alerting.vendors import telegram_problem, telegram_runs

ONCALL = "@oncall"
LIVE = re.compile(r"(@|#|/|\$|\.|:|\+)[0-9A-Za-z_]")


def shown(told: Notice, mention: str | None = None) -> list[tuple[str, str | None]]:
    return telegram_runs(str(html_payload(told, mention)["text"]))


@given(notices | digest_notices())
def test_every_form_is_within_telegrams_limits(told: Notice) -> None:
    assert telegram_problem(html_payload(told, ONCALL)) is None
    assert telegram_problem(plain_payload(told, ONCALL)) is None


@pytest.mark.parametrize("char", SWELLING)
def test_even_a_swollen_message_is_within_telegrams_limits(char: str) -> None:
    told = notice(message=swollen(char))
    assert telegram_problem(html_payload(told, ONCALL)) is None
    assert telegram_problem(plain_payload(told, ONCALL)) is None


@given(notices | digest_notices())
def test_a_strangers_text_makes_no_mention_command_hashtag_or_link(told: Notice) -> None:
    for text, tag in shown(told):
        if tag is None or tag == "b":
            assert not LIVE.search(text), text
    assert not LIVE.search(str(plain_payload(told, None)["text"]))


@given(notices | digest_notices())
def test_links_lead_only_where_the_message_leads(told: Notice) -> None:
    hrefs = re.findall(r'<a href="([^"]*)"', str(html_payload(told, None)["text"]))
    assert len(hrefs) <= len(told.message.links)
    assert all(href.startswith(("http://", "https://")) for href in hrefs)


def test_only_a_critical_opening_mentions() -> None:
    assert shown(notice(), ONCALL)[0][0].startswith(f"{ONCALL}\n")
    assert ONCALL not in str(html_payload(notice(Change.RESOLVED), ONCALL)["text"])


def test_what_is_late_is_written_whole() -> None:
    text = "".join(text for text, _ in shown(notice())).replace("\u200b", "")
    assert text.startswith("CRITICAL · Execution overdue: ethereum → gnosis")
    assert "Transfer: 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" in text
    assert "Due: 2026-03-01 11:59:00 UTC" in text


def test_a_drill_says_so_before_anything_else() -> None:
    assert shown(notice(drill=True))[0] == (
        "DRILL · CRITICAL · Execution overdue: ethereum → gnosis".replace(":", ":\u200b"),
        "b",
    )


def bad(description: str, status: int = 400) -> Answer:
    return Answer(status, {}, f'{{"ok":false,"description":"Bad Request: {description}"}}'.encode())


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (Answer(200, {}, b'{"ok":true,"result":{"message_id":7}}'), Sent("7")),
        (Answer(200, {}, b"<html>log in</html>"), TryLater("answered 200 OK")),
        (bad("message is not modified: it is the same"), Sent(None)),
        (bad("message to edit not found"), MessageGone("answered 400 Bad Request, message to edit not found")),
        (bad("can't parse entities s3cret"), Unacceptable("answered 400 Bad Request")),
        (bad("group chat was upgraded to a supergroup chat"),
         ChannelDead("answered 400 Bad Request, upgraded to a supergroup")),
        (bad("bot was kicked from the channel chat", 403), ChannelDead("answered 403 Forbidden, bot was kicked")),
        (Answer(401), ChannelDead("answered 401 Unauthorized")),
        (Answer(404), ChannelDead("answered 404 Not Found")),
        (Answer(429, {}, b'{"parameters":{"retry_after":12}}', 5.0), TryLater("answered 429 Too Many Requests", 12.0)),
        (Answer(502, {}, b'{"parameters":[]}'), TryLater("answered 502 Bad Gateway")),
    ],
)  # fmt: skip
def test_each_answer_has_its_meaning(reply: Answer, meaning: Outcome | Unacceptable | MessageGone) -> None:
    assert classify(reply) == meaning
