"""A JSON-RPC proxy before a node, over websocket and HTTP on one port, that suffers from what it is told."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any, Self

import aiohttp
from aiohttp import web

from tests.faults.applied import Applied
from tests.faults.faults import Delay, Drop, Freeze, RefuseConnection, RefuseHandshake
from tests.faults.feed import ReorgNews, node_pushes
from tests.faults.hooks import Fault, Json, Reply, refusal
from tests.faults.pusher import Client, PushEdit, Pusher
from tests.world.loopback import closed

Rule = Callable[[str, list[Any]], Json | None]
"""From a method and its parameters to the answer's ``result`` or ``error`` member; None lets the node answer."""
LogsEdit = Callable[[Json, list[Json]], list[Json]]
"""From a filter and the logs that the node found to those that are given."""


class Proxy:
    """Forwards to ``upstream`` (an http URL) while entered, and suffers from the faults that are applied.

    For what no `Fault` is, ``rules`` answer in the node's place, and ``edit_logs`` and ``edit_push`` change what it
    says. ``requests`` are those that came, and ``counts`` their number by method.
    """

    def __init__(self, upstream: str) -> None:
        self.rules: list[Rule] = []
        self.edit_logs: LogsEdit | None = None
        self.requests: list[tuple[str, list[Any]]] = []
        self.counts: Counter[str] = Counter()
        self.refused = 0
        self.handshakes = 0
        self._upstream = upstream
        self._applied = Applied()
        self._pusher = Pusher(self._applied)
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._stack = AsyncExitStack()
        self._port = 0

    async def __aenter__(self) -> Self:
        self._session = await self._stack.enter_async_context(aiohttp.ClientSession())
        pushes = await self._stack.enter_async_context(node_pushes(self._session, self._upstream))
        self._pusher.retelling.begin(int((await self._ask_node("eth_blockNumber", []))["result"], 16))
        self._keep(asyncio.create_task(self._pusher.follow(pushes)))
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()

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
        return sum(len(client.feeds) for client in self._pusher.clients)

    @property
    def head(self) -> int:
        """The node's own head, as last heard of."""
        return self._pusher.retelling.head

    @property
    def bites(self) -> Counter[str]:
        """How often each fault changed anything, by the name of its type."""
        return self._applied.bites

    @property
    def reorgs(self) -> ReorgNews:
        """How it tells of a reorg: as go-ethereum does, unless it is set."""
        return self._pusher.retelling.news

    @reorgs.setter
    def reorgs(self, news: ReorgNews) -> None:
        self._pusher.retelling.news = news

    @property
    def edit_push(self) -> PushEdit | None:
        """What is made of a push, beside the faults."""
        return self._pusher.edit

    @edit_push.setter
    def edit_push(self, edit: PushEdit | None) -> None:
        self._pusher.edit = edit

    def asked(self, method: str) -> list[list[Any]]:
        """The parameters of every request of this method."""
        return [params for name, params in self.requests if name == method]

    # Faults

    async def apply(self, *faults: Fault) -> None:
        """Suffer from these until they are lifted."""
        for fault in faults:
            self._applied.add(fault)
            if isinstance(fault, Drop):
                for client in list(self._pusher.clients):
                    self._drop(client, fault)
            elif isinstance(fault, RefuseConnection):
                self._applied.bit(fault)
                await self.stop()

    async def lift(self, *faults: Fault) -> None:
        """Suffer from these no longer; from none at all where none is named."""
        self._applied.remove(*faults)
        if self._runner is None and self._applied.of(RefuseConnection) is None:
            await self.start()
        await self._pusher.release()

    @asynccontextmanager
    async def suffering(self, *faults: Fault) -> AsyncIterator[None]:
        """Suffer from these within the block."""
        await self.apply(*faults)
        try:
            yield
        finally:
            await self.lift(*faults)

    @contextmanager
    def ruled(self, *rules: Rule) -> Iterator[None]:
        """These rules, within the block."""
        before = self.rules
        self.rules = [*rules, *before]
        try:
            yield
        finally:
            self.rules = before

    @contextmanager
    def routed_to(self, upstream: str) -> Iterator[None]:
        """Every request is answered by another node (an http URL) within the block, and nothing else is pushed."""
        before, edit = self._upstream, self.edit_push
        self._upstream, self.edit_push = upstream, lambda _feed, _pushed: []
        try:
            yield
        finally:
            self._upstream, self.edit_push = before, edit

    async def push(self, feed: str, result: object) -> None:
        """Push something of our own to everybody who subscribed to "heads" or "logs"."""
        await self._pusher.push(feed, result)

    # Connections

    async def start(self) -> None:
        """Listen, on the port it had if it ever had one."""
        app = web.Application()
        app.router.add_route("*", "/", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Cut all connections and listen no longer; a second call does nothing."""
        for client in self._pusher.clients:
            client.transport.abort()
        runner, self._runner = self._runner, None
        if runner is not None:
            await closed(runner)

    def _drop(self, client: Client, fault: Drop) -> None:
        self._applied.bit(fault)
        if fault.code is None:
            client.transport.abort()
        else:
            self._keep(asyncio.create_task(_close(client.socket, fault.code)))

    def _keep(self, task: "asyncio.Task[None]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Serving

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.handshakes += 1
        refusing = self._applied.of(RefuseHandshake)
        if refusing is not None:
            self.refused += 1
            self._applied.bit(refusing)
            after = refusing.retry_after
            return web.Response(status=refusing.status, headers={} if after is None else {"Retry-After": str(after)})
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._serve_websocket(request)
        return await self._serve_post(request)

    async def _serve_post(self, request: web.Request) -> web.Response:
        message = await request.json()
        dropping = self._applied.of(Drop)
        if dropping is not None and request.transport is not None:
            self._applied.bit(dropping)
            request.transport.abort()
        reply, text = await self._answer_message(message, None)
        return web.Response(text=text, status=reply.status, headers=reply.headers, content_type="application/json")

    async def _serve_websocket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0, autoping=False)
        await socket.prepare(request)
        transport = request.transport
        assert isinstance(transport, asyncio.Transport)
        client = Client(socket, transport)
        self._pusher.clients.add(client)
        try:
            async for message in socket:
                await self._from_client(client, message)
        finally:
            self._pusher.clients.discard(client)
        return socket

    async def _from_client(self, client: Client, message: aiohttp.WSMessage) -> None:
        freezing, dropping = self._applied.of(Freeze), self._applied.of(Drop)
        if dropping is not None:
            self._drop(client, dropping)
        elif message.type is aiohttp.WSMsgType.PING:
            if freezing is None or freezing.pings:
                await client.socket.pong(message.data)
        elif message.type is aiohttp.WSMsgType.TEXT:
            self._keep(asyncio.create_task(self._reply(client, json.loads(message.data))))

    async def _reply(self, client: Client, message: Json | list[Json]) -> None:
        _, text = await self._answer_message(message, client)
        with suppress(ConnectionError):
            await client.socket.send_str(text)

    async def _answer_message(self, message: Json | list[Json], client: Client | None) -> tuple[Reply, str]:
        """What is answered to a request, or to the requests of a batch, and its text."""
        if not isinstance(message, list):
            return await self._answer(message, client)
        answers = await asyncio.gather(*(self._answer(request, client) for request in message))
        refused = next((reply for reply, _ in answers if reply.status != 200), Reply({}))
        return refused, f"[{','.join(text for _, text in answers)}]"

    async def _answer(self, message: Json, client: Client | None) -> tuple[Reply, str]:
        """What is answered, and its text."""
        method, params = message["method"], message["params"]
        self.requests.append((method, params))
        self.counts[method] += 1
        await self._wait()
        asked = self._applied.asked(method, params, self.head)
        reply = self._ruled(method, params) or self._applied.reply(asked)
        if reply is None:
            answer = await self._ask(method, self._applied.forwarded(asked, params), client)
            if method == "eth_getLogs" and self.edit_logs is not None and "result" in answer:
                answer["result"] = self.edit_logs(params[0], answer["result"])
            reply = Reply(self._applied.edited(asked, answer))
        whole = {"jsonrpc": "2.0", "id": message["id"], **reply.body}
        return reply, self._applied.written(asked, whole) or json.dumps(whole)

    async def _wait(self) -> None:
        if (delay := self._applied.of(Delay)) is not None:
            self._applied.bit(delay)
            await asyncio.sleep(delay.seconds)
        if (freezing := self._applied.of(Freeze)) is not None:
            self._applied.bit(freezing)
        while self._applied.of(Freeze) is not None:  # noqa: ASYNC110 - it is lifted when a test likes
            await asyncio.sleep(0.02)

    def _ruled(self, method: str, params: list[Any]) -> Reply | None:
        return next((Reply(answer) for rule in self.rules if (answer := rule(method, params)) is not None), None)

    async def _ask(self, method: str, params: list[Any], client: Client | None) -> Json:
        if method not in {"eth_subscribe", "eth_unsubscribe"}:
            return await self._ask_node(method, params)
        if client is None:
            return refusal(-32601, "notifications not supported")
        if method == "eth_unsubscribe":
            return {"result": client.feeds.pop(params[0], None) is not None}
        feed = {"newHeads": "heads", "logs": "logs"}[params[0]]
        return {"result": self._pusher.subscribe(client, feed, params[1] if len(params) > 1 else {})}

    async def _ask_node(self, method: str, params: list[Any]) -> Json:
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with self._session.post(self._upstream, json=asked) as response:
            answer: Json = await response.json()
        return {name: answer[name] for name in ("result", "error") if name in answer}


async def _close(socket: web.WebSocketResponse, code: int) -> None:
    with suppress(ConnectionError):
        await socket.close(code=code, message=b"try again later")
