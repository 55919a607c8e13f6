"""Endpoints that are limited as vendors limit them, in virtual time, behind the client's own reading of answers."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from connext_monitor.config import ChainConfig, EndpointUrl
from connext_monitor.core.rpc_refusal import Reaction, Refusal
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_address import EndpointAddress
from connext_monitor.monitoring.endpoint_pool import OpenEndpoint
from connext_monitor.monitoring.json_rpc import (
    EndpointUnavailable,
    OnRequest,
    PushStream,
    RpcOutcome,
    RpcRefused,
    decode_message,
    read_outcome,
    settle,
)
from connext_monitor.monitoring.observer import Observer
from tests.monitoring.covering import Memory, Whole, covered
from tests.monitoring.made_up_chain import CONFIG
from tests.monitoring.nodes import error
from tests.world.virtual_time import LoopClock

Words = Callable[[float], dict[str, Any]]
"""From the seconds to wait to the members of an error object."""


@dataclass(frozen=True)
class Asked:
    """A request; of a range of logs, how many blocks and logs are in it."""

    method: str
    blocks: int = 0
    logs: int = 0


def plainly(_wait: float) -> dict[str, Any]:
    """The words that most of them use."""
    return {"code": -32005, "message": "Too Many Requests"}


@dataclass
class Plan:
    """What one endpoint allows: nothing is limited."""

    latency: float = 0.05
    words: Words = plainly

    def admits(self, _now: float, _asked: Asked) -> float | None:
        """None where a request is answered; else the seconds after which it would be."""
        return None

    def ended(self) -> None:
        """A request that was admitted has been answered."""


@dataclass
class FixedWindow(Plan):
    """So many requests in each window, which begin at fixed instants."""

    most: int = 25
    seconds: float = 1.0
    window: int = -1
    count: int = 0

    def admits(self, now: float, _asked: Asked) -> float | None:
        if int(now // self.seconds) != self.window:
            self.window, self.count = int(now // self.seconds), 0
        if self.count >= self.most:
            return self.seconds - now % self.seconds
        self.count += 1
        return None


@dataclass
class SlidingWindow(Plan):
    """So many requests within any window of so many seconds; refused ones count as well where it is ``strict``."""

    most: int = 25
    seconds: float = 1.0
    strict: bool = False
    at: deque[float] = field(default_factory=deque)

    def admits(self, now: float, _asked: Asked) -> float | None:
        while self.at and self.at[0] <= now - self.seconds:
            self.at.popleft()
        if len(self.at) >= self.most:
            wait = self.at[0] + self.seconds - now
            if self.strict:
                self.at.append(now)
                self.at.popleft()
            return wait
        self.at.append(now)
        return None


@dataclass
class Bucket(Plan):
    """A token bucket; each method costs so many tokens."""

    refill: float = 5.0
    burst: float = 50.0
    costs: dict[str, float] = field(default_factory=dict)
    tokens: float | None = None
    at: float = 0.0

    def admits(self, now: float, asked: Asked) -> float | None:
        tokens = self.burst if self.tokens is None else min(self.burst, self.tokens + (now - self.at) * self.refill)
        self.at, cost = now, self.costs.get(asked.method, 1.0)
        if tokens < cost:
            self.tokens = tokens
            return (cost - tokens) / self.refill
        self.tokens = tokens - cost
        return None


@dataclass
class InFlight(Plan):
    """So many requests at the same time."""

    most: int = 3
    under_way: int = 0

    def admits(self, _now: float, _asked: Asked) -> float | None:
        if self.under_way >= self.most:
            return self.latency
        self.under_way += 1
        return None

    def ended(self) -> None:
        self.under_way -= 1


@dataclass
class Sizes(Plan):
    """So many blocks and logs in one answer."""

    blocks: int = 10**9
    logs: int = 10**9

    def admits(self, _now: float, asked: Asked) -> float | None:
        return 0.0 if asked.blocks > self.blocks or asked.logs > self.logs else None


@dataclass
class Spent(Plan):
    """The day's requests are used up after so many."""

    most: int = 0
    count: int = 0

    def admits(self, now: float, _asked: Asked) -> float | None:
        self.count += 1
        return None if self.count <= self.most else 86_400.0 - now


@dataclass
class SimulatedClient:
    """An `RpcClient` of a made-up chain under plans; the first that does not admit a request refuses it."""

    node: Whole
    plans: Sequence[Plan]
    on_request: OnRequest
    counts: Counter[str]
    cuts: bool
    pushes: bool = False
    host: str = "simulated"
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def request(self, method: str, params: Sequence[object], *, timeout: float = 10.0) -> msgspec.Raw:  # noqa: ASYNC109
        del timeout
        return settle(await self._outcome(method, params), method, self.on_request)

    async def _outcome(self, method: str, params: Sequence[Any]) -> RpcOutcome:
        if self.gone.is_set():
            return EndpointUnavailable(self.host, "closed the connection (code 1013)", busy=True)
        asked = {"id": 1, "method": method, "params": params}
        self.counts[method] += 1
        admitted: list[Plan] = []
        try:
            for plan in self.plans:
                wait = plan.admits(asyncio.get_running_loop().time(), self._asked(method, params))
                if wait is not None:
                    return await self._refuse(plan, wait, asked)
                admitted.append(plan)
            await asyncio.sleep(max(plan.latency for plan in self.plans))
        finally:
            for plan in admitted:
                plan.ended()
        return self._read(method, self.node.answer(asked))

    def _asked(self, method: str, params: Sequence[Any]) -> Asked:
        if method != "eth_getLogs":
            return Asked(method)
        first, last = (int(params[0][name], 16) for name in ("fromBlock", "toBlock"))
        return Asked(method, last - first + 1, sum(first <= number <= last for number in self.node.logs))

    async def _refuse(self, plan: Plan, wait: float, asked: dict[str, Any]) -> RpcOutcome:
        self.counts["refused"] += 1
        await asyncio.sleep(plan.latency)
        if self.cuts:
            self.gone.set()
            return EndpointUnavailable(self.host, "closed the connection (code 1013)", busy=True)
        said = plan.words(wait)
        data = {name: value for name, value in said.items() if name == "data"}
        return self._read(asked["method"], error(asked, said["code"], said["message"], **data))

    def _read(self, method: str, text: str) -> RpcOutcome:
        return read_outcome(EndpointAddress("http://simulated"), method, decode_message(text.encode()))

    async def subscribe(self, *params: object) -> PushStream:
        del params
        refusal = Refusal(Reaction.UNSUPPORTED, None, "it cannot push")
        raise RpcRefused(self.host, "eth_subscribe", refusal)

    async def closed(self) -> EndpointUnavailable:
        await self.gone.wait()
        return EndpointUnavailable(self.host, "closed the connection")

    async def aclose(self) -> None:
        self.gone.set()


@dataclass
class Reading:
    """How a chain was read: when it was caught up with (virtual seconds), and the requests by method, and refused."""

    seconds: float = 0.0
    counts: list[Counter[str]] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)

    @property
    def requests(self) -> int:
        return sum(count for counts in self.counts for name, count in counts.items() if name != "refused")

    @property
    def refused(self) -> int:
        return sum(counts["refused"] for counts in self.counts)


def opening(node: Whole, plans: Sequence[Sequence[Plan]], counts: list[Counter[str]], *, cuts: bool) -> OpenEndpoint:
    """How the endpoints, with these plans in the order of the config, are opened."""

    def open_simulated(url: EndpointUrl, *, on_request: OnRequest) -> AbstractAsyncContextManager[Endpoint]:
        place = int(url.get_secret_value().rpartition("/")[2])

        @asynccontextmanager
        async def opened() -> AsyncIterator[Endpoint]:
            client = SimulatedClient(node, plans[place], on_request, counts[place], cuts)
            try:
                yield Endpoint(client)
            finally:
                await client.aclose()

        return opened()

    return open_simulated


async def read_chain(
    node: Whole, *plans: Sequence[Plan], within: float, cuts: bool = False, block_time: float = 12.0
) -> Reading:
    """Have a chain read whole by an observer, whose endpoints have these plans; fails where that takes too long."""
    reading = Reading(counts=[Counter() for _ in plans])
    urls = [f"http://simulated/{place}" for place in range(len(plans))]
    changed = {"endpoints": urls, "start_block": 1, "block_time": f"PT{block_time:g}S"}
    config = ChainConfig.model_validate(CONFIG | changed)
    opened = opening(node, plans, reading.counts, cuts=cuts)
    observer = Observer(config, 120, opened, reading.memory, reading.memory, LoopClock(), Random(1))  # noqa: S311
    loop, goal = asyncio.get_running_loop(), node.head
    began = node.head - loop.time() / block_time
    running = asyncio.create_task(observer.run())
    try:
        async with asyncio.timeout(within):
            while covered(observer) < goal or not observer.state.caught_up:
                await asyncio.sleep(0.5)
                node.head = int(began + loop.time() / block_time)
        reading.seconds = loop.time()
        return reading
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
