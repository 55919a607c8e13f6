"""Discord: what is written, what is asked of its API, and what its answers mean."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Any, cast

import pytest
from hypothesis import given

from connext_monitor.alerting.notice import Notice
from connext_monitor.alerting.providers.base import ProviderContext
from connext_monitor.alerting.providers.discord.config import DiscordConfig, DiscordUrl
from connext_monitor.alerting.providers.discord.payload import embed_payload, plain_payload
from connext_monitor.alerting.providers.discord.provider import DiscordProvider, WebhookUnwell, message_url
from connext_monitor.alerting.providers.discord.responses import ThreadShut, classify, pause_after
from connext_monitor.alerting.providers.http.response import HttpResponse
from connext_monitor.alerting.providers.replies import EditRefused, MessageGone, Unacceptable
from connext_monitor.core.alerts.message import Field, Instant, Message
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.delivery import Change, ChannelDead, FailureCause, Refused, Sent, TryLater
from tests.alerting.markup import discord_literal, is_start_of, printable_line
from tests.alerting.providers.discord.vendor import Discord, discord_problems
from tests.world.alerts import DUE_AT, ENDS_OF_LIFE, digest_notice, notice
from tests.world.hostile import NASTY, SWELLING, digest_notices, notices, swollen

ROLE, PERSON = "<@&77>", "<@88>"
COUNT = Message("12 of 128 left", "text", Severity.CRITICAL, resolved=False)


def config(url: str, mention: str | None = None, thread_id: str | None = None) -> DiscordConfig:
    return DiscordConfig(type="discord", webhook_url=DiscordUrl(url), mention=mention, thread_id=thread_id)


@pytest.fixture
async def provider(discord: Discord, context: ProviderContext) -> AsyncIterator[DiscordProvider]:
    provider = DiscordProvider("ops", config(discord.url, ROLE), context)
    yield provider
    await provider.aclose()


def embed_of(told: Notice) -> Any:
    (embed,) = cast("list[Any]", embed_payload(told, None)["embeds"])
    return embed


def answer(status: int, body: object = None, **headers: str) -> HttpResponse:
    return HttpResponse(status, headers, json.dumps(body).encode())


# --- what is written ---


@given(notices | digest_notices())
def test_every_embed_is_within_discords_limits(told: Notice) -> None:
    assert discord_problems(embed_payload(told, ROLE)) == []


@pytest.mark.parametrize("char", SWELLING)
def test_even_a_swollen_message_is_within_discords_limits(char: str) -> None:
    told = notice(message=swollen(char))
    assert discord_problems(embed_payload(told, ROLE)) == []
    assert discord_problems(plain_payload(told, ROLE)) == []


@given(notices | digest_notices())
def test_every_plain_form_is_within_discords_limits(told: Notice) -> None:
    assert discord_problems(plain_payload(told, ROLE)) == []


@given(notices | digest_notices())
def test_only_the_configured_role_may_be_notified_and_only_by_a_critical_opening(told: Notice) -> None:
    pages_someone = (
        told.change is Change.OPENED and told.message.severity is Severity.CRITICAL and not told.message.resolved
    )
    for form in (embed_payload, plain_payload):
        allowed = form(told, ROLE)["allowed_mentions"]
        assert allowed == ({"parse": [], "roles": ["77"]} if pages_someone else {"parse": []})


@given(notices | digest_notices())
def test_a_strangers_text_stands_in_the_embed_only_as_literal_text(told: Notice) -> None:
    embed = embed_of(told)
    badge, title = discord_literal(embed["title"]).removeprefix("DRILL · ").split(" · ", 1)
    assert badge == ("RESOLVED" if told.message.resolved else told.message.severity.name)
    assert is_start_of(title, printable_line(told.message.title))
    assert is_start_of(discord_literal(embed["description"]), printable_line(told.message.text))
    facts = [one for one in embed["fields"] if one["name"] != "Links"]
    for shown, field in zip(facts, told.message.fields, strict=False):
        assert is_start_of(discord_literal(shown["name"]), printable_line(field.name))
        if isinstance(field.value, str):
            assert is_start_of(discord_literal(shown["value"]), printable_line(field.value))


@given(notices | digest_notices())
def test_a_strangers_text_stands_in_the_plain_form_only_as_literal_text(told: Notice) -> None:
    content = plain_payload(told, None)["content"]
    assert isinstance(content, str)
    for line in content.split("\n"):
        discord_literal(line)


@pytest.mark.parametrize("nasty", NASTY)
def test_a_nasty_title_is_shown_as_it_is_after_its_badge(nasty: str) -> None:
    told = notice(message=Message(nasty, "text", Severity.INFO, resolved=False))
    embed = embed_of(told)
    assert discord_literal(embed["title"]) == f"INFO · {printable_line(nasty)}"


def test_moments_are_written_in_the_readers_own_time() -> None:
    embed = embed_of(notice())
    due = next(field for field in embed["fields"] if field["name"] == "Due")
    assert due["value"] == f"<t:{DUE_AT}:F> (<t:{DUE_AT}:R>)"


def test_a_moment_beyond_all_dates_is_written_as_a_number() -> None:
    message = Message("t", "t", Severity.INFO, resolved=False, fields=(Field("Due", Instant(2**63)),))
    embed = embed_of(notice(message=message))
    assert embed["fields"][0]["value"] == f"Unix time {2**63}"


def test_links_lead_to_the_explorers() -> None:
    embed = embed_of(notice(Change.RESOLVED))
    tx = "0x" + "cd" * 32
    assert embed["fields"][-1]["value"] == (
        f"[XCalled](<https://origin.example/tx/{tx}>) · [Executed](<https://destination.example/tx/{tx}>)"
    )


def test_the_colour_tells_open_from_resolved() -> None:
    opened, resolved = (embed_of(notice(change)) for change in ENDS_OF_LIFE)
    assert opened["color"] != resolved["color"]


def test_a_person_can_be_the_one_who_is_notified() -> None:
    payload = embed_payload(notice(), PERSON)
    assert payload["allowed_mentions"] == {"parse": [], "users": ["88"]}
    assert str(payload["content"]).startswith(f"{PERSON} CRITICAL")


def test_a_drill_says_so_before_anything_else() -> None:
    embed = embed_of(notice(drill=True))
    assert embed["title"].startswith("DRILL · CRITICAL · ")


# --- what is asked ---


async def test_an_opening_is_posted_and_its_message_id_is_the_reference(
    discord: Discord, provider: DiscordProvider
) -> None:
    outcome = await provider.send(notice(), None)
    assert outcome == Sent("100000000000000000")
    assert discord.seen[0].query["wait"] == "true"


async def test_a_resolution_changes_the_message_that_was_posted(discord: Discord, provider: DiscordProvider) -> None:
    opened = await provider.send(notice(), None)
    assert isinstance(opened, Sent)
    assert await provider.send(notice(Change.RESOLVED), opened.reference) == opened
    (message,) = discord.messages.values()
    assert message["embeds"][0]["title"].startswith("RESOLVED")
    assert message["content"] == ""


async def test_a_group_s_change_is_an_edit_that_rings_nobody(discord: Discord, provider: DiscordProvider) -> None:
    critical = Message("12 of 128 left", "text", Severity.CRITICAL, resolved=False)
    opened = await provider.send(digest_notice(Change.OPENED, critical), None)
    assert isinstance(opened, Sent)
    assert await provider.send(digest_notice(Change.CHANGED, critical), opened.reference) == opened
    assert [one.method for one in discord.seen] == ["POST", "PATCH"]
    assert discord.seen[1].json["allowed_mentions"] == {"parse": []}
    assert discord.seen[1].json["content"] == ""


async def test_an_edit_can_notify_nobody(discord: Discord, provider: DiscordProvider) -> None:
    await provider.send(notice(), None)
    await provider.send(notice(Change.RESOLVED), "100000000000000000")
    assert discord.seen[1].json["allowed_mentions"] == {"parse": []}


async def test_a_resolution_whose_message_was_deleted_is_posted_anew(
    discord: Discord, provider: DiscordProvider
) -> None:
    outcome = await provider.send(notice(Change.RESOLVED), "42")
    assert [one.method for one in discord.seen] == ["PATCH", "POST"]
    assert outcome == Sent("100000000000000000")


async def test_a_resolution_without_a_message_is_posted(discord: Discord, provider: DiscordProvider) -> None:
    await provider.send(notice(Change.RESOLVED), None)
    assert [one.method for one in discord.seen] == ["POST"]


async def test_an_opening_is_never_an_edit(discord: Discord, provider: DiscordProvider) -> None:
    await provider.send(notice(), "42")
    assert [one.method for one in discord.seen] == ["POST"]


async def test_post_and_edit_go_to_the_configured_thread(discord: Discord, context: ProviderContext) -> None:
    discord.forum = True
    provider = DiscordProvider("ops", config(discord.url, thread_id="555"), context)
    opened = await provider.send(notice(), None)
    assert isinstance(opened, Sent)
    assert await provider.send(notice(Change.RESOLVED), opened.reference) == opened
    assert list(discord.messages) == [("555", opened.reference)]
    await provider.aclose()


async def test_a_forum_without_a_thread_is_a_dead_channel_that_says_what_to_do(
    discord: Discord, provider: DiscordProvider
) -> None:
    discord.forum = True
    outcome = await provider.send(notice(), None)
    assert isinstance(outcome, ChannelDead)
    assert "thread_id" in outcome.reason


async def test_what_discord_does_not_take_as_an_embed_is_sent_in_plain_words(
    discord: Discord, provider: DiscordProvider
) -> None:
    discord.plan(400, {"message": "Invalid Form Body", "code": 50035})
    assert isinstance(await provider.send(notice(), None), Sent)
    (message,) = discord.messages.values()
    assert message["embeds"] == []
    assert "Execution overdue" in message["content"]
    assert "0x000102" in message["content"]


async def test_what_discord_takes_in_no_form_is_refused(discord: Discord, provider: DiscordProvider) -> None:
    for _ in range(3):
        discord.plan(400, {"code": 50035})
    assert await provider.send(notice(), None) == Refused("answered 400 Bad Request, invalid form body (code 50035)")
    assert len(discord.seen) == 3


async def test_a_plain_edit_takes_the_embed_away(discord: Discord, provider: DiscordProvider) -> None:
    opened = await provider.send(notice(), None)
    assert isinstance(opened, Sent)
    discord.plan(400, {"code": 50035})
    await provider.send(notice(Change.RESOLVED), opened.reference)
    (message,) = discord.messages.values()
    assert message["embeds"] == []
    assert message["content"].startswith("RESOLVED")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [(Discord.TOKEN, "wrong", "50027"), (Discord.WEBHOOK, "999", "10015")],
    ids=["wrong token", "unknown webhook"],
)
async def test_a_webhook_that_is_not_there_is_dead(
    discord: Discord, context: ProviderContext, old: str, new: str, code: str
) -> None:
    provider = DiscordProvider("ops", config(discord.url.replace(old, new)), context)
    outcome = await provider.send(notice(), None)
    assert isinstance(outcome, ChannelDead)
    assert code in outcome.reason
    await provider.aclose()


async def test_a_burst_is_paced_by_what_discord_says_and_meets_no_429(context: ProviderContext) -> None:
    async with Discord(window=0.3) as discord:
        provider = DiscordProvider("ops", config(discord.url), context)
        outcomes = [await provider.send(notice(), None) for _ in range(12)]
        await provider.aclose()
    assert all(isinstance(outcome, Sent) for outcome in outcomes)
    assert discord.limited == 0


async def test_a_429_is_tried_later_after_the_longer_of_header_and_body(
    discord: Discord, provider: DiscordProvider
) -> None:
    discord.plan(429, {"retry_after": 7.25, "global": False}, {"Retry-After": "3"})
    assert await provider.send(notice(), None) == TryLater("answered 429 Too Many Requests", 7.25)


async def test_no_reason_holds_the_token_even_when_discord_echoes_it(
    discord: Discord, provider: DiscordProvider
) -> None:
    for status in (400, 400, 401, 403, 404, 429, 500, 301):
        discord.plan(status, {"message": f"Cannot POST {discord.url}", "code": discord.url})
    outcomes = [await provider.send(notice(), None) for _ in range(7)]
    assert Discord.TOKEN not in repr(outcomes)


# --- what answers mean ---


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (answer(200, {"id": "12"}), Sent("12")),
        (answer(200, {"id": "../../evil"}), Sent(None)),
        (answer(204), Sent(None)),
        (answer(200, "no object"), Sent(None)),
        (HttpResponse(200, {}, b"[" * 100_000), Sent(None)),
        (answer(503), TryLater("answered 503 Service Unavailable")),
        (answer(404, {"code": 10008}), MessageGone("answered 404 Not Found, unknown message (code 10008)")),
        (answer(401, {"code": 50027}), ChannelDead("answered 401 Unauthorized, invalid webhook token (code 50027)")),
        (answer(404, {"code": 10015}), ChannelDead("answered 404 Not Found, unknown webhook (code 10015)")),
        (answer(401), TryLater("answered 401 Unauthorized")),
        (answer(403), TryLater("answered 403 Forbidden")),
        (answer(404), TryLater("answered 404 Not Found")),
        (answer(403, {"code": 40333}),
         TryLater("answered 403 Forbidden, turned away in front of Discord (code 40333)")),
        (HttpResponse(403, {}, b" <!DOCTYPE html>error code: 1010"),
         TryLater("answered 403 Forbidden with a web page")),
        (HttpResponse(400, {}, b"<html>"), TryLater("answered 400 Bad Request with a web page")),
        (HttpResponse(200, {}, b"<html>log in</html>"), TryLater("answered 200 OK with a web page")),
        (answer(400, {"code": 50083}), ThreadShut("answered 400 Bad Request, the thread is archived (code 50083)")),
        (answer(404, {"code": 10003}), ThreadShut("answered 404 Not Found, unknown channel or thread (code 10003)")),
        (answer(429, {"code": 30046, "retry_after": 900}),
         EditRefused("answered 429 Too Many Requests, too many changes of messages older than an hour (code 30046)",
                     900.0)),
        (HttpResponse(200, {}, b'{"id": "12", "conte', whole=False), Sent(None)),
        (answer(413), Unacceptable(f"answered 413 {HTTPStatus(413).phrase}")),
        (answer(409), TryLater("answered 409 Conflict")),
        (answer(429, {"retry_after": "NaN"}), TryLater("answered 429 Too Many Requests")),
    ],
)  # fmt: skip
def test_each_answer_has_its_meaning(reply: HttpResponse, meaning: object) -> None:
    assert classify(reply) == meaning


def test_a_pause_is_asked_for_only_when_the_window_is_used_up() -> None:
    headers = {"X-RateLimit-Remaining": "1", "X-RateLimit-Reset-After": "1.5"}
    assert pause_after(HttpResponse(200, headers)) is None
    assert pause_after(HttpResponse(200, {**headers, "X-RateLimit-Remaining": "0"})) == 1.5


def test_the_operators_own_query_survives_in_the_url_of_an_edit() -> None:
    set_up = config("https://discord.example/api/webhooks/1/abc/?key=v", thread_id="5")
    assert str(message_url(set_up, "5", "9")) == (
        "https://discord.example/api/v10/webhooks/1/abc/messages/9?key=v&wait=true&thread_id=5"
    )


@pytest.mark.parametrize(
    ("configured", "used"),
    [
        ("https://discord.com/api/webhooks/1/abc", "https://discord.com/api/v10/webhooks/1/abc"),
        ("https://discordapp.com/api/webhooks/1/abc/", "https://discordapp.com/api/v10/webhooks/1/abc"),
        ("https://ptb.discord.com/api/v6/webhooks/1/abc", "https://ptb.discord.com/api/v10/webhooks/1/abc"),
        ("https://canary.discord.com/api/v10/webhooks/1/abc", "https://canary.discord.com/api/v10/webhooks/1/abc"),
        ("http://127.0.0.1:8080/discord/api/webhooks/1/abc", "http://127.0.0.1:8080/discord/api/v10/webhooks/1/abc"),
        ("https://proxy.example/webhooks/1/abc", "https://proxy.example/webhooks/1/abc"),
    ],
)
def test_the_address_is_of_one_version_of_the_api(configured: str, used: str) -> None:
    assert str(message_url(config(configured), None)) == f"{used}?wait=true"


@pytest.mark.parametrize(
    ("headers", "said", "seconds"),
    [
        ({"X-RateLimit-Reset-After": "1.234"}, 1234, 1.234),
        ({"Retry-After": "2"}, 1234, 2.0),
        ({"Retry-After": "1234", "X-RateLimit-Reset-After": "1.234"}, 1234.0, 1.234),
        ({"Retry-After": "7"}, 6.5, 7.0),
        ({}, 0.65, 0.65),
    ],
)
async def test_a_wait_is_read_in_whatever_unit_it_is_written(
    discord: Discord, provider: DiscordProvider, headers: Mapping[str, str], said: float, seconds: float
) -> None:
    discord.plan(429, {"retry_after": said, "global": False}, headers)
    outcome = await provider.send(notice(), None)
    assert isinstance(outcome, TryLater)
    assert outcome.after == seconds


# --- what stands in the way of an edit, and what of a thread ---


async def test_an_end_whose_message_is_too_old_to_be_changed_is_posted(
    discord: Discord, provider: DiscordProvider
) -> None:
    opened = await provider.send(notice(), None)
    assert isinstance(opened, Sent)
    discord.old = True
    resolved = await provider.send(notice(Change.RESOLVED), opened.reference)
    assert isinstance(resolved, Sent)
    assert resolved != opened
    assert [one.method for one in discord.seen] == ["POST", "PATCH", "POST"]


async def test_a_count_whose_message_is_too_old_to_be_changed_waits(
    discord: Discord, provider: DiscordProvider
) -> None:
    opened = await provider.send(digest_notice(Change.OPENED, COUNT), None)
    assert isinstance(opened, Sent)
    discord.plan(429, {"code": 30046, "retry_after": 900}, {"Retry-After": "900"})
    changed = await provider.send(digest_notice(Change.CHANGED, COUNT), opened.reference)
    assert isinstance(changed, TryLater)
    assert (changed.after, changed.cause) == (900.0, FailureCause.RATE_LIMITED)
    assert [one.method for one in discord.seen] == ["POST", "PATCH"]


async def test_a_pause_asked_of_edits_holds_up_no_opening(discord: Discord, provider: DiscordProvider) -> None:
    opened = await provider.send(digest_notice(Change.OPENED, COUNT), None)
    assert isinstance(opened, Sent)
    asked = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "600"}
    discord.plan(429, {"code": 30046, "retry_after": 600}, asked)
    await provider.send(digest_notice(Change.CHANGED, COUNT), opened.reference)
    async with asyncio.timeout(30):
        assert isinstance(await provider.send(notice(), None), Sent)
        again = await provider.send(digest_notice(Change.CHANGED, COUNT), opened.reference)
    assert again == TryLater("takes no more edits for the moment", getattr(again, "after", None))
    assert len(discord.seen) == 3


@pytest.mark.parametrize("forum", [False, True], ids=["channel", "forum"])
async def test_what_a_thread_does_not_take_is_posted_beside_it_and_changed_there(
    discord: Discord, context: ProviderContext, *, forum: bool
) -> None:
    discord.forum, discord.locked, discord.window = forum, {"555"}, 0.2
    provider = DiscordProvider("ops", config(discord.url, thread_id="555"), context)
    place = Discord.OWN_THREAD if forum else None
    for number in range(2):
        opened = await provider.send(notice(), None)
        assert opened == Sent(f"{10**17 + number}/{place or ''}")
        assert await provider.send(notice(Change.RESOLVED), opened.reference) == opened
    assert {thread for thread, _ in discord.messages} == {place}
    assert all(said["embeds"][0]["title"].startswith("RESOLVED") for said in discord.messages.values())
    await provider.aclose()


async def test_when_the_thread_is_open_again_it_is_posted_to_again(discord: Discord, context: ProviderContext) -> None:
    provider = DiscordProvider("ops", config(discord.url, thread_id="555"), context)
    for locked in ({"555"}, set[str]()):
        discord.locked = locked
        assert isinstance(await provider.send(notice(), None), Sent)
    assert [thread for thread, _ in discord.messages] == [None, "555"]
    await provider.aclose()


async def test_an_end_in_a_thread_that_was_archived_is_posted(discord: Discord, context: ProviderContext) -> None:
    provider = DiscordProvider("ops", config(discord.url, thread_id="555"), context)
    opened = await provider.send(notice(), None)
    assert isinstance(opened, Sent)
    # A message opens again what was only left to itself.
    discord.plan(400, {"code": 50083})
    resolved = await provider.send(notice(Change.RESOLVED), opened.reference)
    assert resolved == Sent(f"{10**17 + 1}")
    await provider.aclose()


async def test_what_is_taken_nowhere_is_refused_and_the_webhook_is_not_dead(
    discord: Discord, context: ProviderContext
) -> None:
    provider = DiscordProvider("ops", config(discord.url, thread_id="555"), context)
    for _ in range(2):
        discord.plan(400, {"code": 50083})
    outcome = await provider.send(notice(), None)
    assert outcome == Refused("answered 400 Bad Request, the thread is archived (code 50083)")
    assert isinstance(await provider.send(notice(), None), Sent)
    await provider.aclose()


async def test_a_webhook_can_be_asked_without_sending_anything(provider: DiscordProvider, discord: Discord) -> None:
    assert await provider.check() == "the webhook stands"
    assert ([seen.method for seen in discord.seen], discord.messages) == (["GET"], {})


async def test_a_webhook_that_is_no_more_says_so_and_keeps_its_address(
    discord: Discord, context: ProviderContext
) -> None:
    gone = DiscordProvider("ops", config(discord.url.replace(Discord.WEBHOOK, "999")), context)
    with pytest.raises(WebhookUnwell) as refusal:
        await gone.check()
    await gone.aclose()
    assert "404" in str(refusal.value)
    assert Discord.TOKEN not in str(refusal.value)
