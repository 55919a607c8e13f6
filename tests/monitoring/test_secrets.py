"""Whatever goes wrong, no error tells more of a URL than its host, be it in text, fields, chain or variables of frames.

Every other test here that waits for an error checks this too (`raises_safely`); these let the endpoint repeat its URL.
"""

import asyncio
import traceback
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from websockets.asyncio.server import ServerConnection

from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.json_rpc import RpcLimits
from tests.monitoring.nodes import (
    PATH,
    QUERY,
    SECRETS,
    Refusal,
    answering,
    error,
    failure_of,
    http_node,
    leaks_of,
    posting,
    raw_node,
    refusing,
    result,
    secret_url,
    websocket_node,
)

ECHO = f"cannot serve http://usersecret:passwordsecret@127.0.0.1:1{PATH}?{QUERY}"
LOCATION = {"Location": f"http://127.0.0.1:1{PATH}?{QUERY}"}


async def closing(connection: ServerConnection) -> None:
    await connection.recv()
    await connection.close(1008, f"{PATH}?{QUERY}")


async def aborting(connection: ServerConnection) -> None:
    await connection.recv()
    connection.transport.abort()


async def echoing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send the request back as the answer, as a broken proxy might."""
    writer.write(await reader.readuntil(b"\r\n\r\n"))


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


MODES: dict[str, Callable[[], AbstractAsyncContextManager[str]]] = {
    "ws refused handshake": lambda: websocket_node(aborting, Refusal(403, body=ECHO)),
    "ws redirected": lambda: websocket_node(aborting, Refusal(302, LOCATION)),
    "ws closed": lambda: websocket_node(closing),
    "ws aborted": lambda: websocket_node(aborting),
    "ws error": lambda: websocket_node(answering(lambda request: error(request, -32000, ECHO, data=ECHO))),
    "ws error for nobody": lambda: websocket_node(answering(lambda _: error({"id": None}, -32000, ECHO))),
    "ws bad json": lambda: websocket_node(answering(lambda _: ECHO)),
    "ws strange result": lambda: websocket_node(answering(lambda request: result(request, ECHO))),
    "ws without an answer": lambda: websocket_node(answering(lambda _: None)),
    "ws echo": lambda: raw_node("ws", echoing),
    "ws silent": lambda: raw_node("ws", silent),
    "wss without tls": lambda: raw_node("wss", echoing),
    "http status": lambda: http_node(refusing(Refusal(404, body=ECHO))),
    "http redirected": lambda: http_node(refusing(Refusal(302, LOCATION))),
    "http error": lambda: http_node(posting(lambda request: error(request, -32000, ECHO, data=ECHO))),
    "http error as text": lambda: http_node(refusing(Refusal(200, body=f'{{"id": 1, "error": "{ECHO}"}}'))),
    "http bad json": lambda: http_node(posting(lambda _: ECHO)),
    "http strange result": lambda: http_node(posting(lambda request: result(request, ECHO))),
    "http without an answer": lambda: http_node(posting(lambda _: None)),
    "http echo": lambda: raw_node("http", echoing),
    "http silent": lambda: raw_node("http", silent),
    "https without tls": lambda: raw_node("https", echoing),
}


@pytest.mark.parametrize("mode", MODES)
async def test_a_failure_tells_no_secret(mode: str) -> None:
    limits = RpcLimits(open_timeout=0.2, answer_timeout=0.2, close_timeout=0.1)

    async def ask(url: str) -> None:
        async with open_endpoint(url, limits=limits) as endpoint:
            await endpoint.head()  # asked once: what is asked again waits before

    async with MODES[mode]() as url:
        await failure_of(ask(url))


def test_the_check_itself_finds_what_is_told_in_any_place() -> None:
    def connect() -> None:
        raise OSError(f"cannot reach {secret_url('ws', 1)}")

    def fail() -> None:
        try:
            connect()
        except OSError:
            raise ValueError("harmless") from None

    with pytest.raises(ValueError, match="harmless") as info:
        fail()
    assert not any(secret in text for secret in SECRETS for text in traceback.format_exception(info.value))
    assert leaks_of(info.value) != []
