"""What watching a chain costs: the requests beyond the pushes."""

from pathlib import Path

import pytest

from connext_monitor.core.transfer import Status
from scripts.devnet import Devnet
from tests.faults.proxy import Proxy
from tests.faults.second_endpoint import through, used
from tests.faults.watching import watching
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

_PER_COVER = 4
"""A calm cover comes once a minute."""


async def test_at_rest_a_calm_cover_takes_four_requests_at_most(bridge: Devnet, origin: Proxy, tmp_path: Path) -> None:
    alpha, _ = bridge.chains
    async with watching(through(bridge, origin), tmp_path, only=["alpha"]) as watch:
        await used(origin, alpha, watch)
        origin.requests.clear()

        async def covered() -> bool:
            await alpha.mine()
            return len(origin.asked("eth_getLogs")) >= 5

        await until(covered)
        assert len(origin.requests) <= _PER_COVER * len(origin.asked("eth_getLogs"))


async def test_an_event_that_is_pushed_costs_no_request(bridge: Devnet, origin: Proxy, tmp_path: Path) -> None:
    alpha, beta = bridge.chains
    async with watching(through(bridge, origin, calm=60), tmp_path, only=["alpha"]) as watch:
        await used(origin, alpha, watch)
        origin.requests.clear()
        for _ in range(3):
            await watch.knows(await bridge.xcall(alpha, beta), Status.XCALLED)
        assert origin.requests == []


async def test_requests_are_counted_by_endpoint_method_and_outcome(
    bridge: Devnet, origin: Proxy, tmp_path: Path
) -> None:
    alpha, _ = bridge.chains
    async with watching(through(bridge, origin, calm=60), tmp_path, only=["alpha"]) as watch:
        await used(origin, alpha, watch)
        methods = ("eth_getLogs", "eth_getBlockByNumber", "eth_call", "eth_chainId")

        def counted() -> bool:
            requests = watch.observers["alpha"].sight().requests
            answered = {kind.method: count for kind, count in requests.items() if kind.outcome == "answered"}
            # One that is under way has been asked and is not answered yet.
            return all(answered.get(method) == len(origin.asked(method)) > 0 for method in methods)

        await until(counted)
