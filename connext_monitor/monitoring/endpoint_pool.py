"""The endpoints of one chain in the order of the config: what is known of each, and how to open one."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Protocol

from connext_monitor.clock import Clock
from connext_monitor.config import ChainConfig, EndpointUrl
from connext_monitor.core.chain_status import RequestKind
from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.endpoint_health import (
    EndpointFailure,
    EndpointHealth,
    choose,
    health_after_use,
    preferred,
    usable_besides,
)
from connext_monitor.core.events import BlockNumber, SeenLog
from connext_monitor.core.range_pace import RangePace, RangeRetry
from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.intervals import USUAL, Intervals
from connext_monitor.monitoring.json_rpc import EndpointUnavailable, OnRequest, RpcRefused
from connext_monitor.monitoring.pacer import Pacer, Urgency

_VERIFIED_FOR = 3600.0
"""Seconds for which an endpoint that is only asked now and then need not say again which chain it serves."""


class OpenEndpoint(Protocol):
    """How an endpoint is opened."""

    def __call__(self, url: EndpointUrl, *, on_request: OnRequest) -> AbstractAsyncContextManager[Endpoint]:
        """A connection for as long as the context lasts; ``on_request`` is called at every request's end."""
        ...


class PooledEndpoint:
    """One endpoint of a chain, connected or not: what is known of it, and how to open it.

    ``index`` is its position in the config; ``pace`` says how large the ranges are that it is asked for, and ``pacer``
    how often it is asked, over all connections to it.
    """

    def __init__(self, pool: "EndpointPool", index: int, pacer: Pacer) -> None:
        self.index = index
        self.url = pool.config.endpoints[index]
        self.health = EndpointHealth()
        self.pace = RangePace()
        self.pacer = pacer
        self.pool = pool
        self._verified_at: float | None = None

    def __repr__(self) -> str:
        return f"<PooledEndpoint {self.index} at {self.host}>"

    @property
    def host(self) -> str:
        """Its host, which may be shown."""
        return self.url.host

    @property
    def is_only_one(self) -> bool:
        """Whether the chain has no other endpoint."""
        return len(self.pool.endpoints) == 1

    def others(self) -> "list[PooledEndpoint]":
        """The endpoints of its chain that may be asked beside it, the best first."""
        return self.pool.usable(besides=self)

    def preferred(self) -> "PooledEndpoint | None":
        """The endpoint that is worth going back to from this one, if it works."""
        return self.pool.preferred_to(self)

    def ended(self, failure: EndpointFailure, *, progressed: bool, retry_after: float | None = None) -> None:
        """Its use ended; ``retry_after`` are the seconds for which it asked to be left alone."""
        self.health = self.pool.health_after(
            self, failure, progressed=progressed, retry_after=0.0 if retry_after is None else retry_after
        )

    def answered(self, logs: int, blocks: int) -> None:
        """It answered for a range of so many blocks with so many logs."""
        if self.pace.probing:
            # One block is answered where many are not, however long they are waited for: it was never the rate.
            self.pacer.forget()
        self.pace = self.pace.after_answer(logs, blocks)

    def refused(self, error: RpcRefused) -> RangeRetry:
        """It refused something: how to ask again.

        If no range was asked for, a refusal that may pass can only be for the rate.
        """
        refusal = error.refusal
        if error.blocks is None or refusal.reaction not in (Reaction.RANGE, Reaction.RATE, Reaction.OTHER):
            return RangeRetry.LATER
        again = self.pace.refusals > 0
        self.pace, retry = self.pace.after_refusal(refusal, error.blocks)
        if retry is RangeRetry.SMALLER and refusal.reaction is Reaction.RATE and not self.pace.probing:
            self.pacer.forget()
        elif retry is RangeRetry.LATER and refusal.reaction is not Reaction.RATE and not again:
            # If the first pause did not help, more of them will not: others would wait for what is not a rate limit.
            self.pacer.ease()
        return retry

    def broke_off(self, blocks: int) -> None:
        """It broke off while it was asked for a range of so many blocks."""
        self.pace = self.pace.after_silence(blocks)

    def read_too_long(self, blocks: int) -> None:
        """A range took too long, of which the first ``blocks`` could be read meanwhile."""
        self.pace = self.pace.after_long_read(self.pace.span, blocks)

    @asynccontextmanager
    async def open(self, *, again: bool = False, urgency: Urgency = Urgency.USUAL) -> AsyncIterator[Endpoint]:
        """A connection, once the endpoint is known to serve the chain and to have the contract.

        ``again``: that is not asked if it was lately. Raises EndpointUnavailable and RpcRefused.
        """
        async with self.pool.connect(self.url) as endpoint:
            endpoint.pacer = self.pacer
            bound = endpoint.at(urgency)
            now = self.pool.clock.monotonic()
            lately = self._verified_at is not None and now - self._verified_at < _VERIFIED_FOR
            if not (again and lately):
                await _verify(bound, self.pool.config)
                self._verified_at = now
            yield bound

    async def logs(self, endpoint: Endpoint, blocks: BlockRange) -> list[SeenLog]:
        """The contract's events in these blocks, fetched over ``endpoint`` in pieces that it allows.

        That says nothing about blocks which the endpoint lacks. Raises EndpointUnavailable and RpcRefused.
        """
        logs: list[SeenLog] = []
        first, config = blocks.first, self.pool.config
        while first <= blocks.last:
            last = BlockNumber(min(blocks.last, first + self.pace.span - 1))
            try:
                fetched = await endpoint.events(config.domain_id, config.contract, first, last)
            except RpcRefused as error:
                if self.refused(error) is not RangeRetry.SMALLER:
                    raise
                continue
            self.answered(len(fetched.logs), last - first + 1)
            logs += fetched.logs
            first = BlockNumber(last + 1)
        return logs


@dataclass(frozen=True, slots=True)
class NextEndpoint:
    """The endpoint to try next, and how many seconds to wait before."""

    endpoint: PooledEndpoint
    wait: float


class EndpointPool:
    """All endpoints of one chain; ``requests`` counts what they were asked."""

    def __init__(
        self,
        config: ChainConfig,
        open_endpoint: OpenEndpoint,
        clock: Clock,
        random: Random,
        intervals: Intervals = USUAL,
    ) -> None:
        self.config = config
        self.clock = clock
        self.requests: Counter[RequestKind] = Counter()
        self._open_endpoint = open_endpoint
        self._random = random
        several = len(config.endpoints) > 1
        self.endpoints = tuple(
            PooledEndpoint(self, index, Pacer(has_others=several, patience=intervals.question))
            for index in range(len(config.endpoints))
        )

    def choose(self) -> NextEndpoint:
        """The endpoint to use next."""
        choice = choose(self._healths(), self.clock.monotonic())
        return NextEndpoint(self.endpoints[choice.index], choice.wait)

    def usable(self, besides: PooledEndpoint | None = None) -> list[PooledEndpoint]:
        """The endpoints that may be asked beside the one in use, the best first."""
        in_use = None if besides is None else besides.index
        return [self.endpoints[index] for index in usable_besides(self._healths(), in_use, self.clock.monotonic())]

    def preferred_to(self, in_use: PooledEndpoint) -> PooledEndpoint | None:
        """See `PooledEndpoint.preferred`."""
        index = preferred(self._healths(), in_use.index, self.clock.monotonic())
        return None if index is None else self.endpoints[index]

    def health_after(
        self, endpoint: PooledEndpoint, failure: EndpointFailure, *, progressed: bool, retry_after: float
    ) -> EndpointHealth:
        """An endpoint's health after its use ended, see `PooledEndpoint.ended`."""
        now, jitter = self.clock.monotonic(), self._random.random()
        return health_after_use(endpoint.health, now, failure, jitter, progressed=progressed, retry_after=retry_after)

    def connect(self, url: EndpointUrl) -> AbstractAsyncContextManager[Endpoint]:
        """A connection whose requests are counted; `PooledEndpoint.open` makes sure that it is to the right chain."""
        host = url.host

        def count(method: str, outcome: str) -> None:
            self.requests[RequestKind(host, method, outcome)] += 1

        return self._open_endpoint(url, on_request=count)

    def _healths(self) -> list[EndpointHealth]:
        return [endpoint.health for endpoint in self.endpoints]


async def _verify(endpoint: Endpoint, config: ChainConfig) -> None:
    chain_id = await endpoint.chain_id()
    if chain_id != config.chain_id:
        raise EndpointUnavailable(
            endpoint.host, f"serves chain id {chain_id}, not {config.chain_id}; see chains.{config.name}.endpoints"
        )
    if not await endpoint.code(config.contract):
        # Watching an address without a contract would look like a bridge without traffic.
        raise EndpointUnavailable(
            endpoint.host,
            f"knows no contract at {to_checksum_address(config.contract)}; see chains.{config.name}.contract",
        )
