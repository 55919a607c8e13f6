"""Edits that Discord does not take, threads that take nothing, and webhooks that are gone."""

import asyncio

import pytest

from connext_monitor.alerting.providers.context import ProviderContext
from connext_monitor.alerting.providers.discord.provider import DiscordProvider, WebhookUnwell
from connext_monitor.core.alerts.message import Message
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.delivery import Change, FailureCause, Refused, Sent, TryLater
from tests.alerting.providers.discord.samples import config
from tests.alerting.providers.discord.vendor import Discord
from tests.world.alerts import digest_notice, notice

COUNT = Message("12 of 128 left", "text", Severity.CRITICAL, resolved=False)


async def test_an_end_is_posted_when_its_message_is_too_old_to_edit(
    discord: Discord, provider: DiscordProvider
) -> None:
    opened = await provider.send(notice(), None)
    assert isinstance(opened, Sent)
    discord.old = True
    resolved = await provider.send(notice(Change.RESOLVED), opened.reference)
    assert isinstance(resolved, Sent)
    assert resolved != opened
    assert [request.method for request in discord.seen] == ["POST", "PATCH", "POST"]


async def test_a_count_waits_when_its_message_is_too_old_to_edit(discord: Discord, provider: DiscordProvider) -> None:
    opened = await provider.send(digest_notice(Change.OPENED, COUNT), None)
    assert isinstance(opened, Sent)
    discord.plan(429, {"code": 30046, "retry_after": 900}, {"Retry-After": "900"})
    changed = await provider.send(digest_notice(Change.CHANGED, COUNT), opened.reference)
    assert isinstance(changed, TryLater)
    assert (changed.after, changed.cause) == (900.0, FailureCause.RATE_LIMITED)
    assert [request.method for request in discord.seen] == ["POST", "PATCH"]


async def test_a_pause_for_edits_holds_up_no_opening(discord: Discord, provider: DiscordProvider) -> None:
    opened = await provider.send(digest_notice(Change.OPENED, COUNT), None)
    assert isinstance(opened, Sent)
    asked = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "600"}
    discord.plan(429, {"code": 30046, "retry_after": 600}, asked)
    await provider.send(digest_notice(Change.CHANGED, COUNT), opened.reference)
    async with asyncio.timeout(60):
        assert isinstance(await provider.send(notice(), None), Sent)
        again = await provider.send(digest_notice(Change.CHANGED, COUNT), opened.reference)
    assert again == TryLater("takes no more edits at the moment", getattr(again, "after", None))
    assert len(discord.seen) == 3


@pytest.mark.parametrize("forum", [False, True], ids=["channel", "forum"])
async def test_a_message_its_thread_rejects_is_posted_beside_it(
    discord: Discord, context: ProviderContext, *, forum: bool
) -> None:
    discord.forum, discord.locked, discord.window = forum, {"555"}, 0.2
    provider = DiscordProvider("ops", config(discord.url, thread_id="555"), context)
    thread_id = Discord.OWN_THREAD if forum else None
    for number in range(2):
        opened = await provider.send(notice(), None)
        assert opened == Sent(f"{10**17 + number}/{thread_id or ''}")
        assert await provider.send(notice(Change.RESOLVED), opened.reference) == opened
    assert {thread for thread, _ in discord.messages} == {thread_id}
    assert all(said["embeds"][0]["title"].startswith("RESOLVED") for said in discord.messages.values())
    await provider.aclose()


async def test_a_reopened_thread_is_posted_to_again(discord: Discord, context: ProviderContext) -> None:
    provider = DiscordProvider("ops", config(discord.url, thread_id="555"), context)
    for locked in ({"555"}, set[str]()):
        discord.locked = locked
        assert isinstance(await provider.send(notice(), None), Sent)
    assert [thread for thread, _ in discord.messages] == [None, "555"]
    await provider.aclose()


async def test_an_end_is_posted_when_its_thread_was_archived(discord: Discord, context: ProviderContext) -> None:
    provider = DiscordProvider("ops", config(discord.url, thread_id="555"), context)
    opened = await provider.send(notice(), None)
    assert isinstance(opened, Sent)
    # A message opens again what was only left to itself.
    discord.plan(400, {"code": 50083})
    resolved = await provider.send(notice(Change.RESOLVED), opened.reference)
    assert resolved == Sent(f"{10**17 + 1}")
    await provider.aclose()


async def test_a_message_taken_nowhere_is_refused_but_not_the_webhook(
    discord: Discord, context: ProviderContext
) -> None:
    provider = DiscordProvider("ops", config(discord.url, thread_id="555"), context)
    for _ in range(2):
        discord.plan(400, {"code": 50083})
    outcome = await provider.send(notice(), None)
    assert outcome == Refused("answered 400 Bad Request, the thread is archived (code 50083)")
    assert isinstance(await provider.send(notice(), None), Sent)
    await provider.aclose()


async def test_a_webhook_can_be_checked_without_a_message(provider: DiscordProvider, discord: Discord) -> None:
    assert await provider.check() == "the webhook exists"
    assert ([seen.method for seen in discord.seen], discord.messages) == (["GET"], {})


async def test_a_deleted_webhook_is_reported_without_its_address(discord: Discord, context: ProviderContext) -> None:
    gone = DiscordProvider("ops", config(discord.url.replace(Discord.WEBHOOK, "999")), context)
    with pytest.raises(WebhookUnwell) as refusal:
        await gone.check()
    await gone.aclose()
    assert "404" in str(refusal.value)
    assert Discord.TOKEN not in str(refusal.value)
