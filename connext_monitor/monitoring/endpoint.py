"""An Ethereum endpoint: the calls that watching a chain takes, typed, over a JSON-RPC client that does not hang.

All methods raise `RpcRefused` if the endpoint answered with an error, and `EndpointUnavailable` if it did not
answer, or with something unreadable.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Final, TypeVar

import msgspec

from connext_monitor.core.bridge_events import OBSERVED_TOPICS
from connext_monitor.core.endpoint_health import ResponseTime
from connext_monitor.core.events import Address, BlockNumber, ChainId, DomainId, Hash32, RawLog, SeenLog
from connext_monitor.monitoring.batched_requests import BatchedRequests
from connext_monitor.monitoring.block_requests import Block, header_call, is_other, read_header_of, view_call
from connext_monitor.monitoring.chain_data import Header, LogFilter, MalformedEntry, PushedLog, Topics, to_hex
from connext_monitor.monitoring.endpoint_address import EndpointAddress, Secret
from connext_monitor.monitoring.fetched_logs import MOST_MALFORMED, FetchedLog, FetchedLogs, LogsNotBelieved
from connext_monitor.monitoring.http_client import HttpClient
from connext_monitor.monitoring.json_rpc import (
    DEFAULT_TIMEOUT,
    EndpointUnavailable,
    OnRequest,
    RpcCall,
    RpcClient,
    RpcLimits,
    RpcOutcome,
    RpcRefused,
)
from connext_monitor.monitoring.pacer import TRIES, Pacer, Urgency
from connext_monitor.monitoring.pushes import Pushes
from connext_monitor.monitoring.read_chain_data import (
    Unreadable,
    read_bytes,
    read_header,
    read_logs,
    read_pushed_log,
    read_quantity,
)
from connext_monitor.monitoring.websocket_client import open_websocket
from connext_monitor.monitoring.written_events import WrittenEvents
from connext_monitor.monitoring.yielding import FOREGROUND, YieldEvery, in_slices

_LOGS_PATIENCE: Final = 3
"""How much longer than any other answer one to eth_getLogs may take: a node reads many blocks for it."""
_TRIED_FOR: Final = 2.0
_TRIED_FOR_ANSWERS: Final = 3
"""Seconds for which one of the first batches is waited for, and how often what a small answer takes."""
_PLAIN: Final = frozenset({"eth_getBlockByNumber", "eth_getBlockByHash", "eth_chainId", "eth_getCode"})
"""Requests that no honest endpoint refuses because of what they ask."""
_TAGS: Final = ("safe", "finalized")

_T = TypeVar("_T")


def open_endpoint(
    url: str | Secret, *, limits: RpcLimits | None = None, on_request: OnRequest | None = None
) -> AbstractAsyncContextManager["Endpoint"]:
    """A connection for as long as the context lasts; entering it raises EndpointUnavailable if a websocket stays shut.

    Raises ValueError at once for a URL that cannot be an endpoint's, without quoting it.
    """
    # Not the context manager itself: its frame would keep the URL among the variables that tracebacks may show.
    return _opened(EndpointAddress(url), limits or RpcLimits(), on_request)


@asynccontextmanager
async def _opened(
    address: EndpointAddress, limits: RpcLimits, on_request: OnRequest | None
) -> AsyncIterator["Endpoint"]:
    client: RpcClient
    if address.pushes:
        client = await open_websocket(address, limits, on_request)
    else:
        client = HttpClient(address, limits, on_request)
    try:
        yield Endpoint(client, limits.answer_timeout)
    finally:
        await client.aclose()


class _Measured:
    """What is measured on one connection, whoever asks over it."""

    response_time = ResponseTime()


class Endpoint:
    """A connection to one endpoint of one chain, whose requests ``pacer`` paces.

    They are of the usual urgency, and what they bring is worked off in the foreground, unless `at` says otherwise.
    """

    def __init__(self, client: RpcClient, answer_timeout: float = DEFAULT_TIMEOUT) -> None:
        self.pacer = Pacer()
        self.yield_every = FOREGROUND
        self._urgency = Urgency.USUAL
        self._client = client
        self._answer_timeout = answer_timeout
        self._measured = _Measured()

    def at(self, urgency: Urgency, yield_every: YieldEvery = FOREGROUND) -> "Endpoint":
        """The same connection, for requests of this urgency and for work that yields to others so often."""
        bound = type(self).__new__(type(self))
        bound.__dict__ |= self.__dict__  # as `copy` does, which first finds out how
        bound._urgency = urgency  # noqa: SLF001 - a copy of ourselves
        bound.yield_every = yield_every
        return bound

    @property
    def response_time(self) -> ResponseTime:
        """How long its small answers took lately."""
        return self._measured.response_time

    @property
    def host(self) -> str:
        """Its host, which may be shown."""
        return self._client.host

    @property
    def pushes(self) -> bool:
        """Whether it can be subscribed to."""
        return self._client.pushes

    async def closed(self) -> EndpointUnavailable:
        """Wait until the connection is gone, and return why."""
        return await self._client.closed()

    async def chain_id(self) -> ChainId:
        """The EVM chain id."""
        return ChainId(await self._ask("eth_chainId", [], read_quantity))

    async def head(self) -> Header:
        """The newest block."""
        header = await self.header("latest")
        if header is None:
            raise EndpointUnavailable(self.host, "has no block")
        return header

    async def header(self, block: BlockNumber | str) -> Header | None:
        """The block at a height, or of a tag like "finalized"; None: the endpoint lacks it, which proves no reorg."""
        header = await self._ask(*header_call(block), read_header)
        if header is not None and is_other(header, block):
            raise EndpointUnavailable(self.host, f"was asked for block {block} and gave block {header.number}")
        return header

    async def header_by_hash(self, block_hash: Hash32) -> Header | None:
        """The block with this hash; None: the endpoint lacks it."""
        header = await self._ask(*header_call(block_hash), read_header)
        if is_other(header, block_hash):
            raise EndpointUnavailable(self.host, f"was asked for block {to_hex(block_hash)} and gave a different one")
        return header

    async def headers(
        self, blocks: Sequence[Block], on_header: Callable[[Header], None] | None = None
    ) -> list[Header | None]:
        """The blocks at these heights or with these hashes, in this order; ``on_header`` hears of each at once."""

        def heard(header: Header | None) -> Header | None:
            if header is not None and on_header is not None:
                on_header(header)
            return header

        async def ask(block: Block) -> Header | None:
            return heard(await (self.header_by_hash(block) if isinstance(block, bytes) else self.header(block)))

        def read(block: Block, answer: msgspec.Raw) -> Header | None:
            return heard(read_header_of(block, answer))

        return await BatchedRequests(self.pacer, self._urgency, self._batch, ask, header_call, read).of(blocks)

    async def calls(self, to: Address, data: Sequence[bytes], block: BlockNumber) -> list[bytes]:
        """What each of these calls answers in the state after a block, many at a time."""

        def written(call: bytes) -> RpcCall:
            return view_call(to, call, block)

        ask, read = partial(self.call, to, block=block), lambda _, answer: read_bytes(answer)
        return await BatchedRequests(self.pacer, Urgency.QUESTION, self._batch, ask, written, read).of(data)

    async def _batch(self, calls: Sequence[RpcCall]) -> list[RpcOutcome]:
        patience = self._answer_timeout
        if not self.pacer.batching.is_proven:
            # It may never be answered, and somebody waits for what is in it.
            patience = min(patience, _TRIED_FOR + _TRIED_FOR_ANSWERS * self.response_time.seconds)
        return await self._client.request_batch(calls, timeout=patience)

    async def logs(
        self, address: Address, topics: Topics, from_block: BlockNumber, to_block: BlockNumber
    ) -> FetchedLogs[RawLog]:
        """The contract's logs from one block to another, both included.

        That says nothing about blocks which the endpoint lacks. An entry that is not a log we asked for is returned as
        malformed. Raises LogsNotBelieved if one that we asked for may be among the entries that cannot be read.
        """
        log_filter = LogFilter(address, topics, from_block, to_block)
        return await self._logs(log_filter, lambda result: read_logs(result, log_filter))

    async def events(
        self, domain: DomainId, contract: Address, from_block: BlockNumber, to_block: BlockNumber
    ) -> FetchedLogs[SeenLog]:
        """The same of all that a diamond is observed for; transfer events that are as usual are read at once."""
        log_filter = LogFilter(contract, [OBSERVED_TOPICS], from_block, to_block)
        events = WrittenEvents(domain, contract, from_block, to_block)
        return await self._logs(log_filter, lambda result: read_logs(result, log_filter, events))

    async def _logs(
        self, log_filter: LogFilter, read: Callable[[msgspec.Raw], Iterator[FetchedLog | MalformedEntry]]
    ) -> FetchedLogs[FetchedLog]:
        try:
            entries = await self._ask("eth_getLogs", [log_filter.params()], read, _LOGS_PATIENCE)
        except RpcRefused as error:
            error.blocks = log_filter.blocks
            raise
        fetched: FetchedLogs[FetchedLog] = FetchedLogs([], [])
        async for part in in_slices(entries, self.yield_every):
            fetched.take(part)
            if len(fetched.malformed) > MOST_MALFORMED:
                break
        if fetched.doubt is not None:
            raise LogsNotBelieved(self.host, fetched.doubt, fetched)
        return fetched

    async def call(
        self, to: Address, data: bytes, block: BlockNumber | str, *, sender: Address | None = None, tries: int = TRIES
    ) -> bytes:
        """What a call answers in the state after a block; a revert is RpcRefused.

        ``sender`` makes it, or nobody in particular; ``tries`` is how often it is asked if it is refused for the rate.
        """
        return await self._ask(*view_call(to, data, block, sender), read_bytes, tries=tries)

    async def code(self, address: Address) -> bytes:
        """The contract's code at the newest block; empty if there is none."""
        return await self._ask("eth_getCode", [to_hex(address), "latest"], read_bytes)

    async def subscribe_heads(self) -> Pushes[Header]:
        """New heads; after a reorg some endpoints announce only the last of the new blocks."""
        stream = await self.pacer.ask(lambda: self._client.subscribe("newHeads"), self._urgency, kind="eth_subscribe")
        return Pushes(stream, self._read_head)

    async def subscribe_logs(self, address: Address, topics: Topics) -> Pushes[PushedLog | MalformedEntry]:
        """The contract's new logs. No order between them and the heads is promised, and what is missed stays missed."""
        log_filter = LogFilter(address, topics)
        subscribe = partial(self._client.subscribe, "logs", log_filter.params())
        stream = await self.pacer.ask(subscribe, self._urgency, kind="eth_subscribe")
        return Pushes(stream, lambda push: read_pushed_log(push, log_filter))

    def _read_head(self, push: msgspec.Raw) -> Header:
        header = self._readable("newHeads", push, read_header)
        if header is None:
            raise EndpointUnavailable(self.host, "pushed a head without a block")
        return header

    async def _ask(
        self,
        method: str,
        params: Sequence[object],
        read: Callable[[msgspec.Raw], _T],
        patience: float = 1,
        tries: int = TRIES,
    ) -> _T:
        urgency = Urgency.QUESTION if method == "eth_call" else self._urgency
        tag = bool(params) and params[0] in _TAGS
        tries = self.pacer.tries_of_logs if method == "eth_getLogs" else 1 if tag else tries
        plain = method in _PLAIN and not tag
        request = partial(self._once, method, params, patience)
        result = await self.pacer.ask(request, urgency, tries, kind=method, plain=plain)
        return self._readable(method, result, read)

    async def _once(self, method: str, params: Sequence[object], patience: float) -> msgspec.Raw:
        clock = asyncio.get_running_loop()
        began = clock.time()
        result = await self._client.request(method, params, timeout=patience * self._answer_timeout)
        if patience == 1:
            self._measured.response_time = self.response_time.after(clock.time() - began)
        return result

    def _readable(self, method: str, result: msgspec.Raw, read: Callable[[msgspec.Raw], _T]) -> _T:
        try:
            return read(result)
        except Unreadable as error:
            raise EndpointUnavailable(self.host, f"answered {method} with something unreadable: {error}") from None
