"""The proxy itself: each fault does what it says, to a client that speaks plain JSON-RPC."""

import json
from typing import Any

import aiohttp
import pytest

from connext_monitor.core.rpc_refusal import Reaction, classify
from scripts.devnet import Devnet
from tests.faults.calling import calling, logs_through, transfers
from tests.faults.faults import (
    Duplicate,
    Empty,
    Malform,
    Mangled,
    Oversize,
    Partial,
    RangeLimit,
    RateLimit,
    Shuffle,
    Stale,
)
from tests.faults.hooks import Json
from tests.faults.proxy import Proxy
from tests.faults.vendors import RANGES, RATES, Counts
from tests.world.waiting import until

# Answers

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_without_a_fault_answers_are_the_nodes_own(bridge: Devnet, origin: Proxy) -> None:
    true, given = await logs_through(bridge, origin)
    assert given == true
    assert origin.bites == {}


async def test_empty_finds_nothing(bridge: Devnet, origin: Proxy) -> None:
    assert (await logs_through(bridge, origin, Empty()))[1] == []


async def test_partial_leaves_out_some_logs(bridge: Devnet, origin: Proxy) -> None:
    true, most = await logs_through(bridge, origin, Partial(1 / 2**32))
    _, none = await logs_through(bridge, origin, Partial(1))
    assert (most, none) == (true, [])


async def test_duplicate_gives_every_log_twice(bridge: Devnet, origin: Proxy) -> None:
    true, given = await logs_through(bridge, origin, Duplicate())
    assert (len(given), {log["blockHash"] for log in given}) == (12, {log["blockHash"] for log in true})


async def test_shuffle_changes_the_order_of_logs(bridge: Devnet, origin: Proxy) -> None:
    true, given = await logs_through(bridge, origin, Shuffle())
    assert sorted(given, key=lambda log: int(log["blockNumber"], 16)) == true


async def test_oversize_lengthens_only_answers_to_long_ranges(bridge: Devnet, origin: Proxy) -> None:
    _, long = await logs_through(bridge, origin, Oversize(10_000, over=5))
    _, short = await logs_through(bridge, origin, Oversize(10_000, over=6))
    assert len(json.dumps(long)) > 10_000
    assert len(short) == 6


@pytest.mark.parametrize(
    ("mangled", "seen"),
    [
        (Mangled.TEXT, lambda said: isinstance(said, str)),
        (Mangled.SHAPE, lambda said: said == [17]),
        (Mangled.OTHER_ID, lambda said: said["id"] == 10**9),
        (Mangled.NULL_ID, lambda said: said["id"] is None),
        (Mangled.TYPE, lambda said: isinstance(said["result"], dict)),
    ],
)
async def test_malform_mangles_as_many_answers_as_told(origin: Proxy, mangled: Mangled, seen: Any) -> None:
    async with calling(origin) as caller, origin.suffering(Malform(mangled, every=2)):
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


async def test_stale_gives_the_logs_that_it_has(bridge: Devnet, origin: Proxy) -> None:
    log_filter = await transfers(bridge, 3)
    number = int(log_filter["toBlock"], 16)
    async with calling(origin) as caller:
        await until(lambda: origin.head == number)
        async with origin.suffering(Stale(1)):
            logs = (await caller.ask("eth_getLogs", log_filter))["result"]
    assert [int(log["blockNumber"], 16) for log in logs] == [number - 2, number - 1]


async def test_stale_announces_what_it_held_back_once_lifted(bridge: Devnet, origin: Proxy) -> None:
    alpha = bridge.chain("alpha")
    async with calling(origin) as caller:
        await caller.ask("eth_subscribe", "newHeads")
        head = await alpha.head()
        await origin.apply(Stale(2))
        await alpha.mine(3)
        assert [int(header["number"], 16) for header in await caller.hear(1)] == [head + 1]
        await until(lambda: origin.head == head + 3)
        await origin.lift()
        assert [int(header["number"], 16) for header in await caller.hear(3)] == [head + 1, head + 2, head + 3]


# Limits


@pytest.mark.parametrize("vendor", sorted(RANGES))
async def test_a_vendors_limit_is_worded_and_honoured(bridge: Devnet, origin: Proxy, vendor: str) -> None:
    log_filter = await transfers(bridge, 4)
    first = int(log_filter["fromBlock"], 16)
    async with calling(origin) as caller, origin.suffering(RangeLimit(vendor, 2)):
        refused = (await caller.ask("eth_getLogs", log_filter))["error"]
        given = (await caller.ask("eth_getLogs", log_filter | {"toBlock": hex(first + 1)}))["result"]
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


async def test_over_http_a_rate_limit_is_a_429_with_retry_after(origin: Proxy) -> None:
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
