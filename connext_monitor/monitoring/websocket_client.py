"""JSON-RPC over a websocket: one reader hands each message to whoever it is for, and waits for nobody."""

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from connext_monitor.core.rpc_refusal import BATCH, Reaction
from connext_monitor.monitoring.batches_in_flight import BatchesInFlight
from connext_monitor.monitoring.connection_failure import is_busy, why_closed
from connext_monitor.monitoring.endpoint_address import EndpointAddress
from connext_monitor.monitoring.json_rpc import (
    DECODE_ERRORS,
    DEFAULT_TIMEOUT,
    EndpointUnavailable,
    MalformedMessage,
    OnRequest,
    RpcCall,
    RpcError,
    RpcLimits,
    RpcMessage,
    RpcOutcome,
    RpcRefused,
    decode_message,
    encode_request,
    read_outcome,
    settle,
)
from connext_monitor.monitoring.rpc_batch import RpcBatch, decode_array, is_array
from connext_monitor.monitoring.subscriptions import PushQueue, SubscriptionId, Subscriptions
from connext_monitor.monitoring.websocket_connection import close_websocket, connect_websocket

_UNSUBSCRIBE_TIMEOUT: Final = 2.0
_MANY: Final = 4
"""If so many requests were in flight, a connection that was cut off may have been cut off for them."""

_IN_A_ROW: Final = 100
"""After so many messages others have the event loop to themselves, if these are a flood."""

_T = TypeVar("_T")

_FELL_BEHIND: Final = "was closed by us: we fell behind its pushes"


class _Push(msgspec.Struct):
    subscription: SubscriptionId
    result: msgspec.Raw


_PUSH: Final = msgspec.json.Decoder(_Push)
_SUBSCRIPTION_ID: Final = msgspec.json.Decoder(SubscriptionId)


@dataclass(slots=True)
class _Pending:
    """A request that waits for its answer; ``pushes`` is where the pushes of a subscription go that it asks for."""

    method: str
    outcome: asyncio.Future[RpcOutcome]
    pushes: PushQueue | None = None


async def open_websocket(
    url: EndpointAddress, limits: RpcLimits, on_request: OnRequest | None = None
) -> "WebSocketClient":
    """Connect. Raises EndpointUnavailable."""
    opened = await connect_websocket(url, limits)
    if isinstance(opened, EndpointUnavailable):
        raise opened
    return WebSocketClient(opened, url, limits, on_request)


class WebSocketClient:
    """An `RpcClient` over an open websocket; `open_websocket` makes one.

    Once the connection is lost it stays lost: every request and subscription ends with the same reason, and a new
    client is needed. After a hundred messages within ``limits.flood`` it reads no others for ``limits.flood_rest``.
    """

    pushes = True

    def __init__(
        self, connection: ClientConnection, url: EndpointAddress, limits: RpcLimits, on_request: OnRequest | None = None
    ) -> None:
        self.host = url.host
        self._connection = connection
        self._url = url
        self._limits = limits
        self._on_request = on_request
        self._ids = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._batches = BatchesInFlight()
        self._subscriptions = Subscriptions()
        self._why_lost: str | None = None
        self._busy = False
        self._lost = asyncio.Event()
        self._reader = asyncio.create_task(self._read(), name=f"reader of {self.host}")

    @property
    def under_way(self) -> int:
        """How many requests wait for their answer."""
        return len(self._pending)

    @property
    def subscribed(self) -> int:
        """How many subscriptions are fed."""
        return len(self._subscriptions)

    def __repr__(self) -> str:
        return f"<WebSocketClient to {self.host}>"

    async def request(self, method: str, params: Sequence[object], *, timeout: float = DEFAULT_TIMEOUT) -> msgspec.Raw:  # noqa: ASYNC109 - its end is the endpoint's failure, not the caller's
        """See `RpcClient`."""
        return settle(await self._exchange(method, params, timeout), method, self._on_request)

    async def request_batch(self, calls: Sequence[RpcCall], *, timeout: float = DEFAULT_TIMEOUT) -> list[RpcOutcome]:  # noqa: ASYNC109 - as above
        """See `RpcClient`."""
        batch = RpcBatch(self._url, calls, [next(self._ids) for _ in calls])
        with self._batches.waiting(batch) as ended:
            error = await self._answered(batch.message, ended, BATCH, timeout)
        return batch.settle(error, self._on_request)

    async def subscribe(self, *params: object) -> PushQueue:
        """See `RpcClient`."""
        pushes = PushQueue(self._limits.queued_pushes, self._limits.queued_push_bytes, self._unsubscribe)
        subscribed = False
        try:
            outcome = await self._exchange("eth_subscribe", params, DEFAULT_TIMEOUT, pushes)
            settle(outcome, "eth_subscribe", self._on_request)
            subscribed = True
        finally:
            if not subscribed:  # the answer may have come just before we were cancelled
                self._subscriptions.forget(pushes)
            if not self._expecting():
                self._subscriptions.forget_early()
        return pushes

    async def closed(self) -> EndpointUnavailable:
        """See `RpcClient`."""
        await self._lost.wait()
        return self._unavailable()

    async def aclose(self) -> None:
        """See `RpcClient`."""
        self._lose("was closed by us")
        await close_websocket(self._connection, 2 * self._limits.close_timeout)
        await asyncio.wait([self._reader])

    def _unavailable(self) -> EndpointUnavailable:
        return EndpointUnavailable(self.host, self._why_lost or "dropped the connection", busy=self._busy)

    async def _exchange(
        self, method: str, params: Sequence[object], seconds: float, pushes: PushQueue | None = None
    ) -> RpcOutcome:
        request_id = next(self._ids)
        pending = _Pending(method, asyncio.get_running_loop().create_future(), pushes)
        self._pending[request_id] = pending
        try:
            return await self._answered(encode_request(request_id, method, params), pending.outcome, method, seconds)
        finally:
            del self._pending[request_id]

    async def _answered(
        self, message: bytes, answer: "asyncio.Future[_T]", what: str, seconds: float
    ) -> _T | EndpointUnavailable:
        """Send a message and wait for its answer."""
        if self._why_lost is not None:
            return self._unavailable()
        sent = False
        try:
            async with asyncio.timeout(seconds):
                await self._connection.send(message, text=True)
                sent = True
                return await answer
        except TimeoutError:
            if not sent:  # pings would wait behind it for ever, so nothing else would find out
                self._lose("stopped reading")
                self._connection.transport.abort()
            return EndpointUnavailable(self.host, f"did not answer {what} within {seconds:g} s")
        except ConnectionClosed as error:
            self._lose(why_closed(self._url, error), busy=self._ended_busy(error))
            return self._unavailable()

    async def _read(self) -> None:
        """Read until the connection is lost, for whatever reason, and tell all who wait."""
        limits, began = self._limits, (time := asyncio.get_running_loop().time)()
        try:
            for number in itertools.count(1):
                self._dispatch(await self._connection.recv(decode=False))
                if self._why_lost is not None:
                    break
                if number % _IN_A_ROW == 0:
                    # Receiving what is already here does not wait: a flood would keep the loop from everybody else.
                    await asyncio.sleep(limits.flood_rest if time() < began + limits.flood else 0)
                    began = time()
        except ConnectionClosed as error:
            self._lose(why_closed(self._url, error), busy=self._ended_busy(error))
        except MalformedMessage as error:
            self._lose(str(error))
        finally:
            # Reached with the reason unknown only by a fault of ours: nobody may be left waiting even then.
            self._lose("was dropped by us")
            self._connection.transport.abort()

    def _ended_busy(self, error: ConnectionClosed) -> bool:
        """Whether it was our requests that ended the connection: it says so, or was cut off from many at once."""
        return is_busy(error) or (error.sent is None and len(self._pending) + len(self._batches) >= _MANY)

    def _lose(self, why: str, *, busy: bool = False) -> None:
        """End all that waits; the first reason stands."""
        if self._why_lost is not None:
            return
        self._why_lost, self._busy = why, busy
        for pending in self._pending.values():
            if not pending.outcome.done():
                pending.outcome.set_result(self._unavailable())
        self._batches.end(self._unavailable)
        self._subscriptions.end(self._unavailable)
        self._lost.set()

    def _dispatch(self, message: bytes) -> None:
        """Hand a message to whoever it is for. Raises MalformedMessage if it does not say who that is.

        1. A push goes to its subscription.
        2. An answer without an id concerns us all, and all are refused if it is for the rate; else the batches are. One
           that is late or repeated concerns nobody any more.
        3. An answer goes to its request, or to the batch of its call.
        """
        if is_array(message):
            self._batches.take_array(decode_array(message))
            return
        answer = decode_message(message)
        if answer.method:
            if answer.method == "eth_subscription":
                self._push(answer.params)
            return
        if answer.id is None:
            self._refuse_all(answer)
            return
        pending = self._pending.get(answer.request_id) if answer.request_id is not None else None
        if pending is None:
            self._batches.take(answer)
        elif not pending.outcome.done():
            pending.outcome.set_result(self._read_answer(pending, answer))

    def _refuse_all(self, answer: RpcMessage) -> None:
        outcome = read_outcome(self._url, BATCH if self._batches else "a request", answer)
        if not isinstance(outcome, RpcRefused):
            raise MalformedMessage("gave an answer that belongs to no request")
        rate = outcome.refusal.reaction is Reaction.RATE
        if not rate and not self._batches:
            raise MalformedMessage(outcome.words)
        self._batches.end(outcome)
        for pending in self._pending.values() if rate else ():
            if not pending.outcome.done():
                refused = RpcRefused(self.host, pending.method, outcome.refusal, outcome.retry_after)
                pending.outcome.set_result(refused)

    def _read_answer(self, pending: _Pending, answer: RpcMessage) -> RpcOutcome:
        outcome = read_outcome(self._url, pending.method, answer)
        if pending.pushes is None or isinstance(outcome, RpcError):
            return outcome
        return self._begin(pending.pushes, outcome)

    def _begin(self, pushes: PushQueue, result: msgspec.Raw) -> RpcOutcome:
        """Open a subscription while its answer is read: the next message may be its first push."""
        try:
            subscription = _SUBSCRIPTION_ID.decode(result)
        except DECODE_ERRORS:
            return EndpointUnavailable(self.host, "answered eth_subscribe without a subscription")
        if not self._subscriptions.begin(subscription, pushes):
            self._lose(_FELL_BEHIND)
        return result

    def _push(self, params: msgspec.Raw) -> None:
        try:
            push = _PUSH.decode(params)
        except DECODE_ERRORS:
            raise MalformedMessage("pushed something that is not JSON-RPC") from None
        if not self._subscriptions.push(push.subscription, push.result, expecting=self._expecting()):
            self._lose(_FELL_BEHIND)

    def _expecting(self) -> bool:
        """Whether a subscribe waits for its answer; one that has it may not have run since."""
        return any(pending.pushes is not None and not pending.outcome.done() for pending in self._pending.values())

    async def _unsubscribe(self, pushes: PushQueue) -> None:
        subscription = self._subscriptions.forget(pushes)
        if subscription is None:
            return
        with contextlib.suppress(RpcError):
            await self.request("eth_unsubscribe", [subscription], timeout=_UNSUBSCRIBE_TIMEOUT)
