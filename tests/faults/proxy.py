"""A JSON-RPC proxy before a node, over websocket and HTTP on one port, that misbehaves as it is told."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
from aiohttp import web

Json = dict[str, Any]
Rule = Callable[[str, list[Any]], Json | None]
"""From a method and its parameters to the answer's ``result`` or ``error`` member; None lets the node answer."""
LogsEdit = Callable[[Json, list[Json]], list[Json]]
"""From a filter and the logs that the node found to those that are given."""
PushEdit = Callable[[str, Any], list[Any]]
"""From a feed ("heads" or "logs") and what the node pushed to what is pushed instead, nothing or more than once."""


def refusal(code: int, message: str) -> Json:
    """An error for a `Rule`."""
    return {"error": {"code": code, "message": message}}


def at_most(blocks: int) -> Rule:
    """A vendor's limit on the blocks of one eth_getLogs."""

    def rule(method: str, params: list[Any]) -> Json | None:
        if method != "eth_getLogs" or int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) < blocks:
            return None
        return refusal(-32600, f"eth_getLogs is limited to a {blocks} block range")

    return rule


@dataclass(eq=False)
class _Client:
    """One websocket of the monitor's, and what its subscriptions are for."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport
    asked: dict[int, tuple[str, list[Any]]] = field(default_factory=dict)
    feeds: dict[str, str] = field(default_factory=dict)


class Proxy:
    """Forwards to ``upstream`` (an http URL) while entered; every attribute may be changed at any time.

    ``refusing`` is the HTTP status of every handshake and POST; ``frozen`` keeps sockets open and forwards nothing,
    though pings are answered; ``muted`` holds "heads" and "logs"; ``delay`` is in seconds; ``rules`` answer in the
    node's place; ``edit_logs`` and ``edit_push`` change what it says. ``requests`` are those that came.
    """

    def __init__(self, upstream: str) -> None:
        self.refusing: int | None = None
        self.frozen = False
        self.delay = 0.0
        self.muted: set[str] = set()
        self.rules: list[Rule] = []
        self.edit_logs: LogsEdit | None = None
        self.edit_push: PushEdit | None = None
        self.requests: list[tuple[str, list[Any]]] = []
        self.refused = 0
        self.handshakes = 0
        self._upstream = upstream
        self._clients: set[_Client] = set()
        self._replies: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        for reply in list(self._replies):
            reply.cancel()
        await asyncio.gather(*self._replies, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    @property
    def ws_url(self) -> str:
        """Its endpoint over a websocket."""
        return f"ws://127.0.0.1:{self._port}"

    @property
    def http_url(self) -> str:
        """Its endpoint over HTTP."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def subscribers(self) -> int:
        """How many subscriptions stand."""
        return sum(len(client.feeds) for client in self._clients)

    def asked(self, method: str) -> list[list[Any]]:
        """The parameters of every request of this method."""
        return [params for name, params in self.requests if name == method]

    # What it does to those connected

    async def start(self) -> None:
        """Listen, on the port it had if it ever had one."""
        app = web.Application()
        app.router.add_route("*", "/", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """End all connections and listen no longer; a second call does nothing."""
        self.drop()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def drop(self) -> None:
        """Cut every websocket without a word."""
        for client in self._clients:
            client.transport.abort()

    async def push(self, feed: str, result: object) -> None:
        """Push something of our own to everybody who subscribed to "heads" or "logs"."""
        for client in list(self._clients):
            for subscription, name in client.feeds.items():
                if name == feed:
                    await client.socket.send_str(_push(subscription, result))

    @contextmanager
    def ruled(self, *rules: Rule) -> Iterator[None]:
        """These rules, within the block."""
        before = self.rules
        self.rules = [*rules, *before]
        try:
            yield
        finally:
            self.rules = before

    # Serving

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.handshakes += 1
        if self.refusing is not None:
            self.refused += 1
            return web.Response(status=self.refusing)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._serve_websocket(request)
        asked = await request.json()
        answer = await self._answer(asked["method"], asked["params"])
        return web.json_response({"jsonrpc": "2.0", "id": asked["id"], **answer})

    async def _serve_websocket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        transport = request.transport
        assert isinstance(transport, asyncio.Transport)
        client = _Client(socket, transport)
        assert self._session is not None
        async with self._session.ws_connect(self._upstream, max_msg_size=0) as node:
            self._clients.add(client)
            pushing = asyncio.create_task(self._from_node(client, node))
            try:
                async for message in socket:
                    await self._from_client(client, node, json.loads(message.data))
            finally:
                self._clients.discard(client)
                pushing.cancel()
                await asyncio.gather(pushing, return_exceptions=True)
        return socket

    async def _from_client(self, client: _Client, node: aiohttp.ClientWebSocketResponse, asked: Json) -> None:
        method, params = asked["method"], asked["params"]
        if method in {"eth_subscribe", "eth_unsubscribe"}:
            # The node pushes to the socket that asked, so these alone pass on this connection.
            self.requests.append((method, params))
            client.asked[asked["id"]] = (method, params)
            await node.send_str(json.dumps(asked))
            return

        async def reply() -> None:
            answer = await self._answer(method, params)
            with suppress(ConnectionError):
                await client.socket.send_str(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **answer}))

        self._keep(asyncio.create_task(reply()))

    def _keep(self, task: "asyncio.Task[None]") -> None:
        self._replies.add(task)
        task.add_done_callback(self._replies.discard)

    async def _from_node(self, client: _Client, node: aiohttp.ClientWebSocketResponse) -> None:
        async for message in node:
            said = json.loads(message.data)
            if said.get("method") == "eth_subscription":
                await self._pass_push(client, said["params"])
                continue
            _, params = client.asked.pop(said["id"])
            if params[0] in {"newHeads", "logs"} and "result" in said:
                client.feeds[said["result"]] = "heads" if params[0] == "newHeads" else "logs"
            await self._thawed()
            await client.socket.send_str(message.data)

    async def _pass_push(self, client: _Client, params: Json) -> None:
        feed = client.feeds.get(params["subscription"], "")
        if self.frozen or feed in self.muted:
            return
        results = [params["result"]] if self.edit_push is None else self.edit_push(feed, params["result"])
        for result in results:
            await client.socket.send_str(_push(params["subscription"], result))

    async def _answer(self, method: str, params: list[Any]) -> Json:
        self.requests.append((method, params))
        if self.delay:
            await asyncio.sleep(self.delay)
        await self._thawed()
        for rule in self.rules:
            answer = rule(method, params)
            if answer is not None:
                return answer
        answer = await self._ask_node(method, params)
        if method == "eth_getLogs" and self.edit_logs is not None and "result" in answer:
            answer["result"] = self.edit_logs(params[0], answer["result"])
        return answer

    async def _ask_node(self, method: str, params: list[Any]) -> Json:
        assert self._session is not None
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with self._session.post(self._upstream, json=asked) as response:
            answer: Json = await response.json()
        return {name: answer[name] for name in ("result", "error") if name in answer}

    async def _thawed(self) -> None:
        while self.frozen:  # noqa: ASYNC110 - a test sets the attribute as it likes
            await asyncio.sleep(0.02)


def _push(subscription: str, result: object) -> str:
    params = {"subscription": subscription, "result": result}
    return json.dumps({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})
