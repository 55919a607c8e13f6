"""When an observer covers, and when it gives an endpoint up: on a loopback node with a made-up chain."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection

from connext_monitor.clock import SystemClock
from connext_monitor.config import ChainConfig, EndpointUrl
from connext_monitor.core.bridge_events import BRIDGE_EVENTS
from connext_monitor.core.events import Timestamp
from connext_monitor.monitoring.chain_data import to_hex
from connext_monitor.monitoring.endpoint import Endpoint, open_endpoint
from connext_monitor.monitoring.intervals import Intervals
from connext_monitor.monitoring.json_rpc import EndpointUnavailable, OnRequest
from connext_monitor.monitoring.observer import Observer
from tests.monitoring.covering import Memory, Whole, covered, observing, readable
from tests.monitoring.made_up_chain import CONFIG, GENESIS_TIME, Chain
from tests.monitoring.nodes import error, http_node, posting, push, result, websocket_node
from tests.world.waiting import BOUND, until


def failures(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why endpoints were given up, from the log: what the observer's state says of it lasts only until one works."""
    return [line["reason"] for line in lines if line["event"] == "endpoint.failed"]


async def test_a_polled_chain_is_covered_up_to_each_new_head() -> None:
    node = Whole(10)
    async with http_node(posting(node.answer)) as url, observing(url) as (observer, _):
        await until(lambda: covered(observer) == 10)
        node.head = 12
        await until(lambda: covered(observer) == 12)
        assert node.ranges[-1] == (11, 12)


async def test_a_chain_watched_from_its_next_block_is_covered_with_it() -> None:
    node = Whole(10)
    async with http_node(posting(node.answer)) as url, observing(url, start=11) as (observer, _):
        await until(lambda: observer.state.caught_up)
        node.head = 11
        await until(lambda: covered(observer) == 11)


async def test_an_endpoint_without_the_contract_is_passed_over() -> None:
    empty, right = Whole(10), Whole(10)
    empty.code = "0x"
    async with (
        http_node(posting(empty.answer)) as first,
        http_node(posting(right.answer)) as second,
        observing(first, second) as (observer, _),
    ):
        with capture_logs() as lines:
            await until(lambda: covered(observer) == 10)
        assert "knows no contract at 0x1111111111111111111111111111111111111111" in failures(lines)[0]
        assert (empty.ranges, observer.state.trouble) == ([], None)


async def test_an_endpoint_that_sends_retry_after_is_left_alone_so_long() -> None:
    node = Whole(10)
    asked = 0

    async def busy(_request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.Response(status=503, headers={"Retry-After": "60"})

    async with (
        http_node(busy) as first,
        http_node(posting(node.answer)) as second,
        observing(first, second, patience=2, block_time="PT0.5S") as (observer, _),
    ):
        # Each takes a poll, and every second one or so sees a look at whether the preferred endpoint works again.
        for head in range(10, 20):
            node.head = head
            await until(lambda: covered(observer) == node.head)
        assert asked == 1


async def test_an_endpoint_whose_head_only_swings_to_and_fro_is_given_up() -> None:
    swinging, right = Whole(10), Whole(30)
    heads = [10, 9] * 1000

    def answer(request: dict[str, Any]) -> str:
        if request["method"] == "eth_getBlockByNumber" and request["params"][0] == "latest":
            swinging.head = heads.pop()
        return swinging.answer(request)

    async with (
        http_node(posting(answer)) as first,
        http_node(posting(right.answer)) as second,
        observing(first, second, patience=4) as (observer, _),
    ):
        await until(lambda: covered(observer) == 30)


async def test_an_endpoint_that_limits_requests_is_asked_later_and_not_reopened() -> None:
    node = Whole(10)
    asked: list[str] = []

    def answer(request: dict[str, Any]) -> str:
        asked.append(asking := str([request["method"], *request["params"]][:2]))
        if ("latest" in asking or "getLogs" in asking) and asked.count(asking) % 2 == 0:
            return error(request, 429, "Too Many Requests")
        return node.answer(request)

    async with http_node(posting(answer)) as url, observing(url, intervals=Intervals(retry=0.01)) as (observer, _):
        for head in (10, 20, 30):
            node.head = head
            await until(lambda: covered(observer) == node.head)
        assert (len([asking for asking in asked if "eth_getCode" in asking]), observer.state.trouble) == (1, None)


@pytest.mark.parametrize(
    "strange", [{"nonsense": True}, Chain(10).log(5) | {"address": "0x" + "22" * 20}], ids=["nonsense", "a stranger's"]
)
async def test_an_endpoint_that_pushes_junk_without_end_is_left_for_another(strange: object) -> None:
    node, right = Whole(10), Whole(10)

    async def behave(connection: ServerConnection) -> None:
        async for message in connection:
            request = json.loads(message)
            if request["method"] != "eth_subscribe":
                await connection.send(node.answer(request))
                continue
            await connection.send(result(request, request["params"][0]))
            for _ in range(1_100 * (request["params"][0] == "logs")):
                await connection.send(push("logs", strange))

    async with (
        websocket_node(behave) as first,
        http_node(posting(right.answer)) as second,
        observing(first, second),
    ):
        with capture_logs() as lines:
            await until(lambda: bool(failures(lines)))
            right.ranges.clear()
            right.head = 11
            await until(lambda: bool(right.ranges))
        assert "pushed more than 1,000 entries that are not logs" in failures(lines)[0]


async def test_what_an_endpoint_is_waited_for_is_told_while_it_is() -> None:
    node = Whole(10)
    async with http_node(posting(node.answer)) as url, observing(url, patience=2) as (observer, _):
        await until(lambda: covered(observer) == 10)
        node.lacks = {5}
        await until(lambda: observer.state.trouble == "127.0.0.1 has no block 5, which was final")
        node.lacks = set()
        await until(lambda: observer.state.trouble is None)


async def test_past_trouble_is_not_shown_while_history_is_read() -> None:
    node = Whole(300, most=4)
    node.chain_id = 1
    let_go = asyncio.Event()

    async def handle(request: web.Request) -> web.Response:
        answer = await posting(node.answer)(request)
        if len(node.ranges) > 8:
            await let_go.wait()
        return answer

    async with http_node(handle) as url, observing(url, block_time="PT0.1S") as (observer, _):
        await until(lambda: "chain id" in str(observer.state.trouble))
        node.chain_id = 31337
        await until(lambda: covered(observer) > 0)
        assert observer.state.trouble is None
        assert not observer.state.caught_up
        let_go.set()


class Feeds:
    """What a node pushes to its one subscriber."""

    def __init__(self, node: Whole) -> None:
        self.node = node
        self.subscribed: dict[str, ServerConnection] = {}

    async def behave(self, connection: ServerConnection) -> None:
        async for message in connection:
            request = json.loads(message)
            if request["method"] == "eth_subscribe":
                feed = request["params"][0]
                self.subscribed[feed] = connection
                await connection.send(result(request, feed), text=True)
            else:
                await connection.send(self.node.answer(request), text=True)

    async def announce(self, number: int) -> None:
        """A new head."""
        self.node.head = number
        await self.subscribed["newHeads"].send(push("newHeads", self.node.block(number)), text=True)

    async def show(self, log: Mapping[str, Any]) -> None:
        """A new log."""
        await self.subscribed["logs"].send(push("logs", log), text=True)


async def test_an_awaited_instant_is_covered_once_a_head_passes_it() -> None:
    node = Whole(10)
    feeds = Feeds(node)
    async with websocket_node(feeds.behave) as url, observing(url) as (observer, _):
        await until(lambda: covered(observer) == 10 and len(feeds.subscribed) == 2)
        await feeds.announce(11)
        observer.cover_past(Timestamp(GENESIS_TIME + 12))
        await feeds.announce(12)
        await feeds.announce(13)
        await until(lambda: covered(observer) == 13)
        assert node.ranges[1:] == [(11, 13)]


class Pausing(Whole):
    """Its logs are of transfers but for that in block 12, which is of a pause."""

    def log(self, number: int) -> dict[str, Any]:
        topics, data = BRIDGE_EVENTS["Paused"].encode(account="0x" + "5e" * 20)
        paused = {"topics": [to_hex(topic) for topic in topics], "data": to_hex(data)}
        return super().log(number) | (paused if number == 12 else {})


async def test_a_pushed_pause_is_covered_at_once_unlike_a_transfer() -> None:
    node = Pausing(10, logs=[11, 12])
    readable(node)
    feeds = Feeds(node)
    async with websocket_node(feeds.behave) as url, observing(url) as (observer, memory):
        await until(lambda: covered(observer) == 10 and len(feeds.subscribed) == 2)
        await feeds.announce(11)
        await feeds.show(node.log(11))
        await until(lambda: memory.blocks == [11])
        await feeds.announce(12)
        await feeds.show(node.log(12))
        await until(lambda: covered(observer) == 12)
        assert node.ranges[1:] == [(6, 12)]


async def test_a_stop_that_comes_together_with_an_endpoints_failure_still_ends_it() -> None:
    """A group of tasks raises the error of a task, and drops the cancellation that came at the same time."""
    node = Whole(10)
    opened = 0

    async def fail_when_cancelled() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            raise EndpointUnavailable("node", "closed the connection") from None

    @asynccontextmanager
    async def failing_at_its_end(url: EndpointUrl, *, on_request: OnRequest) -> AsyncIterator[Endpoint]:
        nonlocal opened
        opened += 1
        async with asyncio.TaskGroup() as tasks, open_endpoint(url, on_request=on_request) as endpoint:
            tasks.create_task(fail_when_cancelled())
            yield endpoint

    async with http_node(posting(node.answer)) as url:
        config = ChainConfig.model_validate(CONFIG | {"start_block": 1, "endpoints": [url], "block_time": "PT1S"})
        memory = Memory()
        clock, random = SystemClock(), Random(1)  # noqa: S311 - spreads retries
        observer = Observer(config, 60, failing_at_its_end, memory, memory, clock, random)
        observing = asyncio.create_task(observer.run())
        await until(lambda: covered(observer) == 10)
        observing.cancel()
        await asyncio.wait({observing}, timeout=BOUND)
        ended = observing.done()
        observing.cancel()
        await asyncio.gather(observing, return_exceptions=True)
    assert (ended, opened) == (True, 1)
