"""How connecting fails over both transports: each cause in its own words; redirects are not followed."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from connext_monitor.monitoring.json_rpc import EndpointUnavailable, RpcLimits, RpcRefused
from tests.monitoring.nodes import (
    Refusal,
    Transport,
    failure_of,
    http_node,
    raw_node,
    result,
    websocket_node,
)


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

        assert str(await failure_of(ask())) == "127.0.0.1 does not speak valid TLS"


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
        ({"Retry-After": "Mon, 05 Oct 2026 10:00:30", "Date": "Mon, 05 Oct 2026 10:00:00 GMT"}, 30),
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
    node = websocket_node(_note_handshake(seen)) if transport.scheme == "ws" else http_node(_note_post(seen))
    async with node as url, transport.client(url.replace("pathsecret", "a%2Fb")) as client:
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
        assert str(await failure_of(ask())) == f"127.0.0.1 does not speak valid {words}"
