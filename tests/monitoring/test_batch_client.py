"""What a client makes of a batch's answers, over both transports."""

import asyncio
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection

from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.endpoint_address import EndpointAddress
from connext_monitor.monitoring.json_rpc import EndpointUnavailable, MalformedMessage, RpcCall, RpcRefused
from connext_monitor.monitoring.rpc_batch import RpcBatch, decode_array
from tests.monitoring.answered_batches import Requests, answer, answers
from tests.monitoring.nodes import (
    Transport,
    error,
    failure_of,
    websocket_client,
    websocket_node,
)
from tests.world.waiting import within_bound


async def test_an_answer_that_comes_too_late_for_its_batch_harms_nobody() -> None:
    late = asyncio.Event()

    async def behave(connection: ServerConnection) -> None:
        first = json.loads(await connection.recv())
        await late.wait()
        await connection.send(json.dumps(answers(first)), text=True)
        async for message in connection:
            await connection.send(json.dumps(answers(json.loads(message))), text=True)

    calls: list[RpcCall] = [
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

    def lacking(asked: Requests) -> str:
        return json.dumps([json.loads(error(asked[0], -32000, "header not found")), *answers(asked)[1:]])

    calls: list[RpcCall] = [("eth_getBlockByNumber", [hex(number), False]) for number in range(3)]
    url_of = transport.node(answer, lacking)
    async with url_of as url, transport.client(url, on_request=lambda *ended: counted.append(ended)) as client:
        outcomes = await within_bound(client.request_batch(calls))
    assert isinstance(outcomes[0], RpcRefused)
    assert outcomes[0].refusal.reaction is Reaction.LAG
    assert counted == [("eth_getBlockByNumber", how) for how in ("refused", "answered", "answered")]


@given(st.data())
def test_each_call_gets_its_first_answer_or_none(data: st.DataObject) -> None:
    calls: list[RpcCall] = [("eth_any", [number]) for number in range(5)]
    batch = RpcBatch(EndpointAddress("http://host"), calls, range(10, 15))
    entry = st.tuples(st.integers(8, 16) | st.none() | st.text("abc"), st.integers(0, 99))
    given_entries = data.draw(st.lists(entry, max_size=12))
    body = json.dumps([{"id": request_id, "result": value} for request_id, value in given_entries]).encode()
    assert batch.take_all(decode_array(body)) is None
    first: dict[object, int] = {}
    for request_id, value in given_entries:
        first.setdefault(request_id, value)
    for request_id, outcome in zip(range(10, 15), batch.outcomes(), strict=True):
        if request_id in first:
            assert outcome == msgspec.Raw(str(first[request_id]).encode())
        else:
            assert isinstance(outcome, EndpointUnavailable)


def test_a_list_of_millions_is_not_taken_apart() -> None:
    with pytest.raises(MalformedMessage):
        decode_array(b"[" + b"{}," * 2_000_000 + b"{}]")


async def test_a_refusal_of_a_whole_batch_is_raised_with_its_words(transport: Transport) -> None:
    async with (
        transport.node(answer, lambda asked: f"[{error(asked[0], -32600, 'batch too large')}]") as url,
        transport.client(url) as client,
    ):
        failed = await failure_of(client.request_batch([("eth_chainId", []), ("eth_chainId", [])]))
    assert isinstance(failed, RpcRefused)
    assert (str(failed), failed.refusal.reaction) == (
        "127.0.0.1 refused a batch: batch too large (code -32600)",
        Reaction.OTHER,
    )
