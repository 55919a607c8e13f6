"""What is sent to Discord, and edited there."""

import pytest

from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.alerting.providers.discord.provider import DiscordProvider
from connext_monitor.core.alerts.message import Message
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.delivery import Change, ChannelDead, Refused, Sent, TryLater
from tests.alerting.providers.discord.samples import config
from tests.alerting.providers.discord.vendor import Discord
from tests.world.alerts import digest_notice, notice


async def test_an_openings_message_id_is_the_reference(discord: Discord, provider: DiscordProvider) -> None:
    outcome = await provider.send(notice(), None)
    assert outcome == Sent("100000000000000000")
    assert discord.seen[0].query["wait"] == "true"


async def test_a_resolution_edits_the_posted_message(discord: Discord, provider: DiscordProvider) -> None:
    opened = await provider.send(notice(), None)
    assert isinstance(opened, Sent)
    assert await provider.send(notice(Change.RESOLVED), opened.reference) == opened
    (message,) = discord.messages.values()
    assert message["embeds"][0]["title"].startswith("RESOLVED")
    assert message["content"] == ""


async def test_a_groups_change_is_an_edit_that_notifies_nobody(discord: Discord, provider: DiscordProvider) -> None:
    critical = Message("12 of 128 left", "text", Severity.CRITICAL, resolved=False)
    opened = await provider.send(digest_notice(Change.OPENED, critical), None)
    assert isinstance(opened, Sent)
    assert await provider.send(digest_notice(Change.CHANGED, critical), opened.reference) == opened
    assert [request.method for request in discord.seen] == ["POST", "PATCH"]
    assert discord.seen[1].json["allowed_mentions"] == {"parse": []}
    assert discord.seen[1].json["content"] == ""


async def test_an_edit_can_notify_nobody(discord: Discord, provider: DiscordProvider) -> None:
    await provider.send(notice(), None)
    await provider.send(notice(Change.RESOLVED), "100000000000000000")
    assert discord.seen[1].json["allowed_mentions"] == {"parse": []}


async def test_a_resolution_of_a_deleted_message_is_posted(discord: Discord, provider: DiscordProvider) -> None:
    outcome = await provider.send(notice(Change.RESOLVED), "42")
    assert [request.method for request in discord.seen] == ["PATCH", "POST"]
    assert outcome == Sent("100000000000000000")


async def test_a_resolution_without_a_message_is_posted(discord: Discord, provider: DiscordProvider) -> None:
    await provider.send(notice(Change.RESOLVED), None)
    assert [request.method for request in discord.seen] == ["POST"]


async def test_an_opening_is_never_an_edit(discord: Discord, provider: DiscordProvider) -> None:
    await provider.send(notice(), "42")
    assert [request.method for request in discord.seen] == ["POST"]


async def test_post_and_edit_go_to_the_configured_thread(discord: Discord, context: ProviderContext) -> None:
    discord.forum = True
    provider = DiscordProvider("ops", config(discord.url, thread_id="555"), context)
    opened = await provider.send(notice(), None)
    assert isinstance(opened, Sent)
    assert await provider.send(notice(Change.RESOLVED), opened.reference) == opened
    assert list(discord.messages) == [("555", opened.reference)]
    await provider.aclose()


async def test_a_forum_without_a_thread_is_dead_and_says_the_cure(discord: Discord, provider: DiscordProvider) -> None:
    discord.forum = True
    outcome = await provider.send(notice(), None)
    assert isinstance(outcome, ChannelDead)
    assert "thread_id" in outcome.reason


async def test_a_rejected_embed_is_sent_in_plain_words(discord: Discord, provider: DiscordProvider) -> None:
    discord.plan(400, {"message": "Invalid Form Body", "code": 50035})
    assert isinstance(await provider.send(notice(), None), Sent)
    (message,) = discord.messages.values()
    assert message["embeds"] == []
    assert "Execution overdue" in message["content"]
    assert "0x000102" in message["content"]


async def test_a_message_rejected_in_every_form_is_refused(discord: Discord, provider: DiscordProvider) -> None:
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
async def test_an_unknown_webhook_is_dead(
    discord: Discord, context: ProviderContext, old: str, new: str, code: str
) -> None:
    provider = DiscordProvider("ops", config(discord.url.replace(old, new)), context)
    outcome = await provider.send(notice(), None)
    assert isinstance(outcome, ChannelDead)
    assert code in outcome.reason
    await provider.aclose()


async def test_a_burst_is_spaced_as_discord_says_without_a_429(context: ProviderContext) -> None:
    async with Discord(window=0.3) as discord:
        provider = DiscordProvider("ops", config(discord.url), context)
        outcomes = [await provider.send(notice(), None) for _ in range(12)]
        await provider.aclose()
    assert all(isinstance(outcome, Sent) for outcome in outcomes)
    assert discord.limited == 0


async def test_a_429_waits_for_the_longer_of_header_and_body(discord: Discord, provider: DiscordProvider) -> None:
    discord.plan(429, {"retry_after": 7.25, "global": False}, {"Retry-After": "3"})
    assert await provider.send(notice(), None) == TryLater("answered 429 Too Many Requests", 7.25)


async def test_no_reason_holds_the_token_though_discord_echoes_it(discord: Discord, provider: DiscordProvider) -> None:
    for status in (400, 400, 401, 403, 404, 429, 500, 301):
        discord.plan(status, {"message": f"Cannot POST {discord.url}", "code": discord.url})
    outcomes = [await provider.send(notice(), None) for _ in range(7)]
    assert Discord.TOKEN not in repr(outcomes)
