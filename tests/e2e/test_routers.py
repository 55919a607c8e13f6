"""Routers that somebody answers for, on the real contracts."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.devnet import Chain, Devnet
from scripts.devnet.administration import add_liquidity, remove_liquidity
from scripts.devnet.transaction import Receipt
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.faults.proxy import Proxy
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _checked(monitor: Monitor, router: str, balance: str, difference: int) -> bool:
    """Whether its balance was so in the contract, and by so much more than the events since the start tell."""
    (_, listed) = await monitor.get("/api/v1/routers")
    [ours] = [item for item in listed["items"] if item["router"].lower() == router.lower()]
    assert ours["name"] == "ours"
    checks = [book["check"] for book in ours["books"] if book["check"] is not None]
    return [(check["balance"], check["difference"]) for check in checks] == [(balance, str(difference))]


async def test_a_router_that_becomes_dry_is_told_over_a_restart_until_refilled(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    router = beta.accounts.routers[1]
    has = await beta.view(beta.contract, "uint256", "routerBalances(address,address)", router, beta.token)
    async with Receiver() as webhook:
        config = await write_config(Setup((alpha, beta), {"machines": webhook}), tmp_path)
        least = f'[routers.ours]\naddress = "{router}"\n[routers.ours.min_liquidity.beta]\n{beta.token} = 2.5\n'
        config.write_text(f"{config.read_text(encoding='utf-8')}\n{least}", encoding="utf-8")
        try:
            async with Monitor(config) as monitor:
                await monitor.ready()
                await remove_liquidity(beta, router, has - 25 * 10**17)  # nearly too much
                assert webhook.whats() == []
                await remove_liquidity(beta, router, 1)
                subject = f"ours/beta/{beta.token}"
                opened = await webhook.gets("alert.opened", "router_liquidity_low", subject)
                assert "2.499999999999999999 " in opened.alert["text"]
                await until(lambda: _checked(monitor, router, "2499999999999999999", difference=has))
            async with Monitor(config) as monitor:
                await monitor.ready()
                await add_liquidity(beta, router, has)
                ended = await webhook.gets("alert.resolved", "router_liquidity_low", subject)
            assert (ended.alert["id"], ended.alert["resolution"]) == (opened.alert["id"], "refilled")
        finally:
            now = await beta.view(beta.contract, "uint256", "routerBalances(address,address)", router, beta.token)
            if now < has:
                await add_liquidity(beta, router, has - now)


async def test_a_silent_router_is_told_over_a_restart_until_it_fills(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    busy, silent = beta.accounts.routers

    async def fill() -> None:
        await bridge.execute_fast(await bridge.xcall(alpha, beta, amount=10**18))

    async def fill_for_ever() -> None:
        while True:
            await fill()

    async with Receiver() as webhook:
        config = await write_config(Setup((alpha, beta), {"machines": webhook}), tmp_path)
        named = f'[routers.ours]\naddress = "{silent}"\nsilent_after = "PT10S"\nsilent_transfers = 2\n'
        config.write_text(f"{config.read_text(encoding='utf-8')}\n{named}", encoding="utf-8")
        async with Monitor(config) as monitor:
            await monitor.ready()
            filling = asyncio.create_task(fill_for_ever())
            try:
                opened = await webhook.gets("alert.opened", "router_silent", "ours")
            finally:
                filling.cancel()
                await asyncio.gather(filling, return_exceptions=True)
            assert opened.alert["severity"] == "warning"
        async with Monitor(config) as monitor:
            await monitor.ready()
            bridge.stop(busy, on=beta)
            try:
                await fill()
            finally:
                bridge.resume(busy, on=beta)
            ended = await webhook.gets("alert.resolved", "router_silent", "ours")
    assert (ended.alert["id"], ended.alert["resolution"]) == (opened.alert["id"], "filling")
    assert [what for what in webhook.whats() if what[1] == "router_silent"] == [opened.what, ended.what]


async def test_nothing_is_said_of_routers_on_a_chain_that_is_not_seen(bridge: Devnet, tmp_path: Path) -> None:
    alpha, _, gamma = bridge.chains
    _, silent = gamma.accounts.routers
    balance = "routerBalances(address,address)"
    has = await gamma.view(gamma.contract, "uint256", balance, silent, gamma.token)

    async def fill_for_ever() -> None:
        while True:
            await bridge.execute_fast(await bridge.xcall(alpha, gamma, amount=10**17))

    async with Receiver() as webhook, Proxy(gamma.http_url) as proxy:
        setup = Setup((alpha, gamma), {"machines": webhook}, unobserved_after="PT4S", finality=1000)
        config = await write_config(replace(setup, endpoints={"gamma": [proxy.ws_url]}), tmp_path)
        named = f'[routers.ours]\naddress = "{silent}"\nsilent_after = "PT6S"\nsilent_transfers = 2\n'
        least = f"[routers.ours.min_liquidity.gamma]\n{gamma.token} = {has // 10**18}\n"
        config.write_text(f"{config.read_text(encoding='utf-8')}\n{named}{least}", encoding="utf-8")
        async with Monitor(config) as monitor:
            await monitor.ready()
            await proxy.stop()
            unseen = await remove_liquidity(gamma, silent, 10**18)
            filling = asyncio.create_task(fill_for_ever())
            try:
                await webhook.gets("alert.opened", "chain_unobserved", "gamma")
                await until(lambda: _is_later(gamma, unseen, 8))
                assert [kind for kind, _, _ in await monitor.alerts()] == ["chain_unobserved"]
                await proxy.start()
                subject = f"ours/gamma/{gamma.token}"
                dry = await webhook.gets("alert.opened", "router_liquidity_low", subject)
            finally:
                filling.cancel()
                await asyncio.gather(filling, return_exceptions=True)
            await gamma.reorg(await gamma.head() - unseen.block_number + 1)
            refilled = await webhook.gets("alert.resolved", "router_liquidity_low", subject)
    assert (refilled.alert["id"], refilled.alert["resolution"]) == (dry.alert["id"], "refilled")
    assert await gamma.view(gamma.contract, "uint256", balance, silent, gamma.token) == has


async def _is_later(chain: Chain, receipt: Receipt, blocks: int) -> bool:
    return await chain.head() >= receipt.block_number + blocks
