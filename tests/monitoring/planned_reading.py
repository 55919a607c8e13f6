"""A chain that is read whole, in virtual time, through endpoints that are limited by plans."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from connext_monitor.config import ChainConfig, EndpointUrl
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_pool import OpenEndpoint
from connext_monitor.monitoring.json_rpc import OnRequest
from connext_monitor.monitoring.observer import Observer
from tests.monitoring.covering import Memory, Whole, covered
from tests.monitoring.made_up_chain import CONFIG
from tests.monitoring.plans import Plan
from tests.monitoring.simulated_client import SimulatedClient
from tests.world.virtual_time import LoopClock

PATIENCE = 120.0
"""Seconds without progress after which the observer leaves an endpoint."""


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
        index = int(url.get_secret_value().rpartition("/")[2])

        @asynccontextmanager
        async def opened() -> AsyncIterator[Endpoint]:
            client = SimulatedClient(node, plans[index], on_request, counts[index], cuts)
            try:
                yield Endpoint(client)
            finally:
                await client.aclose()

        return opened()

    return open_simulated


async def read_chain(
    node: Whole,
    *plans: Sequence[Plan],
    within: float,
    cuts: bool = False,
    block_time: float = 12.0,
    stands_still: bool = False,
) -> Reading:
    """Have a chain read whole by an observer, whose endpoints have these plans; fails where that takes too long."""
    reading = Reading(counts=[Counter() for _ in plans])
    urls = [f"http://simulated/{index}" for index in range(len(plans))]
    changed = {"endpoints": urls, "start_block": 1, "block_time": f"PT{block_time:g}S"}
    config = ChainConfig.model_validate(CONFIG | changed)
    opened = opening(node, plans, reading.counts, cuts=cuts)
    observer = Observer(config, PATIENCE, opened, reading.memory, reading.memory, LoopClock(), Random(1))  # noqa: S311
    loop, goal = asyncio.get_running_loop(), node.head
    began = node.head - loop.time() / block_time
    running = asyncio.create_task(observer.run())
    try:
        async with asyncio.timeout(within):
            while covered(observer) < goal or not observer.state.caught_up:
                await asyncio.sleep(0.5)
                node.head = goal if stands_still else int(began + loop.time() / block_time)
        reading.seconds = loop.time()
        return reading
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
