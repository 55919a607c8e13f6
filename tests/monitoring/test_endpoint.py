"""The typed calls, over both transports, against nodes that answer as told."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from connext_monitor.core.events import Address, BlockNumber, BlockRef, Hash32, RawLog, Timestamp
from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.chain_data import MalformedEntry, PushedLog
from connext_monitor.monitoring.endpoint import Endpoint, open_endpoint
from connext_monitor.monitoring.fetched_logs import LogsNotBelieved
from connext_monitor.monitoring.json_rpc import EndpointUnavailable, RpcRefused
from tests.monitoring.answers import block
from tests.monitoring.nodes import QUICK, Transport, error, failure_of, push, raises_safely, result, websocket_node
from tests.world.waiting import within_bound

CONTRACT = Address(b"\xc0" * 20)
TOPIC = b"\x01" * 32


def log(number: int, index: int = 0, **changes: object) -> dict[str, object]:
    return {
        "address": "0x" + "c0" * 20,
        "topics": ["0x" + "01" * 32],
        "data": "0xda7a",
        "blockNumber": hex(number),
        "blockHash": f"0x{number:064x}",
        "transactionHash": "0x" + "7a" * 32,
        "logIndex": hex(index),
        "removed": False,
    } | changes


def read(number: int, index: int = 0) -> RawLog:
    block_hash = Hash32(number.to_bytes(32, "big"))
    return RawLog(CONTRACT, (TOPIC,), b"\xda\x7a", BlockNumber(number), block_hash, Hash32(b"\x7a" * 32), index)


@asynccontextmanager
async def endpoint_of(transport: Transport, results: Mapping[str, Any]) -> AsyncIterator[Endpoint]:
    """An endpoint whose node answers each method with its entry: a value, or a function of the params."""

    def answer(request: dict[str, Any]) -> str:
        entry = results[request["method"]]
        return result(request, entry(*request["params"]) if callable(entry) else entry)

    async with transport.node(answer) as url, open_endpoint(url, limits=QUICK) as endpoint:
        yield endpoint


async def test_it_tells_its_host_and_whether_it_pushes(transport: Transport) -> None:
    async with endpoint_of(transport, {}) as endpoint:
        assert (endpoint.host, endpoint.pushes) == ("127.0.0.1", transport.scheme == "ws")


async def test_the_chain_id_is_a_number(transport: Transport) -> None:
    async with endpoint_of(transport, {"eth_chainId": "0x7a69"}) as endpoint:
        assert await endpoint.chain_id() == 31337


@pytest.mark.parametrize("strange", [None, 1.5, "01", "0x", "-1", {}, True, "0x" + "f" * 64])
async def test_a_value_that_cannot_be_read_is_the_endpoints_failure(transport: Transport, strange: object) -> None:
    async with endpoint_of(transport, {"eth_chainId": strange}) as endpoint:
        failed = await failure_of(endpoint.chain_id())
    assert str(failed).startswith("127.0.0.1 answered eth_chainId with something unreadable: ")


async def test_the_head_is_the_latest_block(transport: Transport) -> None:
    async with endpoint_of(transport, {"eth_getBlockByNumber": lambda *asked: block(7, extra=asked)}) as endpoint:
        assert (await endpoint.head()).ref == BlockRef(BlockNumber(7), Hash32(bytes(31) + b"\x07"), Timestamp(1007))


async def test_no_head_is_the_endpoints_failure(transport: Transport) -> None:
    async with endpoint_of(transport, {"eth_getBlockByNumber": None}) as endpoint:
        assert isinstance(await failure_of(endpoint.head()), EndpointUnavailable)


async def test_a_block_that_the_endpoint_lacks_is_none(transport: Transport) -> None:
    async with endpoint_of(transport, {"eth_getBlockByNumber": None, "eth_getBlockByHash": None}) as endpoint:
        assert await endpoint.header(BlockNumber(1)) is None
        assert await endpoint.header("finalized") is None
        assert await endpoint.header_by_hash(Hash32(bytes(32))) is None


async def test_a_header_has_its_parent(transport: Transport) -> None:
    async with endpoint_of(transport, {"eth_getBlockByNumber": lambda number, _: block(int(number, 16))}) as endpoint:
        header = await endpoint.header(BlockNumber(9))
    assert header is not None
    assert header.parent_hash == bytes(31) + b"\x08"


async def test_another_block_than_the_one_asked_for_is_not_taken(transport: Transport) -> None:
    async with endpoint_of(transport, {"eth_getBlockByNumber": block(7), "eth_getBlockByHash": block(7)}) as endpoint:
        by_number = await failure_of(endpoint.header(BlockNumber(8)))
        by_hash = await failure_of(endpoint.header_by_hash(Hash32(b"\x08" * 32)))
    assert [str(by_number), str(by_hash)] == [
        "127.0.0.1 was asked for block 8 and gave block 7",
        f"127.0.0.1 was asked for block 0x{'08' * 32} and gave a different one",
    ]


async def test_many_headers_come_in_the_order_asked(transport: Transport) -> None:
    def by_number(number: str, _: bool) -> object:
        return None if number == "0x32" else block(int(number, 16))

    results = {"eth_getBlockByNumber": by_number, "eth_getBlockByHash": lambda hash_, _: block(int(hash_, 16))}
    async with endpoint_of(transport, results) as endpoint:
        asked: list[BlockNumber | Hash32] = [BlockNumber(number) for number in range(100)]
        headers = await endpoint.headers([*asked, Hash32(bytes(31) + b"\xc8")])
    assert [header and header.number for header in headers] == [*range(50), None, *range(51, 100), 200]


async def test_the_first_error_ends_the_asking_for_many_headers(transport: Transport) -> None:
    asked: list[str] = []

    def answer(request: dict[str, Any]) -> str | None:
        asked.append(request["params"][0])
        return error(request, -32000, "header not found") if len(asked) == 1 else None

    def refuse(requests: list[dict[str, Any]]) -> str:
        return error(requests[0], -32600, "no batches here")

    async with transport.node(answer, refuse) as url, open_endpoint(url, limits=QUICK) as endpoint:
        failed = await failure_of(endpoint.headers([BlockNumber(number) for number in range(100)]))
    assert isinstance(failed, RpcRefused)
    assert failed.refusal.reaction is Reaction.LAG
    assert len(asked) < 100


async def test_no_headers_are_no_requests(transport: Transport) -> None:
    async with endpoint_of(transport, {}) as endpoint:
        assert await endpoint.headers([]) == []


async def test_logs_are_asked_for_by_contract_topics_and_range(transport: Transport) -> None:
    asked: list[object] = []

    def answer(criteria: object) -> list[object]:
        asked.append(criteria)
        return []

    async with endpoint_of(transport, {"eth_getLogs": answer}) as endpoint:
        await endpoint.logs(CONTRACT, [[TOPIC]], BlockNumber(1), BlockNumber(16))
    expected = {"address": "0x" + "c0" * 20, "topics": [["0x" + "01" * 32]], "fromBlock": "0x1", "toBlock": "0x10"}
    assert asked == [expected]


async def test_logs_come_in_their_order(transport: Transport) -> None:
    logs = [log(number, index) for number in range(100) for index in range(50)]
    async with endpoint_of(transport, {"eth_getLogs": logs}) as endpoint:
        fetched = await endpoint.logs(CONTRACT, [TOPIC], BlockNumber(0), BlockNumber(99))
    assert fetched.logs == [read(number, index) for number in range(100) for index in range(50)]


async def test_an_answer_with_an_unreadable_entry_is_not_believed(
    transport: Transport,
) -> None:
    logs = [log(1), log(2, blockNumber=None), {"a": 1}, "text", None, log(3)]
    async with endpoint_of(transport, {"eth_getLogs": logs}) as endpoint:
        with raises_safely(LogsNotBelieved) as info:
            await endpoint.logs(CONTRACT, [TOPIC], BlockNumber(0), BlockNumber(9))
    assert info.value.fetched.logs == [read(1), read(3)]
    assert [json.loads(malformed.json) for malformed in info.value.fetched.malformed] == logs[1:5]
    assert str(info.value).startswith("127.0.0.1 gave 4 logs that cannot be read; the first: ")


async def test_logs_of_an_endpoint_that_ignores_the_filter_are_not_believed(transport: Transport) -> None:
    logs = [log(1, address="0x" + "c1" * 20), log(2, topics=["0x" + "02" * 32]), log(50), log(3)]
    async with endpoint_of(transport, {"eth_getLogs": logs}) as endpoint:
        fetched = await endpoint.logs(CONTRACT, [TOPIC], BlockNumber(0), BlockNumber(9))
    assert (fetched.logs, len(fetched.malformed)) == ([read(3)], 3)


async def test_null_is_no_logs(transport: Transport) -> None:
    async with endpoint_of(transport, {"eth_getLogs": None}) as endpoint:
        assert (await endpoint.logs(CONTRACT, [], BlockNumber(0), BlockNumber(9))).logs == []


@pytest.mark.parametrize("strange", [{}, "0x", 1])
async def test_no_list_of_logs_is_the_endpoints_failure(transport: Transport, strange: object) -> None:
    async with endpoint_of(transport, {"eth_getLogs": strange}) as endpoint:
        failed = await failure_of(endpoint.logs(CONTRACT, [], BlockNumber(0), BlockNumber(9)))
    assert isinstance(failed, EndpointUnavailable)


async def test_a_call_is_made_at_its_block(transport: Transport) -> None:
    asked: list[object] = []

    def answer(*params: object) -> str:
        asked.extend(params)
        return "0x00ff"

    async with endpoint_of(transport, {"eth_call": answer}) as endpoint:
        assert await endpoint.call(CONTRACT, b"\xab\xcd", BlockNumber(16)) == b"\x00\xff"
    assert asked == [{"to": "0x" + "c0" * 20, "data": "0xabcd"}, "0x10"]


@pytest.mark.parametrize(("given", "code"), [("0x", b""), ("0x60a0", b"\x60\xa0")])
async def test_the_code_is_bytes(transport: Transport, given: str, code: bytes) -> None:
    async with endpoint_of(transport, {"eth_getCode": given}) as endpoint:
        assert await endpoint.code(CONTRACT) == code


async def test_an_error_inside_the_context_passes_and_the_connection_is_closed(transport: Transport) -> None:
    opened: list[Endpoint] = []

    async def use() -> None:
        async with endpoint_of(transport, {}) as endpoint:
            opened.append(endpoint)
            raise KeyError("ours")

    with pytest.raises(KeyError):
        await use()
    assert str(await within_bound(opened[0].closed())) == "127.0.0.1 was closed by us"


def test_a_url_that_is_none_is_refused_before_anything_is_opened() -> None:
    with pytest.raises(ValueError, match="must begin with ws://"):
        open_endpoint("gopher://node.example")


# Subscriptions


@asynccontextmanager
async def pushing(*values: object, close: int | None = None) -> AsyncIterator[Endpoint]:
    """An endpoint that pushes these values to the first subscription."""

    async def behave(connection: ServerConnection) -> None:
        request = json.loads(await connection.recv())
        await connection.send(result(request, "0x1"))
        for value in values:
            await connection.send(push("0x1", value))
        if close is not None:
            await connection.close(close)

    async with websocket_node(behave) as url, open_endpoint(url, limits=QUICK) as endpoint:
        yield endpoint


async def test_pushed_heads_are_headers() -> None:
    async with pushing(block(1), block(2)) as endpoint:
        heads = await endpoint.subscribe_heads()
        assert [(await within_bound(anext(heads))).number for _ in range(2)] == [1, 2]


@pytest.mark.parametrize("strange", [None, "0x1", block(1, hash=None)])
async def test_a_pushed_head_that_cannot_be_read_is_the_endpoints_failure(strange: object) -> None:
    async with pushing(strange) as endpoint:
        assert isinstance(await failure_of(anext(await endpoint.subscribe_heads())), EndpointUnavailable)


async def test_pushed_logs_are_told_apart_from_malformed_entries() -> None:
    async with pushing(log(1), log(1, removed=True), log(2, blockHash=None)) as endpoint:
        logs = await endpoint.subscribe_logs(CONTRACT, [[TOPIC]])
        pushed = [await within_bound(anext(logs)) for _ in range(3)]
    assert pushed[:2] == [PushedLog(read(1), removed=False), PushedLog(read(1), removed=True)]
    assert isinstance(pushed[2], MalformedEntry)


async def test_pushes_end_with_an_error_when_the_server_closes() -> None:
    async with pushing(block(1), close=1000) as endpoint:
        heads = await endpoint.subscribe_heads()
        with raises_safely(EndpointUnavailable):
            await within_bound(_drain(heads))


async def _drain(pushes: Any) -> None:
    async for _ in pushes:
        pass


async def test_pushes_that_we_close_end_quietly() -> None:
    async with endpoint_of(Transport("ws"), {"eth_subscribe": "0x1", "eth_unsubscribe": True}) as endpoint:
        heads = await endpoint.subscribe_heads()
        await heads.aclose()
        assert [head async for head in heads] == []


async def test_an_http_endpoint_refuses_to_push() -> None:
    async with endpoint_of(Transport("http"), {}) as endpoint:
        with raises_safely(RpcRefused) as refused:
            await endpoint.subscribe_heads()
    assert refused.value.refusal.reaction is Reaction.UNSUPPORTED
