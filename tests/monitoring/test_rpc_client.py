"""What both transports promise: every request ends, with its own answer or an error that says why."""

import asyncio
import json
from typing import Any

import msgspec
import pytest
from aiohttp import web

from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.json_rpc import EndpointUnavailable, RpcLimits, RpcRefused
from tests.monitoring.nodes import (
    Refusal,
    Transport,
    error,
    failure_of,
    http_node,
    raises_safely,
    raw_node,
    result,
    until,
    websocket_node,
    within_bound,
)

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


async def test_many_requests_at_once_get_their_own_answers(transport: Transport) -> None:
    async with transport.connected(lambda request: result(request, request["params"])) as client:
        answers = await asyncio.gather(*(client.request("eth_any", [number]) for number in range(200)))
    assert [msgspec.json.decode(answer) for answer in answers] == [[number] for number in range(200)]


@pytest.mark.parametrize(
    ("given", "reaction"),
    [
        ({"code": -32000, "message": "header not found"}, Reaction.LAG),
        ({"code": -32602, "message": "Invalid params", "data": "block range too large"}, Reaction.RANGE),
        ({"code": 3, "message": "execution reverted", "data": "0x08c379a0"}, Reaction.OTHER),
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
            await client.request("eth_any", [])
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


async def test_nobody_listening_is_said_in_words(transport: Transport) -> None:
    async with transport.node(lambda _: None) as url:
        pass

    async def ask() -> None:
        async with transport.client(url) as client:
            await client.request("eth_any", [])

    assert str(await failure_of(ask())) == "127.0.0.1 refused the connection"


async def test_a_name_that_does_not_resolve_is_said_in_words(transport: Transport) -> None:
    async def ask() -> None:
        url = f"{transport.scheme}://usersecret:passwordsecret@no-such-host.invalid/pathsecret?querysecret"
        async with transport.client(url) as client:
            await client.request("eth_any", [])

    assert str(await failure_of(ask())) == "no-such-host.invalid has a name that cannot be resolved"


async def test_a_server_that_does_not_speak_tls_is_said_in_words(transport: Transport) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()

    async with raw_node(f"{transport.scheme}s", plain) as url:

        async def ask() -> None:
            async with transport.client(url) as client:
                await client.request("eth_any", [])

        assert str(await failure_of(ask())) == "127.0.0.1 does not speak TLS as it should"


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (Refusal(503), "answered with HTTP status 503"),
        (Refusal(500, body="a page that names pathsecret"), "answered with HTTP status 500"),
        (Refusal(302, {"Location": "/pathsecret"}), "redirects elsewhere, which is not followed (HTTP status 302)"),
        (Refusal(401), "does not accept the credentials in its URL (HTTP status 401)"),
        (Refusal(403), "does not accept the credentials in its URL (HTTP status 403)"),
        (Refusal(404), "has nothing at the path of its URL (HTTP status 404)"),
    ],
)
async def test_an_http_status_is_said_in_words(transport: Transport, refusal: Refusal, words: str) -> None:
    async with transport.refusing_node(refusal) as url:

        async def ask() -> None:
            async with transport.client(url) as client:
                await client.request("eth_any", [])

        assert str(await failure_of(ask())) == f"127.0.0.1 {words}"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "1e99"}, 3600),
        ({"Retry-After": "-5"}, 0),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Mon, 05 Oct 2026 10:00:30 GMT", "Date": "Mon, 05 Oct 2026 10:00:00 GMT"}, 30),
        ({"Retry-After": "Mon, 05 Oct 2026 10:00:30", "Date": "Mon, 05 Oct 2026 10:00:00 GMT"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_the_seconds_to_stay_away_are_kept(
    transport: Transport, status: int, headers: dict[str, str], seconds: float | None
) -> None:
    async with transport.refusing_node(Refusal(status, headers)) as url:

        async def ask() -> None:
            async with transport.client(url) as client:
                await client.request("eth_any", [])

        failed = await failure_of(ask())
    assert isinstance(failed, EndpointUnavailable | RpcRefused)
    assert failed.retry_after == seconds


async def test_a_redirect_is_not_followed(transport: Transport) -> None:
    visited: list[str] = []

    def elsewhere(request: dict[str, Any]) -> str:
        visited.append("elsewhere")
        return result(request, 1)

    async with transport.node(elsewhere) as target:
        location = {"Location": target.replace("usersecret:passwordsecret@", "")}
        async with transport.refusing_node(Refusal(307, location)) as url:

            async def ask() -> None:
                async with transport.client(url) as client:
                    await client.request("eth_any", [])

            await failure_of(ask())
    assert visited == []


async def test_user_info_path_and_query_reach_the_endpoint_unchanged(transport: Transport) -> None:
    seen: list[tuple[str, str]] = []
    if transport.scheme == "ws":
        context = websocket_node(_note_handshake(seen))
    else:
        context = http_node(_note_post(seen))
    async with context as url, transport.client(url.replace("pathsecret", "a%2Fb")) as client:
        await client.request("eth_any", [])
    assert seen == [("/v3/a%2Fb-1f0c?token=querysecret-77aa", "Basic dXNlcnNlY3JldDpwYXNzd29yZHNlY3JldA==")]


def _note_handshake(seen: list[tuple[str, str]]) -> Any:
    async def behave(connection: Any) -> None:
        seen.append((connection.request.path, connection.request.headers["Authorization"]))
        await connection.send(result(json.loads(await connection.recv()), 1))

    return behave


def _note_post(seen: list[tuple[str, str]]) -> Any:
    async def handle(request: web.Request) -> web.Response:
        seen.append((request.raw_path, request.headers["Authorization"]))
        return web.Response(text=result(await request.json(), 1))

    return handle


async def test_a_server_that_accepts_and_says_nothing_is_given_up(transport: Transport) -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_node(transport.scheme, silent) as url:

        async def ask() -> None:
            async with transport.client(url, RpcLimits(open_timeout=0.05)) as client:
                await client.request("eth_any", [], timeout=0.05)

        assert isinstance(await failure_of(ask()), EndpointUnavailable)


async def test_a_server_that_speaks_something_else_is_said_in_words(transport: Transport) -> None:
    async def banner(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.9 pathsecret\r\n\r\n")

    async with raw_node(transport.scheme, banner) as url:

        async def ask() -> None:
            async with transport.client(url) as client:
                await client.request("eth_any", [])

        words = "HTTP" if transport.scheme == "http" else "WebSocket"
        assert str(await failure_of(ask())) == f"127.0.0.1 does not speak {words} as it should"


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
