"""The endpoints of one chain in the order of the config: what is known of each, and how to open one."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from random import Random
from typing import Protocol

from connext_monitor.clock import Clock
from connext_monitor.config import ChainConfig, EndpointUrl
from connext_monitor.core.chain_status import RequestKind
from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.decoding import EVENT_TOPICS
from connext_monitor.core.endpoint_health import Choice, EndpointHealth, Trouble, choose, ended, others, preferred
from connext_monitor.core.events import BlockNumber, RawLog
from connext_monitor.core.range_pace import RangePace, RangeRetry
from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.json_rpc import EndpointUnavailable, OnRequest, RpcRefused
from connext_monitor.monitoring.lost_history import LostHistory
from connext_monitor.monitoring.pacer import Pacer


class OpenEndpoint(Protocol):
    """How an endpoint is opened."""

    def __call__(self, url: EndpointUrl, *, on_request: OnRequest) -> AbstractAsyncContextManager[Endpoint]:
        """A connection for as long as the context lasts; ``on_request`` hears of every request's end."""
        ...


_VERIFIED_FOR = 3600.0
"""Seconds for which an endpoint that is only asked now and then need not say again which chain it serves."""


class EndpointPool:
    """All endpoints of one chain. A place is the index of an endpoint in the config."""

    def __init__(self, config: ChainConfig, open_endpoint: OpenEndpoint, clock: Clock, random: Random) -> None:
        self.config = config
        self._open_endpoint = open_endpoint
        self._clock = clock
        self._random = random
        self._healths = [EndpointHealth() for _ in config.endpoints]
        self._verified_at: dict[int, float] = {}
        self.paces = [RangePace() for _ in config.endpoints]
        self.pacers = [Pacer(has_others=len(config.endpoints) > 1) for _ in config.endpoints]
        self.requests: Counter[RequestKind] = Counter()
        self.lost_history = LostHistory(len(config.endpoints), clock)

    def __len__(self) -> int:
        return len(self._healths)

    def choose(self) -> Choice:
        """The endpoint to use next."""
        return choose(self._healths, self._clock.monotonic())

    def preferred(self, in_use: int) -> int | None:
        """The endpoint that is worth going back to, if it works."""
        return preferred(self._healths, in_use, self._clock.monotonic())

    def others(self, in_use: int) -> list[int]:
        """The endpoints that may be asked beside the one in use, the best first."""
        return others(self._healths, in_use, self._clock.monotonic())

    def ended(self, place: int, trouble: Trouble, *, progressed: bool, retry_after: float | None = None) -> None:
        """The use of an endpoint ended, which asked not to be asked again for so many seconds."""
        now, jitter, asked = self._clock.monotonic(), self._random.random(), retry_after or 0.0
        self._healths[place] = ended(
            self._healths[place], now, trouble, jitter, progressed=progressed, retry_after=asked
        )

    def answered(self, place: int, logs: int, blocks: int) -> None:
        """An endpoint answered for a range of so many blocks with so many logs."""
        pace = self.paces[place]
        if pace.probing:
            # One block is answered where many are not, however long they are waited for: it was never the rate.
            self.pacers[place].forget()
        self.paces[place] = pace.after_answer(logs, blocks)

    def refused(self, place: int, error: RpcRefused) -> RangeRetry:
        """An endpoint refused something: whether to ask for less at once, or to wait.

        What is refused without any range in it is refused for the rate, if for anything that passes.
        """
        refusal = error.refusal
        if error.blocks is None or refusal.reaction not in (Reaction.RANGE, Reaction.RATE, Reaction.OTHER):
            return RangeRetry.LATER
        again = self.paces[place].refusals > 0
        self.paces[place], step = self.paces[place].after_refusal(refusal, error.blocks)
        if step is RangeRetry.SMALLER and refusal.reaction is Reaction.RATE and not self.paces[place].probing:
            self.pacers[place].forget()
        elif step is RangeRetry.LATER and refusal.reaction is not Reaction.RATE and not again:
            # Where the first pause did not help, more of them do not: others would wait for what is no rate.
            self.pacers[place].ease()
        return step

    @asynccontextmanager
    async def open(self, place: int, *, again: bool = False) -> AsyncIterator[Endpoint]:
        """An endpoint that serves the chain and knows the contract; ``again``: not asked if it was lately.

        Raises EndpointUnavailable and RpcRefused.
        """
        url = self.config.endpoints[place]

        def count(method: str, outcome: str) -> None:
            self.requests[RequestKind(url.host, method, outcome)] += 1

        async with self._open_endpoint(url, on_request=count) as endpoint:
            endpoint.pacer = self.pacers[place]
            now = self._clock.monotonic()
            if not again or now - self._verified_at.get(place, -_VERIFIED_FOR) >= _VERIFIED_FOR:
                await self._verify(endpoint)
                self._verified_at[place] = now
            yield endpoint

    async def logs(self, place: int, endpoint: Endpoint, blocks: BlockRange) -> list[RawLog]:
        """The contract's events in these blocks, asked for in pieces that the endpoint allows.

        It says nothing about blocks which the endpoint lacks. Raises EndpointUnavailable and RpcRefused.
        """
        found: list[RawLog] = []
        first = blocks.first
        while first <= blocks.last:
            pace = self.paces[place]
            last = BlockNumber(min(blocks.last, first + pace.span - 1))
            try:
                fetched = await endpoint.logs(self.config.contract, [EVENT_TOPICS], first, last)
            except RpcRefused as error:
                if self.refused(place, error) is not RangeRetry.SMALLER:
                    raise
                continue
            self.answered(place, len(fetched.logs), last - first + 1)
            found += fetched.logs
            first = BlockNumber(last + 1)
        return found

    async def _verify(self, endpoint: Endpoint) -> None:
        chain_id = await endpoint.chain_id()
        if chain_id != self.config.chain_id:
            raise EndpointUnavailable(
                endpoint.host,
                f"serves chain id {chain_id}, not {self.config.chain_id}; see chains.{self.config.name}.endpoints",
            )
        if not await endpoint.code(self.config.contract):
            # Watching an address without a contract would look like a bridge without traffic.
            raise EndpointUnavailable(
                endpoint.host,
                f"knows no contract at {to_checksum_address(self.config.contract)}; "
                f"see chains.{self.config.name}.contract",
            )
