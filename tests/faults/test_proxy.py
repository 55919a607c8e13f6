"""The proxy itself: each fault does what it says, to a client that speaks plain JSON-RPC."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from connext_monitor.core.rpc_refusal import Reaction, classify
from scripts.devnet import Devnet
from tests.faults.faults import (
    Delay,
    Drop,
    Duplicate,
    Empty,
    Freeze,
    Malform,
    Mangled,
    Mute,
    Oversize,
    Partial,
    RangeLimit,
    RateLimit,
    RefuseConnection,
    RefuseHandshake,
    Shuffle,
    Stale,
)
from tests.faults.feed import ANVIL, GETH, REMOVED_ONLY, SILENT, ReorgNews
from tests.faults.hooks import Fault, Json
from tests.faults.proxy import Proxy
from tests.faults.vendors import RANGES, RATES, Counts
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Caller:
    """A websocket client that keeps what is pushed to it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.pushed: list[Json] = []

    async def ask(self, method: str, *params: object) -> Any:
        """The whole answer, or its text where that is no JSON object with our id."""
        await self.socket.send_json({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
        while True:
            text = await asyncio.wait_for(self.socket.receive_str(), 5)
            try:
                said = json.loads(text)
            except ValueError:
                return text
            if not isinstance(said, dict) or said.get("method") != "eth_subscription":
                return said
            self.pushed.append(said["params"]["result"])

    async def hear(self, number: int) -> list[Json]:
        """Wait for so many pushes."""
        while len(self.pushed) < number:
            said = json.loads(await asyncio.wait_for(self.socket.receive_str(), 5))
            self.pushed.append(said["params"]["result"])
        return self.pushed


@asynccontextmanager
async def calling(proxy: Proxy) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession() as session, session.ws_connect(proxy.ws_url, max_msg_size=0) as socket:
        yield Caller(socket)


async def transfers(bridge: Devnet, number: int) -> Json:
    """Make so many xcalls on alpha; the filter that finds them."""
    alpha, beta = bridge.chains
    made = [await bridge.xcall(alpha, beta) for _ in range(number)]
    numbers = [hex(made[0].block_number), hex(made[-1].block_number)]
    xcalled = "0xed8e6ba697dd65259e5ce532ac08ff06d1a3607bcec58f8f0937fe36a5666c54"
    return {"address": alpha.contract, "topics": [[xcalled]], "fromBlock": numbers[0], "toBlock": numbers[1]}


async def logs_through(bridge: Devnet, proxy: Proxy, *faults: Fault) -> tuple[list[Json], list[Json]]:
    """The logs of six transfers as the node has them, and as they come through the faults."""
    wanted = await transfers(bridge, 6)
    true: list[Json] = await bridge.chain("alpha").rpc("eth_getLogs", [wanted])
    async with calling(proxy) as caller, proxy.suffering(*faults):
        return true, (await caller.ask("eth_getLogs", wanted))["result"]


# Answers


async def test_without_a_fault_answers_are_the_nodes_own(bridge: Devnet, origin: Proxy) -> None:
    true, given = await logs_through(bridge, origin)
    assert given == true
    assert origin.bites == {}


async def test_empty_finds_nothing(bridge: Devnet, origin: Proxy) -> None:
    assert (await logs_through(bridge, origin, Empty()))[1] == []


async def test_partial_leaves_out_some_logs_and_keeps_the_others(bridge: Devnet, origin: Proxy) -> None:
    true, most = await logs_through(bridge, origin, Partial(1 / 2**32))
    _, none = await logs_through(bridge, origin, Partial(1))
    assert (most, none) == (true, [])


async def test_duplicate_gives_every_log_twice(bridge: Devnet, origin: Proxy) -> None:
    true, given = await logs_through(bridge, origin, Duplicate())
    assert (len(given), {log["blockHash"] for log in given}) == (12, {log["blockHash"] for log in true})


async def test_shuffle_gives_the_same_logs_in_another_order(bridge: Devnet, origin: Proxy) -> None:
    true, given = await logs_through(bridge, origin, Shuffle())
    assert sorted(given, key=lambda log: int(log["blockNumber"], 16)) == true


async def test_oversize_makes_a_long_answer_of_a_long_range_only(bridge: Devnet, origin: Proxy) -> None:
    _, long = await logs_through(bridge, origin, Oversize(10_000, over=5))
    _, short = await logs_through(bridge, origin, Oversize(10_000, over=6))
    assert len(json.dumps(long)) > 10_000
    assert len(short) == 6


@pytest.mark.parametrize(
    ("what", "seen"),
    [
        (Mangled.TEXT, lambda said: isinstance(said, str)),
        (Mangled.SHAPE, lambda said: said == [17]),
        (Mangled.OTHER_ID, lambda said: said["id"] == 10**9),
        (Mangled.NULL_ID, lambda said: said["id"] is None),
        (Mangled.TYPE, lambda said: isinstance(said["result"], dict)),
    ],
)
async def test_malform_mangles_every_second_answer_if_told_so(origin: Proxy, what: Mangled, seen: Any) -> None:
    async with calling(origin) as caller, origin.suffering(Malform(what, every=2)):
        answers = [await caller.ask("eth_chainId") for _ in range(4)]
    assert [bool(isinstance(said, dict) and said == answers[0]) for said in answers] == [True, False, True, False]
    assert seen(answers[1])


async def test_malform_cuts_logs_short(bridge: Devnet, origin: Proxy) -> None:
    true, given = await logs_through(bridge, origin, Malform(Mangled.LOGS))
    assert [len(log["data"]) for log in given] == [len(log["data"]) - 64 for log in true]


# Lag


def beyond(said: Json) -> bool:
    return "beyond current head" in said["error"]["message"]


@pytest.mark.parametrize(
    ("method", "params", "seen"),
    [
        ("eth_blockNumber", lambda _: [], lambda said, last: int(said["result"], 16) == last),
        ("eth_getBlockByNumber", lambda _: ["latest", False], lambda said, last: said["result"]["number"] == hex(last)),
        ("eth_getBlockByNumber", lambda head: [head["number"], False], lambda said, _: said["result"] is None),
        ("eth_getBlockByHash", lambda head: [head["hash"], False], lambda said, _: said["result"] is None),
        ("eth_getLogs", lambda head: [{"fromBlock": "0x1", "toBlock": head["number"]}], lambda said, _: beyond(said)),
        ("eth_call", lambda head: [{}, head["number"]], lambda said, _: said["error"]["message"] == "header not found"),
    ],
)
async def test_stale_knows_nothing_of_the_newest_blocks(
    bridge: Devnet, origin: Proxy, method: str, params: Any, seen: Any
) -> None:
    alpha = bridge.chain("alpha")
    await alpha.mine(3)
    head = await alpha.rpc("eth_getBlockByNumber", ["latest", False])
    number = int(head["number"], 16)
    await until(lambda: origin.head == number)
    async with calling(origin) as caller, origin.suffering(Stale(3, refuses=True)):
        assert seen(await caller.ask(method, *params(head)), number - 3)


async def test_stale_that_does_not_refuse_gives_the_logs_that_it_has(bridge: Devnet, origin: Proxy) -> None:
    wanted = await transfers(bridge, 3)
    number = int(wanted["toBlock"], 16)
    async with calling(origin) as caller:
        await until(lambda: origin.head == number)
        async with origin.suffering(Stale(1)):
            found = (await caller.ask("eth_getLogs", wanted))["result"]
    assert [int(log["blockNumber"], 16) for log in found] == [number - 2, number - 1]


async def test_stale_announces_its_own_head_and_what_it_held_back_when_it_is_lifted(
    bridge: Devnet, origin: Proxy
) -> None:
    alpha = bridge.chain("alpha")
    async with calling(origin) as caller:
        await caller.ask("eth_subscribe", "newHeads")
        head = await alpha.head()
        await origin.apply(Stale(2))
        await alpha.mine(3)
        assert [int(one["number"], 16) for one in await caller.hear(1)] == [head + 1]
        await until(lambda: origin.head == head + 3)
        await origin.lift()
        assert [int(one["number"], 16) for one in await caller.hear(3)] == [head + 1, head + 2, head + 3]


# Limits


@pytest.mark.parametrize("vendor", sorted(RANGES))
async def test_a_vendors_limit_is_told_as_such_and_honoured(bridge: Devnet, origin: Proxy, vendor: str) -> None:
    wanted = await transfers(bridge, 4)
    first = int(wanted["fromBlock"], 16)
    async with calling(origin) as caller, origin.suffering(RangeLimit(vendor, 2)):
        refused = (await caller.ask("eth_getLogs", wanted))["error"]
        given = (await caller.ask("eth_getLogs", wanted | {"toBlock": hex(first + 1)}))["result"]
    classified = classify(refused["code"], refused["message"])
    assert classified.reaction is Reaction.RANGE
    # A number that a text names is what works: of blocks, where the vendor counts those.
    assert classified.max_blocks in ({None, 2} if RANGES[vendor].counts is Counts.BLOCKS else {None, 2, 20_000})
    assert len(given) == 2


@pytest.mark.parametrize("vendor", sorted(RATES))
async def test_a_rate_error_comes_as_often_as_told(origin: Proxy, vendor: str) -> None:
    async with calling(origin) as caller, origin.suffering(RateLimit(vendor, every=3)):
        answers = [await caller.ask("eth_chainId") for _ in range(6)]
    assert ["error" in answer for answer in answers] == [False, False, True] * 2
    assert classify(answers[2]["error"]["code"], answers[2]["error"]["message"]).reaction is Reaction.RATE


async def test_over_http_a_single_request_is_answered_with_429_and_a_time_to_stay_away(origin: Proxy) -> None:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    statuses = []
    async with aiohttp.ClientSession() as session, origin.suffering(RateLimit("http", every=2, retry_after=3)):
        for _ in range(2):
            async with session.post(origin.http_url, json=asked) as response:
                statuses.append((response.status, response.headers.get("Retry-After")))
    assert statuses == [(200, None), (429, "3")]


async def test_requests_are_counted_by_method(origin: Proxy) -> None:
    async with calling(origin) as caller:
        for method in ("eth_chainId", "eth_blockNumber", "eth_chainId"):
            await caller.ask(method)
    assert origin.counts == {"eth_chainId": 2, "eth_blockNumber": 1}


# Connections


@pytest.mark.parametrize(("code", "seen"), [(None, 1006), (1000, 1000), (1001, 1001), (1011, 1011)])
async def test_drop_closes_the_connections_that_stand_and_those_that_come(
    origin: Proxy, code: int | None, seen: int
) -> None:
    async with calling(origin) as standing:
        await origin.apply(Drop(code))
        await standing.socket.receive(5)
        assert standing.socket.close_code == seen
        async with calling(origin) as coming:
            with pytest.raises((TypeError, aiohttp.WSMessageTypeError)):
                await coming.ask("eth_chainId")
            assert coming.socket.close_code == seen


async def test_a_refused_handshake_has_its_status_and_its_time_to_stay_away(origin: Proxy) -> None:
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
async def test_a_frozen_socket_answers_nothing_and_pings_as_told(origin: Proxy, pings: bool) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(origin.ws_url, autoping=False) as socket:
        await origin.apply(Freeze(pings))
        await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []})
        await socket.ping(b"there?")
        await until(lambda: origin.bites["Freeze"] > 0)
        first = await socket.receive(0.3) if pings else None
        await origin.lift()
        then = await socket.receive(5)
    assert [message.type for message in (first, then) if message] == (
        [aiohttp.WSMsgType.PONG, aiohttp.WSMsgType.TEXT] if pings else [aiohttp.WSMsgType.TEXT]
    )


async def test_a_delayed_answer_comes_after_one_that_was_asked_later(origin: Proxy) -> None:
    async with calling(origin) as slow, calling(origin) as quick:
        await origin.apply(Delay(0.2))
        late = asyncio.create_task(slow.ask("eth_chainId"))
        await until(lambda: origin.bites["Delay"] > 0)
        await origin.lift()
        await quick.ask("eth_chainId")
        assert not late.done()
        assert "result" in await late


# Pushes


@pytest.mark.parametrize("feed", ["heads", "logs"])
async def test_a_muted_feed_says_nothing_and_the_other_goes_on(bridge: Devnet, origin: Proxy, feed: Any) -> None:
    async with calling(origin) as caller:
        await caller.ask("eth_subscribe", "newHeads")
        await caller.ask("eth_subscribe", "logs", {"address": bridge.chain("alpha").contract})
        async with origin.suffering(Mute(feed)):
            await transfers(bridge, 2)
            await until(lambda: origin.bites["Mute"] >= 2)
            heard = await caller.hear(2)
    assert {"topics" in one for one in heard} == {feed == "heads"}


async def test_duplicate_pushes_twice_and_shuffle_turns_round_what_comes_together(
    bridge: Devnet, origin: Proxy
) -> None:
    alpha = bridge.chain("alpha")
    async with calling(origin) as caller:
        await caller.ask("eth_subscribe", "newHeads")
        head = await alpha.head()
        async with origin.suffering(Duplicate(), Shuffle()):
            await alpha.mine(2)
            heard = await caller.hear(4)
    assert [int(one["number"], 16) - head for one in heard] == [2, 2, 1, 1]


def news_of(heard: Sequence[Json], head: int) -> list[str]:
    """What was told, in words: removed logs, and heads by their distance from the first."""
    return ["removed" if one.get("removed") else str(int(one["number"], 16) - head) for one in heard]


@pytest.mark.parametrize(
    ("news", "told"),
    [
        (ANVIL, ["-1", "0", "1"]),
        (GETH, ["removed", "0", "1"]),
        (REMOVED_ONLY, ["removed", "1"]),
        (SILENT, ["1"]),
    ],
    ids=["anvil", "geth", "removed only", "silent"],
)
async def test_a_reorg_is_told_as_that_kind_of_node_does(
    bridge: Devnet, origin: Proxy, news: ReorgNews, told: list[str]
) -> None:
    alpha = bridge.chain("alpha")
    origin.reorgs = news
    async with calling(origin) as caller:
        await caller.ask("eth_subscribe", "newHeads")
        await caller.ask("eth_subscribe", "logs", {"address": alpha.contract})
        wanted = await transfers(bridge, 1)
        await alpha.mine()
        head = await alpha.head()
        await caller.hear(3)
        caller.pushed.clear()
        await alpha.reorg(2)
        await alpha.mine()
        assert news_of(await caller.hear(len(told)), head) == told
        gone = [one["blockNumber"] for one in caller.pushed if one.get("removed")]
        assert gone in ([], [wanted["fromBlock"]])
