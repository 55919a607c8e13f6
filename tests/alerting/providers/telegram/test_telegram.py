"""Telegram: what is written, and what its answers mean. What is sent, the contract tests see."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import given

from connext_monitor.alerting.http.response import HttpResponse
from connext_monitor.alerting.notice import Notice
from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.alerting.providers.replies import MessageGone, Unacceptable
from connext_monitor.alerting.providers.telegram import TelegramConfig, TelegramToken
from connext_monitor.alerting.providers.telegram.payload import html_payload, plain_payload
from connext_monitor.alerting.providers.telegram.provider import TelegramProvider
from connext_monitor.alerting.providers.telegram.responses import Moved, TopicShut, classify
from connext_monitor.config import BaseUrl
from connext_monitor.core.delivery import Change, ChannelDead, Sent, TryLater
from tests.alerting.providers.contract import at_once
from tests.alerting.providers.telegram.vendor import Telegram, telegram_problem, telegram_runs
from tests.world.alerts import notice
from tests.world.hostile import SWELLING, digest_notices, notices, swollen

ONCALL = "@oncall"
LIVE = re.compile(r"(@|#|/|\$|\.|:|\+)[0-9A-Za-z_]")


def shown(handed: Notice, mention: str | None = None) -> list[tuple[str, str | None]]:
    return telegram_runs(str(html_payload(handed, mention)["text"]))


@given(notices | digest_notices())
def test_every_form_is_within_telegrams_limits(handed: Notice) -> None:
    assert telegram_problem(html_payload(handed, ONCALL)) is None
    assert telegram_problem(plain_payload(handed, ONCALL)) is None


@pytest.mark.parametrize("char", SWELLING)
def test_even_a_swollen_message_is_within_telegrams_limits(char: str) -> None:
    handed = notice(message=swollen(char))
    assert telegram_problem(html_payload(handed, ONCALL)) is None
    assert telegram_problem(plain_payload(handed, ONCALL)) is None


@given(notices | digest_notices())
def test_a_strangers_text_makes_no_mention_command_hashtag_or_link(handed: Notice) -> None:
    for text, tag in shown(handed):
        if tag is None or tag == "b":
            assert not LIVE.search(text), text
    assert not LIVE.search(str(plain_payload(handed, None)["text"]))


@given(notices | digest_notices())
def test_links_lead_only_where_the_message_leads(handed: Notice) -> None:
    hrefs = re.findall(r'<a href="([^"]*)"', str(html_payload(handed, None)["text"]))
    assert len(hrefs) <= len(handed.message.links)
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


def bad(description: str, status: int = 400) -> HttpResponse:
    return HttpResponse(status, {}, f'{{"ok":false,"description":"Bad Request: {description}"}}'.encode())


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (HttpResponse(200, {}, b'{"ok":true,"result":{"message_id":7}}'), Sent("7")),
        (HttpResponse(200, {}, b"<html>log in</html>"), TryLater("answered 200 OK with a web page")),
        (HttpResponse(200, {}, b'{"ok":true,"resu', whole=False), Sent(None)),
        (bad("message is not modified: it is the same"), Sent(None)),
        (bad("message to edit not found"), MessageGone("answered 400 Bad Request, message to edit not found")),
        (bad("can't parse entities s3cret"), Unacceptable("answered 400 Bad Request")),
        (bad("group chat was upgraded to a supergroup chat"),
         ChannelDead("answered 400 Bad Request, upgraded to a supergroup")),
        (bad("bot was kicked from the channel chat", 403), TryLater("answered 403 Forbidden, bot was kicked")),
        (bad("bot was blocked by the user", 403), TryLater("answered 403 Forbidden, bot was blocked")),
        (bad("not enough rights to send text messages to the chat"),
         TryLater("answered 400 Bad Request, not enough rights")),
        (bad("user is deactivated", 403), ChannelDead("answered 403 Forbidden, user is deactivated")),
        (bad("something new", 403), ChannelDead("answered 403 Forbidden")),
        (bad("Unauthorized", 401), ChannelDead("answered 401 Unauthorized")),
        (bad("Not Found", 404), ChannelDead("answered 404 Not Found")),
        (HttpResponse(401), TryLater("answered 401 Unauthorized")),
        (HttpResponse(403, {}, b"<html>"), TryLater("answered 403 Forbidden with a web page")),
        (HttpResponse(404), TryLater("answered 404 Not Found")),
        (HttpResponse(400, {}, b'{"ok":false,"parameters":{"migrate_to_chat_id":-1009}}'),
         Moved("answered 400 Bad Request, upgraded to a supergroup", "-1009")),
        (bad("message thread not found"), TopicShut("answered 400 Bad Request, thread not found")),
        (bad("message can't be edited"), MessageGone("answered 400 Bad Request, message can't be edited")),
        (HttpResponse(429, {}, b'{"parameters":{"retry_after":12}}', 5.0),
         TryLater("answered 429 Too Many Requests", 12.0)),
        (HttpResponse(502, {}, b'{"parameters":[]}'), TryLater("answered 502 Bad Gateway")),
    ],
)  # fmt: skip
def test_each_answer_has_its_meaning(reply: HttpResponse, meaning: object) -> None:
    assert classify(reply) == meaning


# --- what is sent ---


def config(vendor: Telegram, thread_id: int | None = None) -> TelegramConfig:
    token, api = TelegramToken(Telegram.TOKEN), BaseUrl(vendor.base)
    return TelegramConfig(type="telegram", token=token, chat_id=Telegram.CHAT, thread_id=thread_id, api_url=api)


@asynccontextmanager
async def chatting(
    context: ProviderContext, thread_id: int | None = None
) -> AsyncIterator[tuple[Telegram, TelegramProvider]]:
    async with Telegram() as vendor:
        provider = TelegramProvider("chat", config(vendor, thread_id), replace(context, sleep=at_once))
        yield vendor, provider
        await provider.aclose()


async def test_a_group_that_became_a_supergroup_is_followed_at_once(context: ProviderContext) -> None:
    async with chatting(context) as (vendor, provider):
        before = await provider.send(notice(), None)
        assert before == Sent(f"{Telegram.CHAT}/1")
        vendor.moved_to = -1009876
        assert await provider.send(notice(), None) == Sent("-1009876/2")
        assert await provider.send(notice(), None) == Sent("-1009876/3")
        assert [request.json["chat_id"] for request in vendor.seen[-2:]] == ["-1009876", "-1009876"]
        # What was handed in the group cannot be changed any more.
        assert await provider.send(notice(Change.RESOLVED), before.reference) == Sent("-1009876/4")


async def test_a_message_its_topic_rejects_goes_to_the_chat(context: ProviderContext) -> None:
    async with chatting(context, 5) as (vendor, provider):
        vendor.closed = {5}
        opened = await provider.send(notice(), None)
        assert isinstance(opened, Sent)
        assert "message_thread_id" not in vendor.messages[1]
        assert await provider.send(notice(Change.RESOLVED), opened.reference) == opened


async def test_a_message_named_as_older_versions_did_is_found(context: ProviderContext) -> None:
    async with chatting(context) as (vendor, provider):
        await provider.send(notice(), None)
        assert await provider.send(notice(Change.RESOLVED), "1") == Sent("1")
        assert len(vendor.messages) == 1
