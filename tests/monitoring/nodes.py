"""Real loopback nodes that behave as told, and what every error about them must keep to itself."""

import asyncio
import contextlib
import io
import json
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from aiohttp import web
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from connext_monitor.monitoring.endpoint_address import EndpointAddress
from connext_monitor.monitoring.http_client import HttpClient
from connext_monitor.monitoring.json_rpc import OnRequest, RpcClient, RpcError, RpcLimits
from connext_monitor.monitoring.websocket_client import WebSocketClient, open_websocket
from tests.monitoring.answers import Answer, BatchAnswer, answer_to
from tests.world.loopback import closed
from tests.world.waiting import BOUND, within_bound

QUICK = RpcLimits(open_timeout=BOUND, close_timeout=0.2)

PATH = "/v3/pathsecret-1f0c"
QUERY = "token=querysecret-77aa"
SECRETS = ("usersecret", "passwordsecret", "pathsecret", "querysecret")

Behaviour = Callable[[ServerConnection], Awaitable[None]]
_E = TypeVar("_E", bound=BaseException)


def result(request: Mapping[str, Any], value: object) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": value})


def error(request: Mapping[str, Any], code: object, message: object, **more: object) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": {"code": code, "message": message} | more})


def push(subscription: object, value: object) -> str:
    params = {"subscription": subscription, "result": value}
    return json.dumps({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})


def secret_url(scheme: str, port: int) -> str:
    return f"{scheme}://usersecret:passwordsecret@127.0.0.1:{port}{PATH}?{QUERY}"


@dataclass
class Refusal:
    """What a node answers instead of a handshake, or to a POST."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


@asynccontextmanager
async def websocket_node(
    behave: Behaviour, refusal: Refusal | None = None, headers: Mapping[str, str] | None = None
) -> AsyncIterator[str]:
    """A websocket server that sends ``headers`` with its handshake; yields its URL."""

    def with_headers(_connection: ServerConnection, _request: Request, response: Response) -> None:
        response.headers.update(headers or {})

    def refuse(connection: ServerConnection, _request: Request) -> Response | None:
        if refusal is None:
            return None
        response = connection.respond(refusal.status, refusal.body)
        for name, value in refusal.headers.items():
            if name in response.headers:
                del response.headers[name]
            response.headers[name] = value
        return response

    async def handle(connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await behave(connection)
            await connection.wait_closed()

    options: dict[str, Any] = {"close_timeout": 0.1, "ping_interval": None, "max_size": None}
    options |= {"process_request": refuse, "process_response": with_headers}
    async with serve(handle, "127.0.0.1", 0, **options) as server:
        yield secret_url("ws", next(iter(server.sockets)).getsockname()[1])


async def receive(connection: ServerConnection) -> dict[str, Any]:
    request: dict[str, Any] = json.loads(await connection.recv())
    return request


def closing(code: int, reason: str = "") -> Behaviour:
    async def behave(connection: ServerConnection) -> None:
        await receive(connection)
        await connection.close(code, reason)

    return behave


async def aborting(connection: ServerConnection) -> None:
    await receive(connection)
    connection.transport.abort()


ENDS = [
    (closing(1000), "closed the connection (code 1000)"),
    (closing(1001, "going away"), "closed the connection (code 1001: going away)"),
    (closing(1011, "internal"), "closed the connection (code 1011: internal)"),
    (closing(1009, "too big"), "closed the connection (code 1009: too big)"),
    (aborting, "dropped the connection"),
]
IDS = ["1000", "1001", "1011", "1009", "abort"]


def answering(answer: Answer, batch: BatchAnswer | None = None) -> Behaviour:
    """Behaviour of a websocket node that answers every message by itself."""

    async def behave(connection: ServerConnection) -> None:
        async for message in connection:
            reply = answer_to(answer, batch, json.loads(message))
            if reply is not None:
                await connection.send(reply, text=True)

    return behave


@asynccontextmanager
async def http_node(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """An HTTP server; yields its URL."""
    app = web.Application(client_max_size=2**30)
    app.router.add_route("*", "/{rest:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield secret_url("http", runner.addresses[0][1])
    finally:
        await closed(runner)


def posting(answer: Answer, batch: BatchAnswer | None = None) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Behaviour of an HTTP node that answers every message by itself."""

    async def handle(request: web.Request) -> web.Response:
        reply = answer_to(answer, batch, await request.json())
        if reply is None:
            await asyncio.Event().wait()
            raise AssertionError("an event that nobody sets was set")
        # A file, because aiohttp warns of large bytes.
        return web.Response(body=io.BytesIO(reply.encode() if isinstance(reply, str) else reply))

    return handle


def refusing(refusal: Refusal) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Behaviour of an HTTP node that answers every request with a status."""

    async def handle(_request: web.Request) -> web.Response:
        return web.Response(status=refusal.status, headers=refusal.headers, text=refusal.body)

    return handle


@asynccontextmanager
async def raw_node(
    scheme: str, behave: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
) -> AsyncIterator[str]:
    """A TCP server that need not speak anything; yields its URL."""
    handlers: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await behave(reader, writer)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler = asyncio.create_task(handle(reader, writer))
        # Not at the end of the handler: one that was cancelled before it began has none.
        handler.add_done_callback(lambda _: writer.transport.abort())
        handlers.add(handler)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield secret_url(scheme, server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
        await server.wait_closed()


@asynccontextmanager
async def websocket_client(
    url: str, limits: RpcLimits = QUICK, on_request: OnRequest | None = None
) -> AsyncIterator[WebSocketClient]:
    client = await open_websocket(EndpointAddress(url), limits, on_request)
    try:
        yield client
    finally:
        await client.aclose()


@asynccontextmanager
async def http_client(
    url: str, limits: RpcLimits = QUICK, on_request: OnRequest | None = None
) -> AsyncIterator[HttpClient]:
    client = HttpClient(EndpointAddress(url), limits, on_request)
    try:
        yield client
    finally:
        await client.aclose()


@dataclass(frozen=True)
class Transport:
    """One of both transports, for claims that hold for either."""

    scheme: str

    def node(self, answer: Answer, batch: BatchAnswer | None = None) -> AbstractAsyncContextManager[str]:
        if self.scheme == "ws":
            return websocket_node(answering(answer, batch))
        return http_node(posting(answer, batch))

    def refusing_node(self, refusal: Refusal) -> AbstractAsyncContextManager[str]:
        if self.scheme == "ws":
            return websocket_node(answering(lambda _: None), refusal)
        return http_node(refusing(refusal))

    def client(
        self, url: str, limits: RpcLimits = QUICK, on_request: OnRequest | None = None
    ) -> AbstractAsyncContextManager[RpcClient]:
        return (websocket_client if self.scheme == "ws" else http_client)(url, limits, on_request)

    @asynccontextmanager
    async def connected(
        self, answer: Answer, limits: RpcLimits = QUICK, on_request: OnRequest | None = None
    ) -> AsyncIterator[RpcClient]:
        async with self.node(answer) as url, self.client(url, limits, on_request) as client:
            yield client


@contextmanager
def raises_safely(kind: type[_E]) -> Iterator[pytest.ExceptionInfo[_E]]:
    """As pytest.raises, and the error must not tell the secrets of its endpoint's URL."""
    with pytest.raises(kind) as info:
        yield info
    assert leaks_of(info.value) == []


async def failure_of(awaitable: Awaitable[object]) -> RpcError:
    """The error that something ends with within the bound, which must not tell the secrets of its endpoint's URL."""
    with raises_safely(RpcError) as info:
        await within_bound(awaitable)
    return info.value


def leaks_of(raised: BaseException) -> list[str]:
    """Everything about an error and its whole chain that tells one of the secrets."""
    texts = [*traceback.format_exception(raised)]
    for linked in chain_of(raised):
        texts += [str(linked), repr(linked), repr(linked.args), repr(vars(linked))]
        texts += traceback.format_exception(linked, chain=True)
        texts += _variables_of(linked)
    return [text for text in texts if any(secret in text for secret in SECRETS)]


def chain_of(raised: BaseException | None) -> list[BaseException]:
    chain: list[BaseException] = []
    waiting = [raised]
    while waiting:
        linked = waiting.pop()
        if linked is not None and linked not in chain:
            chain.append(linked)
            waiting += [linked.__cause__, linked.__context__]
    return chain


def _variables_of(raised: BaseException) -> list[str]:
    """The local variables of the package's own frames: some loggers print them beside a traceback."""
    return [
        f"{name}={value!r}"
        for frame, _ in traceback.walk_tb(raised.__traceback__)
        if "connext_monitor" in frame.f_code.co_filename
        for name, value in frame.f_locals.items()
    ]
