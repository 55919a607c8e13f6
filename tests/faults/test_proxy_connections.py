"""What a proxy does to connections and pushes."""

import asyncio
from collections.abc import Sequence
from typing import Any

import aiohttp
import pytest

from scripts.devnet import Devnet
from tests.faults.calling import calling, transfers
from tests.faults.faults import (
    Delay,
    Drop,
    Duplicate,
    Freeze,
    Mute,
    RefuseConnection,
    RefuseHandshake,
    Shuffle,
)
from tests.faults.feed import ANVIL, GETH, REMOVED_ONLY, SILENT, ReorgNews
from tests.faults.hooks import Json
from tests.faults.proxy import Proxy
from tests.world.waiting import BOUND, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(("code", "seen"), [(None, 1006), (1000, 1000), (1001, 1001), (1011, 1011)])
async def test_drop_closes_old_and_new_connections(origin: Proxy, code: int | None, seen: int) -> None:
    async with calling(origin) as standing:
        await origin.apply(Drop(code))
        await standing.socket.receive(BOUND)
        assert standing.socket.close_code == seen
        async with calling(origin) as coming:
            with pytest.raises((TypeError, aiohttp.WSMessageTypeError)):
                await coming.ask("eth_chainId")
            assert coming.socket.close_code == seen


async def test_a_refused_handshake_has_its_status_and_retry_after(origin: Proxy) -> None:
    async with origin.suffering(RefuseHandshake(429, retry_after=5)):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with calling(origin):
                pass
    assert refused.value.headers is not None
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "5")


async def test_a_refused_connection_is_accepted_again_afterwards(origin: Proxy) -> None:
    async with origin.suffering(RefuseConnection()):
        with pytest.raises(aiohttp.ClientConnectorError):
            async with calling(origin):
                pass
    async with calling(origin) as caller:
        assert "result" in await caller.ask("eth_chainId")


@pytest.mark.parametrize("pings", [True, False])
async def test_a_frozen_socket_answers_only_pings(origin: Proxy, pings: bool) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(origin.ws_url, autoping=False) as socket:
        await origin.apply(Freeze(pings))
        await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []})
        await socket.ping(b"there?")
        await until(lambda: origin.bites["Freeze"] > 0)
        first = await socket.receive(BOUND) if pings else None
        await origin.lift()
        then = await socket.receive(BOUND)
    assert [message.type for message in (first, then) if message] == (
        [aiohttp.WSMsgType.PONG, aiohttp.WSMsgType.TEXT] if pings else [aiohttp.WSMsgType.TEXT]
    )


async def test_a_delayed_answer_is_overtaken(origin: Proxy) -> None:
    async with calling(origin) as slow, calling(origin) as quick:
        await origin.apply(Delay(3600.0))
        late = asyncio.create_task(slow.ask("eth_chainId"))
        await until(lambda: origin.bites["Delay"] > 0)
        await origin.lift()
        await quick.ask("eth_chainId")
        assert not late.done()
        late.cancel()


async def test_a_delayed_answer_comes_in_the_end(origin: Proxy) -> None:
    async with calling(origin) as caller, origin.suffering(Delay(0.05)):
        assert "result" in await caller.ask("eth_chainId")
    assert origin.bites["Delay"] == 1


@pytest.mark.parametrize("feed", ["heads", "logs"])
async def test_a_muted_feed_leaves_the_other_alone(bridge: Devnet, origin: Proxy, feed: Any) -> None:
    async with calling(origin) as caller:
        await caller.ask("eth_subscribe", "newHeads")
        await caller.ask("eth_subscribe", "logs", {"address": bridge.chain("alpha").contract})
        async with origin.suffering(Mute(feed)):
            await transfers(bridge, 2)
            await until(lambda: origin.bites["Mute"] >= 2)
            heard = await caller.hear(2)
    assert {"topics" in push for push in heard} == {feed == "heads"}


async def test_pushes_can_be_doubled_and_reordered(bridge: Devnet, origin: Proxy) -> None:
    alpha = bridge.chain("alpha")
    async with calling(origin) as caller:
        await caller.ask("eth_subscribe", "newHeads")
        head = await alpha.head()
        async with origin.suffering(Duplicate(), Shuffle()):
            await alpha.mine(2)
            heard = await caller.hear(4)
    assert [int(push["number"], 16) - head for push in heard] == [2, 2, 1, 1]


def news_of(heard: Sequence[Json], head: int) -> list[str]:
    """What was told, in words: removed logs, and heads by their distance from the first."""
    return ["removed" if push.get("removed") else str(int(push["number"], 16) - head) for push in heard]


@pytest.mark.parametrize(
    ("news", "announced"),
    [
        (ANVIL, ["-1", "0", "1"]),
        (GETH, ["removed", "0", "1"]),
        (REMOVED_ONLY, ["removed", "1"]),
        (SILENT, ["1"]),
    ],
    ids=["anvil", "geth", "removed only", "silent"],
)
async def test_a_reorg_is_announced_as_each_kind_of_node_does(
    bridge: Devnet, origin: Proxy, news: ReorgNews, announced: list[str]
) -> None:
    alpha = bridge.chain("alpha")
    origin.reorgs = news
    async with calling(origin) as caller:
        await caller.ask("eth_subscribe", "newHeads")
        await caller.ask("eth_subscribe", "logs", {"address": alpha.contract})
        log_filter = await transfers(bridge, 1)
        await alpha.mine()
        head = await alpha.head()
        await caller.hear(3)
        caller.pushed.clear()
        await alpha.reorg(2)
        await alpha.mine()
        assert news_of(await caller.hear(len(announced)), head) == announced
        gone = [push["blockNumber"] for push in caller.pushed if push.get("removed")]
        assert gone in ([], [log_filter["fromBlock"]])
