"""JSON-RPC over HTTP: one POST a request, over connections that are kept."""

import asyncio
import itertools
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import aiohttp
import msgspec
from yarl import URL

from connext_monitor.core.rpc_refusal import BATCH, Reaction, Refusal, classify
from connext_monitor.core.rpc_wait import in_headers, reset_in_headers
from connext_monitor.monitoring.connection_failure import why_status, why_unreachable
from connext_monitor.monitoring.endpoint_address import EndpointAddress
from connext_monitor.monitoring.json_rpc import (
    DEFAULT_TIMEOUT,
    HEADER_BYTES,
    EndpointUnavailable,
    MalformedMessage,
    OnRequest,
    PushStream,
    RpcCall,
    RpcError,
    RpcLimits,
    RpcOutcome,
    RpcRefused,
    decode_message,
    encode_request,
    read_outcome,
    settle,
)
from connext_monitor.monitoring.rpc_batch import RpcBatch, decode_array, is_array

_CONNECTIONS: Final = 32
"""Requests in flight at once; others wait, and their time runs."""
_HEADERS: Final = 1024
_REFUSING_STATUSES: Final = (402, 413, 420, 429)
"""They say what is wrong by themselves, without an error object."""
_BUSY_STATUSES: Final = (503, 529)
"""They say that there are too many requests, if they name a time to wait."""
_EXPLAINED_BY_PAGE: Final = (403, 503, 529)
"""Statuses with which proxies in front of an endpoint, Cloudflare's for one, refuse for the rate among other things."""
_PAGE_LOOKED_AT: Final = 4_000
_JSON: Final = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class _HttpReply:
    """An HTTP answer; its body is None if it is larger than allowed."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None


class HttpClient:
    """An `RpcClient` over HTTP. It must be made in a running loop, and closed."""

    pushes = False

    def __init__(self, url: EndpointAddress, limits: RpcLimits, on_request: OnRequest | None = None) -> None:
        self.host = url.host
        self._url = url
        self._limits = limits
        self._on_request = on_request
        self._ids = itertools.count(1)
        self._closed = asyncio.Event()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_JSON | url.reveal_headers(),
            max_line_size=HEADER_BYTES,
            max_field_size=HEADER_BYTES,
            max_headers=_HEADERS,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # `_exchange` has the only clock
        )

    def __repr__(self) -> str:
        return f"<HttpClient to {self.host}>"

    async def request(self, method: str, params: Sequence[object], *, timeout: float = DEFAULT_TIMEOUT) -> msgspec.Raw:  # noqa: ASYNC109 - its end is the endpoint's failure, not the caller's
        """See `RpcClient`."""
        return settle(await self._outcome(method, params, timeout), method, self._on_request)

    async def request_batch(self, calls: Sequence[RpcCall], *, timeout: float = DEFAULT_TIMEOUT) -> list[RpcOutcome]:  # noqa: ASYNC109 - as above
        """See `RpcClient`."""
        batch = RpcBatch(self._url, calls, [next(self._ids) for _ in calls])
        return batch.settle(await self._failure(batch, timeout), self._on_request)

    async def subscribe(self, *params: object) -> PushStream:
        """Always raises RpcRefused: HTTP cannot push."""
        del params
        raise RpcRefused(
            self.host, "eth_subscribe", Refusal(Reaction.UNSUPPORTED, None, "an http endpoint cannot push; poll it")
        )

    async def closed(self) -> EndpointUnavailable:
        """See `RpcClient`."""
        await self._closed.wait()
        return self._closed_by_us()

    async def aclose(self) -> None:
        """See `RpcClient`."""
        self._closed.set()
        await self._session.close()

    def _closed_by_us(self) -> EndpointUnavailable:
        return EndpointUnavailable(self.host, "was closed by us")

    # A reply, which may quote the URL, is never in reach of whoever raises: tracebacks may show variables.

    async def _outcome(self, method: str, params: Sequence[object], seconds: float) -> RpcOutcome:
        request_id = next(self._ids)
        reply = await self._exchange(encode_request(request_id, method, params), method, seconds)
        return reply if isinstance(reply, EndpointUnavailable) else self._read(method, request_id, reply)

    async def _failure(self, batch: RpcBatch, seconds: float) -> RpcError | None:
        """Why nothing of a batch was answered; None if anything was."""
        reply = await self._exchange(batch.message, BATCH, seconds)
        return reply if isinstance(reply, EndpointUnavailable) else self._read_batch(batch, reply)

    async def _exchange(self, body: bytes, what: str, seconds: float) -> _HttpReply | EndpointUnavailable:
        try:
            async with asyncio.timeout(seconds):
                return await self._post_again(body)
        except TimeoutError:
            return EndpointUnavailable(self.host, f"did not answer {what} within {seconds:g} s")
        except Exception as error:  # noqa: BLE001 - whatever the library raises may quote the URL, and none of it may pass
            return self._closed_by_us() if self._closed.is_set() else self._broken(error)

    async def _post_again(self, body: bytes) -> _HttpReply:
        """Post, and once more if a kept connection turns out to be closed: asking anything twice does no harm."""
        try:
            return await self._post(body)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientConnectionResetError) as error:
            if isinstance(error, aiohttp.ClientConnectorError):
                raise
            return await self._post(body)

    async def _post(self, body: bytes) -> _HttpReply:
        url = URL(self._url.reveal(), encoded=True)
        async with self._session.post(url, data=body, allow_redirects=False) as response:
            return _HttpReply(response.status, response.headers, await self._read_body(response))

    async def _read_body(self, response: aiohttp.ClientResponse) -> bytes | None:
        chunks, length = [], 0
        async for chunk in response.content.iter_any():
            length += len(chunk)
            if length > self._limits.answer_bytes:
                response.close()
                return None
            chunks.append(chunk)
        return b"".join(chunks)

    def _broken(self, error: Exception) -> EndpointUnavailable:
        if isinstance(error, aiohttp.ClientConnectorError):
            return EndpointUnavailable(self.host, why_unreachable(error.os_error))
        if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError):
            return EndpointUnavailable(self.host, "dropped the connection")
        if isinstance(error, aiohttp.ClientResponseError):
            return EndpointUnavailable(self.host, "does not speak valid HTTP")
        return EndpointUnavailable(self.host, why_unreachable(error))

    def _read(self, method: str, request_id: int, reply: _HttpReply) -> RpcOutcome:
        """What a reply to one request says."""

        def read(body: bytes) -> RpcOutcome:
            return self._read_message(method, request_id, body, reply.status)

        return self._beside_status(method, reply, read)

    def _read_batch(self, batch: RpcBatch, reply: _HttpReply) -> RpcError | None:
        """Why a reply says nothing about the calls of a batch; None if it does, and they are answered."""

        def read(body: bytes) -> RpcOutcome:
            try:
                answers = decode_array(body) if is_array(body) else [decode_message(body)]
            except MalformedMessage as error:
                return EndpointUnavailable(self.host, str(error))
            return batch.take_all(answers, None if reply.status == 200 else reply.status) or msgspec.Raw()

        outcome = self._beside_status(BATCH, reply, read)
        return outcome if isinstance(outcome, RpcError) else None

    def _beside_status(self, method: str, reply: _HttpReply, read: Callable[[bytes], RpcOutcome]) -> RpcOutcome:
        """What a reply says whose body ``read`` reads, in this order.

        1. A body beyond the limit says nothing but that.
        2. An error object explains more than the status that came with it, unless that is the server's own failure.
        3. Any status other than 200 is the answer itself.
        4. A body that does not answer this request is no answer.
        """
        if reply.body is None and method in ("eth_getLogs", BATCH):
            # Asked for less it gives less, as if it had said itself that this is too much.
            size = f"its answer has more than {self._limits.answer_bytes >> 20} MiB"
            return RpcRefused(self.host, method, Refusal(Reaction.RANGE, None, size))
        if reply.body is None:
            return EndpointUnavailable(self.host, "gave an answer that is too large")
        outcome = read(reply.body)
        retry_after = in_headers(reply.headers, time.time())
        if isinstance(outcome, RpcRefused) and (reply.status < 500 or outcome.refusal.reaction is not Reaction.OTHER):
            return self._refused(method, outcome.refusal, reply, retry_after)
        if reply.status in _REFUSING_STATUSES or self._is_busy(reply, retry_after):
            status = reply.status if reply.status in (402, 413) else 429
            refusal = classify(None, self._phrase(reply), status, method=method)
            return self._refused(method, refusal, reply, retry_after)
        if reply.status != 200:
            return EndpointUnavailable(self.host, why_status(reply.status), retry_after)
        return outcome

    def _refused(self, method: str, refusal: Refusal, reply: _HttpReply, retry_after: float | None) -> RpcRefused:
        waits = [wait for wait in (retry_after, refusal.wait) if wait is not None]
        if refusal.reaction is Reaction.RATE and not waits:
            waits = [wait for wait in (reset_in_headers(reply.headers, time.time()),) if wait is not None]
        return RpcRefused(self.host, method, refusal, max(waits, default=None))

    def _is_busy(self, reply: _HttpReply, retry_after: float | None) -> bool:
        """Whether a status that may mean anything means too many requests: it names a time, or its page says so."""
        if reply.status in _BUSY_STATUSES and retry_after is not None:
            return True
        return reply.status in _EXPLAINED_BY_PAGE and classify(None, self._phrase(reply)).reaction is Reaction.RATE

    def _phrase(self, reply: _HttpReply) -> str:
        """What a body other than JSON-RPC says, such as a page of HTML, after the words of its status."""
        phrase = HTTPStatus(reply.status).phrase if reply.status in set(HTTPStatus) else "Too Many Requests"
        text = re.sub(r"<[^>]*>", " ", (reply.body or b"")[:_PAGE_LOOKED_AT].decode(errors="replace"))
        return self._url.quote(" ".join([phrase, *text.split()]))

    def _read_message(self, method: str, request_id: int, body: bytes, status: int) -> RpcOutcome:
        try:
            answer = decode_message(body)
        except MalformedMessage as error:
            return EndpointUnavailable(self.host, str(error))
        if answer.request_id != request_id and not (answer.id is None and answer.failed):
            return EndpointUnavailable(self.host, f"answered {method} with the answer to another request")
        return read_outcome(self._url, method, answer, None if status == 200 else status)
