"""A provider that answers for another chain for a while, on connections that stand: nothing of that is believed."""

from pathlib import Path
from typing import Any

import pytest

from connext_monitor.core.decoding import RECONCILED_TOPIC
from connext_monitor.core.transfer import Status
from scripts.devnet import Chain, Devnet
from tests.faults.proxy import Proxy
from tests.faults.second_endpoint import checkpoint, mined_until, through, used
from tests.faults.watching import Watch, watching
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def block(chain: Chain, tag: str = "latest") -> Any:
    return await chain.rpc("eth_getBlockByNumber", [tag, False])


async def not_believed(watch: Watch) -> None:
    words = "serves chain id"
    await until(lambda: words in str(watch.observers["alpha"].state.trouble))


async def test_answers_from_another_chain_take_nothing_back(bridge: Devnet, origin: Proxy, tmp_path: Path) -> None:
    alpha, beta = bridge.chains
    async with watching(through(bridge, origin), tmp_path, only=["alpha"]) as watch:
        await used(origin, alpha, watch)
        final = await bridge.xcall(alpha, beta)
        await watch.knows(final, Status.XCALLED)
        await mined_until(alpha, lambda: checkpoint(watch) > final.block_number)
        fresh = await bridge.xcall(alpha, beta)
        await watch.knows(fresh, Status.XCALLED)
        await watch.covers("alpha", fresh.block_number)
        await beta.mine(max(1, await alpha.head() - await beta.head() + 10))
        with origin.routed_to(beta.http_url):
            await origin.push("heads", await block(beta))
            await not_believed(watch)
            # It is tried again, and is still not believed.
            asked = origin.handshakes
            await until(lambda: origin.handshakes > asked)
        await mined_until(alpha, lambda: checkpoint(watch) > fresh.block_number)
        assert [alert for alert in await watch.alerts() if alert[0] == "deep_reorg"] == []
        for transfer in (final, fresh):
            assert (await watch.status(transfer), watch.removed(transfer.transfer_id)) == (Status.XCALLED, [])


async def test_a_log_that_is_pushed_from_another_chain_is_not_recorded(
    bridge: Devnet, origin: Proxy, tmp_path: Path
) -> None:
    alpha, beta = bridge.chains
    sent = await bridge.xcall(alpha, beta, amount=10**18)
    await bridge.execute_fast(sent)
    await bridge.reconcile(sent)
    asked = {"fromBlock": "0x0", "toBlock": "latest", "topics": ["0x" + RECONCILED_TOPIC.hex(), sent.transfer_id]}
    [real] = await beta.rpc("eth_getLogs", [asked])
    # Of a third chain: that it cannot have come from this one does not show in the log itself.
    foreign = real | {"address": alpha.contract, "topics": [*real["topics"][:2], f"0x{9999:064x}", real["topics"][3]]}
    async with watching(through(bridge, origin), tmp_path, only=["alpha"]) as watch:
        await used(origin, alpha, watch)
        with origin.routed_to(beta.http_url):
            await origin.push("logs", foreign)
            await not_believed(watch)
        await mined_until(alpha, lambda: origin.subscribers == 2)
        # Its XCalled is this chain's own, and may be pushed still to who subscribes just after it.
        assert real["blockHash"] not in [block_hash for _, _, block_hash in watch.records(sent.transfer_id)]
