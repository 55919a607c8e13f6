"""A pathway on which nothing is executed any more, on the real contracts."""

import asyncio
from pathlib import Path

import pytest

from scripts.devnet import Devnet
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")

KIND = "pathway_stalled"


async def test_a_pathway_is_stalled_once_three_wait_until_one_is_executed(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook:
        # Two that wait are late long before anything else happens: by then the pathway would have been called stalled.
        setup = Setup((alpha, beta), {"machines": webhook}, execute="PT6S", stalled_transfers=3)
        config = await write_config(setup, tmp_path)
        async with Monitor(config) as first:
            await first.ready()
            two = await asyncio.gather(bridge.xcall(alpha, beta), bridge.xcall(alpha, beta))
            for transfer in two:
                await webhook.gets("alert.opened", "execute_overdue", transfer.transfer_id)
            assert not [what for what in webhook.whats() if what[1] == KIND]
            third = await bridge.xcall(alpha, beta)
            opened = await webhook.gets("alert.opened", KIND, "alpha/beta")
            assert opened.alert["severity"] == "warning"
            assert opened.alert["text"].startswith("3 transfers wait for execution")
        async with Monitor(config) as second:
            await second.ready()
            await webhook.gets("alert.opened", "execute_overdue", third.transfer_id)
            await bridge.execute_fast(third)
            ended = await webhook.gets("alert.resolved", KIND, "alpha/beta")
            assert (ended.alert["id"], ended.alert["resolution"]) == (opened.alert["id"], "executing")
    assert [what for what in webhook.whats() if what[1] == KIND] == [opened.what, ended.what]


async def test_no_pathway_is_stalled_while_its_destination_is_out_of_sight(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook:
        hooks = {"machines": webhook}
        setup = Setup((alpha, beta), hooks, execute="PT6S", unobserved_after="PT8S", stalled_transfers=3)
        async with Monitor(await write_config(setup, tmp_path)) as monitor:
            await monitor.ready()
            try:
                await beta.pause_mining()
                await asyncio.gather(*(bridge.xcall(alpha, beta) for _ in range(3)))
                await webhook.gets("alert.opened", "chain_unobserved", "beta")
                assert not [what for what in webhook.whats() if what[1] == KIND]
            finally:
                await beta.resume_mining()
            await webhook.gets("alert.opened", KIND, "alpha/beta")


async def test_a_stall_is_over_where_a_reorg_took_what_waits(bridge: Devnet, tmp_path: Path) -> None:
    _, beta, gamma = bridge.chains
    async with Receiver() as webhook:
        setup = Setup((gamma, beta), {"machines": webhook}, execute="PT6S", stalled_transfers=3, finality=1000)
        async with Monitor(await write_config(setup, tmp_path)) as monitor:
            await monitor.ready()
            sent = await asyncio.gather(*(bridge.xcall(gamma, beta) for _ in range(3)))
            opened = await webhook.gets("alert.opened", KIND, "gamma/beta")
            first = min(transfer.block_number for transfer in sent)
            await gamma.take_back(first)
            ended = await webhook.gets("alert.resolved", KIND, "gamma/beta")
            assert (ended.alert["id"], ended.alert["resolution"]) == (opened.alert["id"], "reorged")
