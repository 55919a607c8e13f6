"""The channel in each of its troubles, as the real sender of webhooks would meet it."""

import json
from datetime import UTC, datetime

import aiohttp
import pytest
from standardwebhooks.webhooks import Webhook

from tests.e2e.webhook import SECRET
from tests.soak.channel import Channel
from tests.soak.plan import ChannelTrouble

ALERT = {"id": "a1", "kind": "execute_overdue", "subject": "0x01"}


async def post(channel: Channel, change: str = "alert.opened", *, seconds: float = 10) -> int | str:
    """The status that it answers, or the name of what happened instead."""
    raw, at = json.dumps({"type": change, "data": {"alert": ALERT}}), datetime.now(UTC)
    headers = {
        "webhook-id": "m1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("m1", at, raw),
    }
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=seconds)) as session:
        try:
            async with session.post(channel.url, data=raw, headers=headers) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            return type(error).__name__


async def test_a_message_is_noted_with_what_it_says() -> None:
    async with Channel() as channel:
        assert await post(channel) == 204
    (taken,) = channel.taken
    assert (taken.change, taken.alert_id, taken.kind, taken.subject) == ("opened", "a1", "execute_overdue", "0x01")
    assert taken.answered


@pytest.mark.parametrize(
    ("trouble", "answer"),
    [
        (ChannelTrouble.FAILS, 500),
        (ChannelTrouble.LIMITS, 429),
        (ChannelTrouble.HANGS, "TimeoutError"),
        (ChannelTrouble.DOWN, "ClientConnectorError"),
    ],
)
async def test_a_message_that_it_does_not_take_is_not_noted(trouble: ChannelTrouble, answer: int | str) -> None:
    async with Channel() as channel:
        await channel.suffer(trouble)
        assert await post(channel, seconds=0.5 if trouble is ChannelTrouble.HANGS else 60) == answer
        assert channel.taken == []
        await channel.recover()
        assert await post(channel) == 204


async def test_a_lost_answer_is_noted_as_one() -> None:
    async with Channel() as channel:
        await channel.suffer(ChannelTrouble.LOSES)
        assert await post(channel) == "ServerDisconnectedError"
        await channel.recover()
        assert await post(channel) == 204
    assert [taken.answered for taken in channel.taken] == [False, True]
    assert channel.bites == {"loses its answers": 1}


async def test_what_nobody_signed_is_refused() -> None:
    async with (
        Channel() as channel,
        aiohttp.ClientSession() as session,
        session.post(channel.url, json={"type": "alert.opened"}) as response,
    ):
        assert response.status == 500
    assert channel.taken == []
