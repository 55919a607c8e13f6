"""Batches of calls over both transports, against nodes that do with them what nodes do."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from websockets.asyncio.server import ServerConnection

from connext_monitor.core.events import BlockNumber
from connext_monitor.monitoring.endpoint import Endpoint, open_endpoint
from connext_monitor.monitoring.json_rpc import RpcLimits
from tests.monitoring.answered_batches import Requests, answer, answers
from tests.monitoring.answers import block, each
from tests.monitoring.nodes import (
    QUICK,
    Transport,
    error,
    failure_of,
    http_node,
    websocket_node,
)
from tests.world.waiting import within_bound


def changed(requests: Requests, index: int, **changes: object) -> str:
    """All answers, one of them changed."""
    every = answers(requests)
    every[index] |= changes
    return json.dumps(every)


WHOLE = each(answer)


@dataclass
class Node:
    """A node that does something with batches; keeps how many calls each had, and what was asked by itself."""

    treat: Callable[[Requests], str | bytes | None] = WHOLE
    batches: list[int] = field(default_factory=list)
    single: list[str] = field(default_factory=list)

    def answer(self, request: dict[str, Any]) -> str:
        self.single.append(request["method"])
        return answer(request)

    def batch(self, requests: Requests) -> str | bytes | None:
        self.batches.append(len(requests))
        return self.treat(requests)


async def numbers(endpoint: Endpoint, count: int = 20) -> list[int | None]:
    asked = [BlockNumber(number) for number in range(count)]
    return [None if header is None else header.number for header in await within_bound(endpoint.headers(asked))]


PARTLY: dict[str, Callable[[Requests], str | bytes]] = {
    "some left out": lambda asked: json.dumps(answers(asked)[:3]),
    "all but one refused": lambda asked: json.dumps(
        [answers(asked)[0], *(json.loads(error(request, -32603, "internal error")) for request in asked[1:])]
    ),
    "refused for the rate": lambda asked: changed(asked, -1, result=None, error={"code": 429}),
    "one without result or error": lambda asked: json.dumps([{"id": asked[0]["id"]}, *answers(asked)[1:]]),
    "one unreadable": lambda asked: changed(asked, 0, result={"number": "odd"}),
    "one for another block": lambda asked: changed(asked, 0, result=block(99)),
    "no messages among them": lambda asked: json.dumps([7, "text", None, [], *answers(asked)[:2], {"id": {}}]),
    "under another id": lambda asked: changed(asked, 0, id=10**9),
}
NOT_AT_ALL: dict[str, Callable[[Requests], str | bytes]] = {
    "an error": lambda asked: error(asked[0], -32600, "batch requests are not supported"),
    "an error without an id": lambda _: '{"jsonrpc": "2.0", "id": null, "error": {"code": -32700, "message": "no"}}',
    "an error in an array": lambda asked: f"[{error(asked[0], -32600, 'batch too large')}]",
    "an error in an array, without an id": lambda _: '[{"id": null, "error": {"code": -32600, "message": "no"}}]',
    "an error as text": lambda _: '{"error": "Batch of more than 3 requests are not allowed on free tier"}',
    "nothing": lambda _: "[]",
}


@pytest.mark.parametrize("arrange", ["in order", "in reverse", "twice", "ids as text", "after spaces"])
async def test_answers_to_a_batch_may_come_in_any_form(transport: Transport, arrange: str) -> None:
    def treat(asked: Requests) -> str:
        every = answers(asked)
        arranged = {
            "in reverse": every[::-1],
            "twice": [*every, *({**each, "result": None} for each in every)],
            "ids as text": [{**each, "id": str(each["id"])} for each in every],
        }
        return (" \r\n\t" if arrange == "after spaces" else "") + json.dumps(arranged.get(arrange, every))

    node = Node(treat)
    async with transport.node(node.answer, node.batch) as url, open_endpoint(url, limits=QUICK) as endpoint:
        assert await numbers(endpoint) == [*range(20)]
    assert (node.batches, node.single) == ([4, 8, 8], [])


@pytest.mark.parametrize("case", [*PARTLY, *NOT_AT_ALL])
async def test_what_a_batch_does_not_bring_is_asked_for_by_itself(transport: Transport, case: str) -> None:
    node = Node((PARTLY | NOT_AT_ALL)[case])
    async with transport.node(node.answer, node.batch) as url, open_endpoint(url, limits=QUICK) as endpoint:
        assert await numbers(endpoint) == [*range(20)]
    assert node.batches
    assert node.single


@pytest.mark.parametrize("case", NOT_AT_ALL)
async def test_an_endpoint_that_takes_no_batches_is_soon_sent_none(transport: Transport, case: str) -> None:
    node = Node(NOT_AT_ALL[case])
    async with transport.node(node.answer, node.batch) as url, open_endpoint(url, limits=QUICK) as endpoint:
        await numbers(endpoint)
        sent = len(node.batches)
        assert await numbers(endpoint, 50) == [*range(50)]
    assert sent <= 2
    assert len(node.batches) == sent


async def test_batches_grow_while_they_are_answered_whole(transport: Transport) -> None:
    node = Node()
    async with transport.node(node.answer, node.batch) as url, open_endpoint(url, limits=QUICK) as endpoint:
        assert await numbers(endpoint, 200) == [*range(200)]
    assert (node.batches, node.single) == ([4, 8, 16, 32, 50, 50, 40], [])


async def test_a_limit_on_the_calls_of_a_batch_is_kept_to(transport: Transport) -> None:
    def limited(asked: Requests) -> str | bytes | None:
        return error(asked[0], -32600, "batch size exceeds 10") if len(asked) > 10 else WHOLE(asked)

    node = Node(limited)
    async with transport.node(node.answer, node.batch) as url, open_endpoint(url, limits=QUICK) as endpoint:
        await numbers(endpoint, 100)
        node.batches.clear()
        node.single.clear()
        assert await numbers(endpoint, 32) == [*range(32)]
    assert (node.batches, node.single) == ([8] * 4, [])


async def test_a_batch_that_is_never_answered_keeps_nobody_waiting(transport: Transport) -> None:
    node, limits = Node(lambda _: None), RpcLimits(answer_timeout=600.0, close_timeout=0.2)
    async with transport.node(node.answer, node.batch) as url, open_endpoint(url, limits=limits) as endpoint:
        assert await numbers(endpoint) == [*range(20)]
        assert await numbers(endpoint) == [*range(20)]
    assert node.batches == [4]


async def test_a_single_block_is_no_batch(transport: Transport) -> None:
    node = Node()
    async with transport.node(node.answer, node.batch) as url, open_endpoint(url, limits=QUICK) as endpoint:
        assert await numbers(endpoint, 1) == [0]
    assert (node.batches, node.single) == ([], ["eth_getBlockByNumber"])


async def test_a_block_that_the_endpoint_lacks_is_none_in_a_batch_too(transport: Transport) -> None:
    node = Node(lambda asked: changed(asked, 1, result=None))
    async with transport.node(node.answer, node.batch) as url, open_endpoint(url, limits=QUICK) as endpoint:
        assert await numbers(endpoint, 4) == [0, None, 2, 3]
    assert (node.batches, node.single) == ([4], [])


@pytest.mark.parametrize("status", [400, 413, 429, 500, 503])
async def test_a_status_refuses_a_batch_and_nothing_else(status: int) -> None:
    batches = []

    async def handle(request: web.Request) -> web.Response:
        message = await request.json()
        if isinstance(message, list):
            batches.append(len(message))
            return web.Response(status=status, text="what")
        return web.Response(text=answer(message))

    async with http_node(handle) as url, open_endpoint(url, limits=QUICK) as endpoint:
        assert await numbers(endpoint) == [*range(20)]
    assert 1 <= len(batches) <= 2


async def test_an_answer_that_is_too_large_is_asked_for_in_smaller_batches() -> None:
    node = Node(lambda asked: b" " * 20_000 if len(asked) > 4 else WHOLE(asked))
    limits = RpcLimits(answer_bytes=10_000)
    async with Transport("http").node(node.answer, node.batch) as url, open_endpoint(url, limits=limits) as endpoint:
        assert await numbers(endpoint) == [*range(20)]
    assert node.batches == [4, 8, 4, 4]


async def test_an_endpoint_that_hangs_up_on_batches_is_sent_no_more() -> None:
    singles: list[str] = []

    async def behave(connection: ServerConnection) -> None:
        async for message in connection:
            request = json.loads(message)
            if isinstance(request, list):
                await connection.close(1008, "no batches")
                return
            singles.append(request["method"])
            await connection.send(answer(request), text=True)

    async with websocket_node(behave) as url:
        async with open_endpoint(url, limits=QUICK) as endpoint:
            pacer = endpoint.pacer
            failed = await failure_of(numbers(endpoint))
        assert (str(failed), singles) == ("127.0.0.1 closed the connection (code 1008: no batches)", [])
        async with open_endpoint(url, limits=QUICK) as endpoint:
            endpoint.pacer = pacer  # it is one for all connections to an endpoint
            assert await numbers(endpoint) == [*range(20)]


async def test_the_answers_to_a_batch_may_come_one_by_one() -> None:
    async def behave(connection: ServerConnection) -> None:
        async for message in connection:
            for request in json.loads(message):
                await connection.send(answer(request), text=True)

    async with websocket_node(behave) as url, open_endpoint(url, limits=QUICK) as endpoint:
        assert await numbers(endpoint) == [*range(20)]
