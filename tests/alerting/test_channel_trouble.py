"""A channel that takes some things and not others, on a real store: nothing is lost, and nothing holds up the rest."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from connext_monitor.alerting.manager import AlertManager
from connext_monitor.clock import SystemClock
from connext_monitor.core.delivery_records import ChannelState
from tests.alerting.bursts import HOOK, LABELS, RULES, Burst, bursting, managed, to_discord, to_hook
from tests.alerting.providers.discord.vendor import Discord
from tests.alerting.providers.vendor import Seen
from tests.alerting.providers.webhook.vendor import Receiver
from tests.alerting.queued_alerts import HealthNotes
from tests.world.alerts import NOW
from tests.world.kinds import chain_unobserved
from tests.world.waiting import running, until

MANY = 12
PATIENCE = 60.0


class Picky(Discord):
    """Discord that takes some messages in no form, and some edits not at all."""

    def __init__(self) -> None:
        super().__init__(window=0.1)
        self.poison: str | None = None
        self.edits_fail_with: int | None = None

    def answer(self, seen: Seen) -> web.Response:
        if self.edits_fail_with is not None and seen.method == "PATCH":
            return web.json_response({"retry_after": 3600}, status=self.edits_fail_with)
        if self.poison is not None and self.poison in seen.body.decode():
            return web.json_response({"code": 50035}, status=400)
        return super().answer(seen)

    @property
    def posts(self) -> list[str]:
        """What was posted, as it stands now."""
        return [str(message["embeds"][0]["title"]) for message in self.messages.values()]


@pytest.fixture
async def discord() -> AsyncIterator[Picky]:
    async with Picky() as vendor:
        yield vendor


async def unseen(burst: Burst, chain: str) -> None:
    await burst.store.alerts.open(chain_unobserved(chain, NOW, silent_for=125, waiting=0, why="-"), ["ops"])


@pytest.mark.parametrize("status", [429, 500, 403])
async def test_edits_that_fail_hold_up_no_opening(burst: Burst, discord: Picky, status: int) -> None:
    await burst.late(range(MANY))
    async with managed(burst, to_discord(discord)) as manager:
        await until(lambda: len(discord.messages) == 1, PATIENCE)
        discord.edits_fail_with = status
        await burst.arrive(range(4))
        manager.wake()
        await until(lambda: any(seen.method == "PATCH" for seen in discord.seen), PATIENCE)
        await unseen(burst, "beta")
        manager.wake()
        await until(lambda: "WARNING · Chain beta is not observed" in discord.posts, PATIENCE)


async def test_an_edit_refused_for_its_age_becomes_a_post(burst: Burst, discord: Picky) -> None:
    await burst.late([0])
    async with managed(burst, to_discord(discord)) as manager:
        await until(lambda: len(discord.messages) == 1, PATIENCE)
        discord.old = True
        await burst.arrive([0])
        manager.wake()
        await until(lambda: len(discord.messages) == 2, PATIENCE)
    assert [title.split(" · ")[0] for title in discord.posts] == ["CRITICAL", "RESOLVED"]
    assert await burst.waiting() == 0


async def test_a_rejected_message_is_kept_and_lets_others_pass(burst: Burst, discord: Picky) -> None:
    discord.poison = "alpha"
    await unseen(burst, "alpha")
    await unseen(burst, "beta")
    health = HealthNotes()
    manager = AlertManager(burst.store.outbox, [to_discord(discord)], LABELS, RULES, health, SystemClock())
    async with running(manager.run()):
        await until(lambda: discord.posts == ["WARNING · Chain beta is not observed"], PATIENCE)
        await until(lambda: health.heard and "though it takes others" in (health.heard[-1][1] or ""), PATIENCE)
        (channel,) = await burst.store.outbox.channels()
        assert (channel.state, channel.waiting) == (ChannelState.FAILING, 1)
        discord.poison = None
        await until(lambda: health.heard[-1][1] is None, PATIENCE)
    assert "WARNING · Chain alpha is not observed" in discord.posts
    (channel,) = await burst.store.outbox.channels()
    assert (channel.state, channel.waiting) == (ChannelState.OK, 0)


async def test_a_rejected_burst_is_kept_over_a_restart(burst: Burst, discord: Picky) -> None:
    discord.poison = "transfers"
    await burst.late(range(MANY))
    async with managed(burst, to_discord(discord)):
        await until(lambda: len(discord.seen) >= 2, PATIENCE)
    assert await burst.waiting() == 1
    discord.poison = None
    async with managed(burst, to_discord(discord)):
        await until(lambda: discord.messages, PATIENCE)
        async with asyncio.timeout(PATIENCE):
            while await burst.waiting():  # noqa: ASYNC110 - a fact about the store, no event
                await asyncio.sleep(0.01)


async def test_a_digest_ends_though_its_message_id_was_lost(burst: Burst, discord: Picky) -> None:
    discord.breaks_off_after = 5
    await burst.late(range(MANY))
    async with managed(burst, to_discord(discord)) as manager:
        await until(lambda: len(discord.messages) == 1, PATIENCE)
        await burst.arrive(range(MANY))
        manager.wake()
        await until(lambda: len(discord.messages) == 2, PATIENCE)
    assert [title.split(" · ")[0] for title in discord.posts] == ["CRITICAL", "RESOLVED"]


class Stuck(Discord):
    """Discord that answers no edit."""

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.method == "PATCH":
            self.asked.clear()
            await request.read()
            self.asked.set()
            await asyncio.sleep(60)
        return await super()._handle(request)


async def test_an_unanswered_edit_gives_way_to_an_opening(burst: Burst) -> None:
    async with Stuck() as discord:
        await burst.late([0])
        async with managed(burst, to_discord(discord)) as manager:
            await until(lambda: len(discord.messages) == 1, PATIENCE)
            discord.asked.clear()
            await burst.arrive([0])
            manager.wake()
            await asyncio.wait_for(discord.asked.wait(), PATIENCE)
            with capture_logs() as lines:
                await unseen(burst, "beta")
                manager.wake()
                await until(lambda: len(discord.messages) == 2, PATIENCE)
            # Not because the edit's own time was over.
            [postponed] = [line["reason"] for line in lines if line["event"] == "alert.postponed"]
            assert postponed == "gave way to something new"
        assert await burst.waiting() == 1


class Slow(Receiver):
    """A receiver that takes each body at once, and says so late."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        response = await super()._handle(request)
        await asyncio.sleep(self.seconds)
        return response


async def test_a_slow_receiver_is_soon_waited_for_long_enough(tmp_path: Path) -> None:
    async with Slow(0.5) as receiver, bursting(tmp_path / "monitor.db", HOOK) as burst:
        await burst.late(range(3))
        hook = to_hook(receiver, first_timeout=0.2)
        async with managed(burst, hook), asyncio.timeout(PATIENCE):
            while await burst.waiting():  # noqa: ASYNC110 - a fact about the store, no event
                await asyncio.sleep(0.05)
    alert_ids = [body["data"]["alert"]["id"] for body in receiver.taken]
    # 0.2 s and 0.4 s are too short, 0.8 s, 1.6 s or 3.2 s is not, and that is remembered: else each took three tries.
    assert len(set(alert_ids)) == 3
    assert len(alert_ids) <= 8
