"""Two endpoints of one chain, and a chain that is mined until something holds."""

from typing import Any

from connext_monitor.monitoring.intervals import Intervals
from scripts.devnet import Chain, Devnet
from tests.e2e.monitor import Setup
from tests.faults.proxy import Proxy
from tests.faults.watching import Watch
from tests.world.waiting import until

ALPHA = "alpha"
QUICK = Intervals(second_look=0.5)


def through(bridge: Devnet, *proxies: Proxy, calm: int = 2) -> Setup:
    """Both chains, alpha through these; ``calm`` seconds between two covers that nothing asks for."""
    endpoints = {ALPHA: [proxy.ws_url for proxy in proxies]}
    return Setup(bridge.chains, {}, endpoints=endpoints, unobserved_after=f"PT{2 * calm}S", execute="PT1H")


async def mined_until(chain: Chain, condition: Any) -> None:
    """Mine until it holds, some two blocks a second: a node keeps the states of a few hundred blocks only."""
    looked = 0

    async def holds() -> bool:
        nonlocal looked
        looked += 1
        if looked % 2 == 1:
            await chain.mine()
        held = condition()
        return bool(held if isinstance(held, bool) else await held)

    await until(holds)


def checkpoint(watch: Watch) -> int:
    """Alpha's."""
    coverage = watch.observers[ALPHA].state.coverage
    return coverage.checkpoint if coverage else -1


async def used(proxy: Proxy, chain: Chain, watch: Watch) -> None:
    """Wait until it is followed and the head is covered."""
    await until(lambda: proxy.subscribers == 2)
    await chain.mine()
    await watch.covers(chain.name, await chain.head())
