"""Promise 3 beyond finality: a block that counted as final is replaced."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from connext_monitor.core.transfer import Status
from scripts.devnet import Devnet
from tests.faults.proxy import Proxy
from tests.faults.second_endpoint import QUICK, checkpoint, mined_until, through, used
from tests.faults.watching import watching
from tests.world.made_bridge import made_bridge
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bridge() -> AsyncIterator[Devnet]:
    """A bridge of its own: so deep a reorg spares nothing that other tests have made."""
    async with made_bridge(block_time=None) as running:
        yield running


async def test_a_deep_reorg_is_an_alert_and_takes_events_back(bridge: Devnet, origin: Proxy, tmp_path: Path) -> None:
    alpha, beta = bridge.chains
    async with watching(through(bridge, origin), tmp_path, only=["alpha"]) as watch:
        await used(origin, alpha, watch)
        await mined_until(alpha, lambda: checkpoint(watch) >= 0)
        transfer = await bridge.xcall(alpha, beta)
        await watch.knows(transfer, Status.XCALLED)
        await mined_until(alpha, lambda: checkpoint(watch) > transfer.block_number)
        depth = await alpha.head() - transfer.block_number + 1
        await alpha.rpc("anvil_reorg", [depth, []])
        await alpha.mine(2)
        await watch.knows(transfer, None)
        await mined_until(alpha, lambda: checkpoint(watch) > transfer.block_number)
        alerted = [alert for alert in await watch.alerts() if alert[0] == "deep_reorg"]
        assert alerted == [("deep_reorg", "alpha", "covered_again")]


async def test_a_deep_reorg_during_downtime_is_found_at_the_start(
    bridge: Devnet, origin: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    setup = through(bridge, origin)
    async with watching(setup, tmp_path, only=["alpha"]) as watch:
        await used(origin, alpha, watch)
        transfer = await bridge.xcall(alpha, beta)
        await watch.knows(transfer, Status.XCALLED)
        await mined_until(alpha, lambda: checkpoint(watch) > transfer.block_number)
    depth = await alpha.head() - transfer.block_number + 1
    await alpha.rpc("anvil_reorg", [depth, []])
    await alpha.mine()
    async with watching(setup, tmp_path, only=["alpha"]) as watch:
        await watch.knows(transfer, None)
        await until(lambda: watch.observers["alpha"].state.caught_up)
        assert ("deep_reorg", "alpha", "covered_again") in await watch.alerts()


async def test_an_endpoint_on_a_forked_chain_is_left(bridge: Devnet, origin: Proxy, tmp_path: Path) -> None:
    alpha, beta = bridge.chains
    async with (
        Proxy(alpha.http_url) as second,
        watching(through(bridge, origin, second), tmp_path, only=["alpha"], intervals=QUICK) as watch,
    ):
        await used(origin, alpha, watch)
        transfer = await bridge.xcall(alpha, beta)
        await watch.knows(transfer, Status.XCALLED)
        await mined_until(alpha, lambda: checkpoint(watch) > transfer.block_number)
        other = await alpha.rpc("eth_getBlockByNumber", ["0x0", False])

        def forked(method: str, params: list[object]) -> dict[str, object] | None:
            if method != "eth_getBlockByNumber" or not str(params[0]).startswith("0x"):
                return None
            return {"result": {**other, "number": params[0]}}

        with origin.ruled(forked):
            await mined_until(alpha, lambda: second.subscribers == 2)
        assert [alert for alert in await watch.alerts() if alert[0] == "deep_reorg"] == []
        assert await watch.status(transfer) is Status.XCALLED
