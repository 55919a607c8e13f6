"""Batches of calls over both transports, against nodes that do with them what nodes do."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection

from connext_monitor.core.events import BlockNumber
from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.endpoint import Endpoint, open_endpoint
from connext_monitor.monitoring.endpoint_address import EndpointAddress
from connext_monitor.monitoring.json_rpc import Call, EndpointUnavailable, MalformedMessage, RpcLimits, RpcRefused
from connext_monitor.monitoring.rpc_batch import RpcBatch, decode_array
from tests.monitoring.nodes import (
    QUICK,
    Transport,
    each,
    error,
    failure_of,
    http_node,
    result,
    websocket_client,
    websocket_node,
)
from tests.monitoring.test_endpoint import block
from tests.world.waiting import within_bound

Requests = list[dict[str, Any]]


def answer(request: dict[str, Any]) -> str:
    """A node with every block."""
    return result(request, block(int(request["params"][0], 16)))


def answers(requests: Requests) -> list[Any]:
    return [json.loads(answer(request)) for request in requests]


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
    node, limits = Node(lambda _: None), RpcLimits(answer_timeout=3.0, close_timeout=0.2)
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


async def test_an_endpoint_that_hangs_up_on_a_batch_is_sent_none_after_it_returns() -> None:
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


async def test_an_answer_that_comes_too_late_for_its_batch_harms_nobody() -> None:
    late = asyncio.Event()

    async def behave(connection: ServerConnection) -> None:
        first = json.loads(await connection.recv())
        await late.wait()
        await connection.send(json.dumps(answers(first)), text=True)
        async for message in connection:
            await connection.send(json.dumps(answers(json.loads(message))), text=True)

    calls: list[Call] = [
        ("eth_getBlockByNumber", ["0x1", False]),
        ("eth_getBlockByNumber", ["0x2", False]),
    ]
    async with websocket_node(behave) as url, websocket_client(url) as client:
        failed = await failure_of(client.request_batch(calls, timeout=0.1))
        late.set()
        outcomes = await within_bound(client.request_batch(calls))
    assert str(failed) == "127.0.0.1 did not answer a batch within 0.1 s"
    assert [isinstance(outcome, msgspec.Raw) for outcome in outcomes] == [True, True]


async def test_a_batch_refused_without_an_id_leaves_other_requests_alone() -> None:
    refused = asyncio.Event()

    async def behave(connection: ServerConnection) -> None:
        single = json.loads(await connection.recv())
        await connection.recv()
        await connection.send('{"id": null, "error": {"code": -32700, "message": "parse error"}}', text=True)
        await refused.wait()
        await connection.send(answer(single), text=True)

    async with websocket_node(behave) as url, websocket_client(url) as client:
        other = asyncio.create_task(client.request("eth_getBlockByNumber", ["0x7", False]))
        await asyncio.sleep(0)
        failed = await failure_of(client.request_batch([("eth_chainId", []), ("eth_chainId", [])]))
        refused.set()
        assert b'"0x7"' in bytes(await within_bound(other))
    assert str(failed) == "127.0.0.1 refused a batch: parse error (code -32700)"


async def test_each_call_of_a_batch_is_counted(transport: Transport) -> None:
    counted: list[tuple[str, str]] = []
    node = Node(lambda asked: changed(asked, 0, result=None, error={"code": -32000, "message": "header not found"}))
    calls: list[Call] = [("eth_getBlockByNumber", [hex(number), False]) for number in range(3)]
    url_of = transport.node(node.answer, node.batch)
    async with url_of as url, transport.client(url, on_request=lambda *ended: counted.append(ended)) as client:
        outcomes = await within_bound(client.request_batch(calls))
    assert isinstance(outcomes[0], RpcRefused)
    assert outcomes[0].refusal.reaction is Reaction.LAG
    assert counted == [("eth_getBlockByNumber", how) for how in ("refused", "answered", "answered")]


@given(st.data())
def test_each_call_gets_its_first_answer_or_none(data: st.DataObject) -> None:
    calls: list[Call] = [("eth_any", [number]) for number in range(5)]
    batch = RpcBatch(EndpointAddress("http://host"), calls, range(10, 15))
    entry = st.tuples(st.integers(8, 16) | st.none() | st.text("abc"), st.integers(0, 99))
    given_entries = data.draw(st.lists(entry, max_size=12))
    body = json.dumps([{"id": request_id, "result": value} for request_id, value in given_entries]).encode()
    assert batch.take_all(decode_array(body)) is None
    first: dict[object, int] = {}
    for request_id, value in given_entries:
        first.setdefault(
            int(request_id)
            if isinstance(request_id, str) and request_id.isdigit() and request_id.isascii()
            else request_id,
            value,
        )
    for request_id, outcome in zip(range(10, 15), batch.outcomes(), strict=True):
        if request_id in first:
            assert outcome == msgspec.Raw(str(first[request_id]).encode())
        else:
            assert isinstance(outcome, EndpointUnavailable)


def test_a_list_of_millions_is_not_taken_apart() -> None:
    with pytest.raises(MalformedMessage):
        decode_array(b"[" + b"{}," * 2_000_000 + b"{}]")


async def test_a_refusal_of_a_whole_batch_is_raised_with_its_words(transport: Transport) -> None:
    node = Node(NOT_AT_ALL["an error in an array"])
    async with transport.node(node.answer, node.batch) as url, transport.client(url) as client:
        failed = await failure_of(client.request_batch([("eth_chainId", []), ("eth_chainId", [])]))
    assert isinstance(failed, RpcRefused)
    assert (str(failed), failed.refusal.reaction) == (
        "127.0.0.1 refused a batch: batch too large (code -32600)",
        Reaction.OTHER,
    )
