"""A bridge that is paused, and one whose rights change, on the real contracts."""

from dataclasses import replace
from pathlib import Path

import pytest

from scripts.devnet import Chain, Devnet
from scripts.devnet.administration import (
    Role,
    add_liquidity,
    add_sequencer,
    assign_role,
    pause,
    propose_owner,
    remove_sequencer,
    unpause,
)
from scripts.devnet.contracts import call
from scripts.devnet.transaction import Transaction
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.faults.proxy import Proxy
from tests.world.processes import typed

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOMEBODY = "0x" + "5e" * 20


async def test_a_pause_and_a_change_of_rights_are_told_and_end(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook:
        config = await write_config(Setup((alpha, beta), {"machines": webhook}), tmp_path)
        async with Monitor(config) as monitor:
            await monitor.ready()
            added = await add_sequencer(alpha, SOMEBODY)
            changed = await webhook.gets("alert.opened", "bridge_changed", "alpha")
            assert SOMEBODY[2:] in changed.alert["text"].lower()
            alert_id = f"bridge_changed:alpha:{added.tx_hash}"
            assert (changed.alert["id"], changed.alert["severity"]) == (alert_id, "warning")
            await typed(config, "alerts", "ack", alert_id, "--for", "PT1H")
            ended = await webhook.gets("alert.resolved", "bridge_changed", "alpha")
            assert ended.alert["resolution"] == "acknowledged"
            try:
                await pause(beta)
                await webhook.gets("alert.opened", "bridge_paused", "beta")
            finally:
                await unpause(beta)
            ended = await webhook.gets("alert.resolved", "bridge_paused", "beta")
            assert ended.alert["resolution"] == "unpaused"
    await remove_sequencer(alpha, SOMEBODY)


async def test_an_unseen_pause_is_told_once_seen_until_reorged(bridge: Devnet, tmp_path: Path) -> None:
    alpha, _, gamma = bridge.chains
    async with Receiver() as webhook, Proxy(gamma.http_url) as proxy:
        setup = Setup((alpha, gamma), {"machines": webhook}, unobserved_after="PT4S", finality=1000)
        config = await write_config(replace(setup, endpoints={"gamma": [proxy.ws_url]}), tmp_path)
        try:
            async with Monitor(config) as monitor:
                await monitor.ready()
                await proxy.stop()
                unseen = await pause(gamma)
                await webhook.gets("alert.opened", "chain_unobserved", "gamma")
                assert [kind for kind, _, _ in await monitor.alerts()] == ["chain_unobserved"]
                await proxy.start()
                opened = (await webhook.gets("alert.opened", "bridge_paused", "gamma")).alert
                assert opened["severity"] == "critical"
            async with Monitor(config) as monitor:
                await monitor.ready()
                await monitor.covers("gamma", await timestamp(gamma))
                assert [change for change, kind in webhook.about("gamma") if kind == "bridge_paused"] == [
                    "alert.opened"
                ]
                await gamma.take_back(unseen.block_number)
                resolved = (await webhook.gets("alert.resolved", "bridge_paused", "gamma")).alert
                assert (resolved["resolution"], resolved["id"]) == ("reorged", opened["id"])
        finally:
            if await gamma.view(gamma.contract, "bool", "paused()"):
                await unpause(gamma)


async def test_what_is_over_or_changes_no_rights_alerts_nobody(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    owner, contract = beta.diamond.owner, beta.contract
    async with Receiver() as webhook:
        config = await write_config(Setup((alpha, beta), {"machines": webhook}), tmp_path)
        async with Monitor(config) as monitor:
            await monitor.ready()
            await beta.pause_mining()
            await beta.send_block([Transaction(owner, contract, call(order)) for order in ("pause()", "unpause()")])
            await beta.resume_mining()
            await add_liquidity(beta, beta.accounts.routers[0], 1)
            await propose_owner(beta, SOMEBODY)
            await monitor.covers("beta", await timestamp(beta))
            _, listed = await monitor.get("/api/v1/bridge-events?chain=beta")
            kinds = {item["kind"] for item in listed["items"]}
            assert {"Paused", "Unpaused", "RouterLiquidityAdded", "OwnershipProposed"} <= kinds
            assert await monitor.alerts() == []
            assert webhook.whats() == []


async def test_an_unseen_change_is_told_once_seen_until_reorged(bridge: Devnet, tmp_path: Path) -> None:
    alpha, _, gamma = bridge.chains
    async with Receiver() as webhook, Proxy(gamma.http_url) as proxy:
        setup = Setup((alpha, gamma), {"machines": webhook}, unobserved_after="PT4S", finality=1000)
        config = await write_config(replace(setup, endpoints={"gamma": [proxy.ws_url]}), tmp_path)
        async with Monitor(config) as monitor:
            await monitor.ready()
            await proxy.stop()
            unseen = await assign_role(gamma, Role.WATCHER, SOMEBODY)
            await webhook.gets("alert.opened", "chain_unobserved", "gamma")
            assert [kind for kind, _, _ in await monitor.alerts()] == ["chain_unobserved"]
            await proxy.start()
            opened = (await webhook.gets("alert.opened", "bridge_changed", "gamma")).alert
            assert (opened["severity"], SOMEBODY[2:] in opened["text"].lower()) == ("critical", True)
        async with Monitor(config) as monitor:
            await monitor.ready()
            await monitor.covers("gamma", await timestamp(gamma))
            assert [change for change, kind in webhook.about("gamma") if kind == "bridge_changed"] == ["alert.opened"]
            await gamma.take_back(unseen.block_number)
            resolved = (await webhook.gets("alert.resolved", "bridge_changed", "gamma")).alert
            assert (resolved["resolution"], resolved["id"]) == ("reorged", opened["id"])


async def timestamp(chain: Chain) -> int:
    """That of its head."""
    return int((await chain.rpc("eth_getBlockByNumber", ["latest", False]))["timestamp"], 16)
