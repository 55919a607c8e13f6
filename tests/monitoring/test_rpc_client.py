"""What both transports promise, and the simulated one: every request ends, with its own answer or with why not."""

import asyncio
import json
from typing import Any

import msgspec
import pytest

from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.json_rpc import RpcLimits, RpcRefused
from tests.monitoring.nodes import Transport, error, failure_of, raises_safely, result
from tests.monitoring.simulated_client import SimulatedTransport
from tests.world.waiting import until, within_bound


@pytest.fixture(params=[Transport("ws"), Transport("http"), SimulatedTransport("simulated")], ids=lambda of: of.scheme)
def transport(request: pytest.FixtureRequest) -> Transport:
    transport: Transport = request.param
    return transport


MALFORMED = [
    "not json",
    "",
    "[]",
    "7",
    "null",
    '{"id": 1, "result": "0x',
    '{"id": {}, "result": "0x1"}',
    '{"id": 1, "result": ' + "[" * 100_000,
    b'{"id": 1, "method": "\xff"}',
]


async def test_a_result_comes_back_undecoded(transport: Transport) -> None:
    async with transport.connected(lambda request: result(request, {"a": [1]})) as client:
        assert bytes(await client.request("eth_any", [])) == b'{"a": [1]}'


async def test_a_request_carries_its_method_and_params(transport: Transport) -> None:
    async with transport.connected(lambda request: result(request, [request["method"], request["params"]])) as client:
        raw = await client.request("eth_call", [{"to": "0x00"}, "latest"])
    assert msgspec.json.decode(raw) == ["eth_call", [{"to": "0x00"}, "latest"]]


async def test_a_null_result_is_a_result(transport: Transport) -> None:
    async with transport.connected(lambda request: result(request, None)) as client:
        assert bytes(await client.request("eth_any", [])) == b"null"


async def test_a_null_error_beside_a_result_is_no_error(transport: Transport) -> None:
    async with transport.connected(lambda r: json.dumps({"id": r["id"], "error": None, "result": 1})) as client:
        assert bytes(await client.request("eth_any", [])) == b"1"


async def test_all_fields_may_be_there_those_that_mean_nothing_as_null(transport: Transport) -> None:
    nothing = {"jsonrpc": None, "method": None, "params": None, "error": None, "extra": [1]}
    async with transport.connected(lambda r: json.dumps({"id": r["id"], "result": 1} | nothing)) as client:
        assert bytes(await within_bound(client.request("eth_any", []))) == b"1"


async def test_many_requests_at_once_get_their_own_answers(transport: Transport) -> None:
    async with transport.connected(lambda request: result(request, request["params"])) as client:
        answers = await asyncio.gather(*(client.request("eth_any", [number]) for number in range(200)))
    assert [msgspec.json.decode(answer) for answer in answers] == [[number] for number in range(200)]


@pytest.mark.parametrize("write", [str, float, lambda number: number], ids=["text", "float", "int"])
async def test_the_id_of_a_request_may_come_back_in_another_form(transport: Transport, write: Any) -> None:
    async with transport.connected(lambda r: json.dumps({"id": write(r["id"]), "result": r["params"]})) as client:
        answers = await within_bound(asyncio.gather(*(client.request("eth_any", [number]) for number in range(3))))
    assert [msgspec.json.decode(answer) for answer in answers] == [[0], [1], [2]]


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b" \r\n\t"], ids=["mark", "spaces"])
async def test_what_stands_before_an_answer_harms_nothing(transport: Transport, before: bytes) -> None:
    async with transport.connected(lambda request: before + result(request, 1).encode()) as client:
        assert bytes(await within_bound(client.request("eth_any", []))) == b"1"


async def test_a_refusal_of_any_size_is_told_in_few_words(transport: Transport) -> None:
    given = {"code": "9" * 4_000, "message": "no " * 1_000_000, "data": "x" * 1_000_000}
    async with transport.connected(lambda r: json.dumps({"id": r["id"], "error": given})) as client:
        failed = await failure_of(client.request("eth_any", []))
    assert len(str(failed)) < 300


@pytest.mark.parametrize(
    ("given", "reaction"),
    [
        ({"code": -32000, "message": "header not found"}, Reaction.LAG),
        ({"code": -32602, "message": "Invalid params", "data": "block range too large"}, Reaction.RANGE),
        ({"code": 3, "message": "execution reverted", "data": "0x08c379a0"}, Reaction.REVERTED),
        ({"code": "-32601", "message": "no", "data": {"deep": [1]}}, Reaction.UNSUPPORTED),
        ({"code": 429.0}, Reaction.RATE),
        ({"message": "too many requests"}, Reaction.RATE),
        ("too many requests", Reaction.RATE),
        (["what"], Reaction.OTHER),
        ({}, Reaction.OTHER),
    ],
)
async def test_an_error_answer_is_a_refusal_with_its_reaction(
    transport: Transport, given: object, reaction: Reaction
) -> None:
    async with transport.connected(lambda r: json.dumps({"id": r["id"], "error": given})) as client:
        with raises_safely(RpcRefused) as refused:
            await client.request("eth_getLogs", [])
    assert refused.value.refusal.reaction is reaction


async def test_a_suggestion_at_the_end_of_a_long_text_is_read(transport: Transport) -> None:
    text = "Log response size exceeded. " * 20 + "this block range should work: [0x1, 0x2]"
    async with transport.connected(lambda request: error(request, -32602, text)) as client:
        with raises_safely(RpcRefused) as refused:
            await client.request("eth_getLogs", [])
    assert refused.value.refusal.block_range == (1, 2)


async def test_a_refusal_says_who_refused_what_and_why(transport: Transport) -> None:
    async with transport.connected(lambda request: error(request, -32000, "header\nnot found")) as client:
        with raises_safely(RpcRefused) as refused:
            await client.request("eth_call", [])
    assert str(refused.value) == "127.0.0.1 refused eth_call: header not found (code -32000)"


@pytest.mark.parametrize("answer", MALFORMED, ids=range(len(MALFORMED)))
async def test_an_answer_that_is_not_json_rpc_ends_the_request(transport: Transport, answer: str | bytes) -> None:
    async with transport.connected(lambda _: answer) as client:
        failed = await failure_of(client.request("eth_any", [], timeout=60))
    assert str(failed) == "127.0.0.1 gave an answer that is not JSON-RPC"


@pytest.mark.parametrize("answer", [{}, {"error": None}])
async def test_an_answer_with_neither_result_nor_error_ends_the_request(transport: Transport, answer: Any) -> None:
    async with transport.connected(lambda request: json.dumps({"id": request["id"]} | answer)) as client:
        failed = await failure_of(client.request("eth_any", [], timeout=60))
    assert str(failed) == "127.0.0.1 answered eth_any with neither a result nor an error"


async def test_an_oversized_answer_ends_the_request(transport: Transport) -> None:
    limits = RpcLimits(answer_bytes=10_000, close_timeout=0.2)
    async with transport.connected(lambda request: result(request, "0" * 20_000), limits) as client:
        failed = await failure_of(client.request("eth_any", [], timeout=60))
    assert str(failed) == "127.0.0.1 gave an answer that is too large"


async def test_an_answer_far_beyond_a_mebibyte_is_read(transport: Transport) -> None:
    async with transport.connected(lambda request: result(request, "0" * 5_000_000)) as client:
        assert len(bytes(await within_bound(client.request("eth_any", [])))) == 5_000_002


async def test_a_request_without_an_answer_ends_by_its_own_timeout(transport: Transport) -> None:
    async with transport.connected(lambda _: None) as client:
        failed = await failure_of(client.request("eth_any", [], timeout=0.05))
    assert str(failed) == "127.0.0.1 did not answer eth_any within 0.05 s"


async def test_a_request_that_timed_out_harms_no_other(transport: Transport) -> None:
    def answer(request: dict[str, Any]) -> str | None:
        return None if request["method"] == "silent" else result(request, 1)

    async with transport.connected(answer) as client:
        await failure_of(client.request("silent", [], timeout=0.01))
        assert bytes(await client.request("eth_any", [])) == b"1"


async def test_a_cancelled_request_is_cancelled_and_harms_no_other(transport: Transport) -> None:
    asked: list[str] = []

    def answer(request: dict[str, Any]) -> str | None:
        asked.append(request["method"])
        return None if request["method"] == "silent" else result(request, 1)

    async with transport.connected(answer) as client:
        task = asyncio.create_task(client.request("silent", []))
        await until(lambda: asked == ["silent"])
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert bytes(await client.request("eth_any", [])) == b"1"


async def test_closing_ends_what_is_under_way(transport: Transport) -> None:
    asked: list[object] = []
    async with transport.connected(asked.append) as client:
        task = asyncio.create_task(client.request("eth_any", [], timeout=60))
        await until(lambda: bool(asked))
        await within_bound(client.aclose())
        failed = await failure_of(task)
    assert str(failed) == "127.0.0.1 was closed by us"


async def test_a_request_after_closing_fails_at_once(transport: Transport) -> None:
    async with transport.connected(lambda request: result(request, 1)) as client:
        await client.aclose()
        assert str(await failure_of(client.request("eth_any", []))) == "127.0.0.1 was closed by us"


async def test_closing_twice_is_allowed(transport: Transport) -> None:
    async with transport.connected(lambda request: result(request, 1)) as client:
        await client.aclose()
        await within_bound(client.aclose())


async def test_closed_returns_why_once_we_have_closed(transport: Transport) -> None:
    async with transport.connected(lambda request: result(request, 1)) as client:
        await client.aclose()
        assert str(await within_bound(client.closed())) == "127.0.0.1 was closed by us"


async def test_every_request_is_counted_with_how_it_ended(transport: Transport) -> None:
    counted: list[tuple[str, str]] = []

    def answer(request: dict[str, Any]) -> str | None:
        answers = {"good": result(request, 1), "bad": error(request, 1, "no")}
        return answers.get(request["method"])

    async with transport.connected(answer, on_request=lambda *how: counted.append(how)) as client:
        await client.request("good", [])
        await failure_of(client.request("bad", []))
        await failure_of(client.request("silent", [], timeout=0.01))
    assert counted == [("good", "answered"), ("bad", "refused"), ("silent", "unavailable")]


def answer_by_name(request: dict[str, Any]) -> str | None:
    """As the method's name says."""
    answers = {"good": result(request, request["params"]), "bad": error(request, -32000, "header not found")}
    return "not json" if request["method"] == "odd" else answers.get(request["method"])


async def test_each_call_of_a_batch_gets_its_own_outcome(transport: Transport) -> None:
    counted: list[tuple[str, str]] = []
    async with transport.connected(answer_by_name, on_request=lambda *how: counted.append(how)) as client:
        first, second, third = await within_bound(client.request_batch([("good", [1]), ("bad", []), ("good", [3])]))
    assert (first, third) == (msgspec.Raw(b"[1]"), msgspec.Raw(b"[3]"))
    assert isinstance(second, RpcRefused)
    assert second.refusal.reaction is Reaction.LAG
    assert counted == [("good", "answered"), ("bad", "refused"), ("good", "answered")]


@pytest.mark.parametrize(
    ("method", "seconds", "words"),
    [("silent", 0.05, "did not answer a batch within 0.05 s"), ("odd", 60, "gave an answer that is not JSON-RPC")],
)
async def test_a_batch_that_is_not_answered_fails_as_a_whole(
    transport: Transport, method: str, seconds: float, words: str
) -> None:
    counted: list[tuple[str, str]] = []
    async with transport.connected(answer_by_name, on_request=lambda *how: counted.append(how)) as client:
        failed = await failure_of(client.request_batch([("good", []), (method, [])], timeout=seconds))
    assert str(failed) == f"127.0.0.1 {words}"
    assert counted == [("good", "unavailable"), (method, "unavailable")]


async def test_closing_ends_a_batch_under_way_and_later_ones(transport: Transport) -> None:
    asked: list[object] = []
    async with transport.connected(asked.append) as client:
        task = asyncio.create_task(client.request_batch([("silent", []), ("silent", [])], timeout=60))
        await until(lambda: len(asked) > 0)
        await within_bound(client.aclose())
        for batch in (task, client.request_batch([("good", []), ("good", [])])):
            assert str(await failure_of(batch)) == "127.0.0.1 was closed by us"


async def test_a_client_that_cannot_push_refuses_as_unsupported(transport: Transport) -> None:
    async with transport.connected(lambda request: result(request, "0x1")) as client:
        if client.pushes:
            await within_bound((await within_bound(client.subscribe("newHeads"))).aclose())
            return
        with raises_safely(RpcRefused) as refused:
            await client.subscribe("newHeads")
    assert (refused.value.host, refused.value.refusal.reaction) == (client.host, Reaction.UNSUPPORTED)
    assert str(refused.value).startswith("127.0.0.1 refused eth_subscribe: ")
