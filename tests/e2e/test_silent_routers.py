"""Routers that fill nothing while others do, on the real contracts.

Others execute a few transfers at a time, and the next only when nobody counts those before any more: so many count at
once and no more, however fast the machine is.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from connext_monitor.core.alerts.kinds.router_silent import ROUTER_SILENT
from connext_monitor.core.events import DomainId
from scripts.devnet import Chain, Devnet
from scripts.devnet.administration import remove_liquidity
from scripts.devnet.transaction import Receipt
from tests.e2e.monitor import PATIENCE, Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.faults.proxy import Proxy
from tests.world.databases import open_store
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

KIND = "router_silent"
SILENT_AFTER = 20
"""Seconds; transfers count that were sent within as many."""
ROUNDS = 5
PENNILESS = "0x" + "5e" * 20


def table(name: str, address: str, transfers: int, *more: str) -> str:
    """That of a router in the config."""
    watched = [f'silent_after = "PT{SILENT_AFTER}S"', f"silent_transfers = {transfers}"]
    return "\n".join((f'[routers.{name}]\naddress = "{address}"', *watched, *more))


async def config_with(folder: Path, setup: Setup, *tables: str) -> Path:
    """A config that watches these routers, in their order."""
    config = await write_config(setup, folder)
    config.write_text("\n".join((config.read_text(encoding="utf-8"), *tables, "")), encoding="utf-8")
    return config


async def fill(bridge: Devnet, origin: Chain, destination: Chain, transfers: int = 1) -> Receipt:
    """Have the first router that acts fill some; how the last was filled."""
    sent = await asyncio.gather(*(bridge.xcall(origin, destination, amount=10**18) for _ in range(transfers)))
    return (await asyncio.gather(*map(bridge.execute_fast, sent)))[-1]


async def go_slow(bridge: Devnet, origin: Chain, destination: Chain, transfers: int) -> None:
    """Have some executed without any router."""
    sent = await asyncio.gather(*(bridge.xcall(origin, destination, amount=10**18) for _ in range(transfers)))
    await asyncio.gather(*map(bridge.reconcile, sent))
    await asyncio.gather(*map(bridge.execute_slow, sent))


async def fill_with_second(bridge: Devnet, origin: Chain, destination: Chain) -> Receipt:
    """Have the second router fill one."""
    first = destination.accounts.routers[0]
    bridge.stop(first, on=destination)
    try:
        return await fill(bridge, origin, destination)
    finally:
        bridge.resume(first, on=destination)


async def watches(monitor: Monitor) -> None:
    """Wait until half a silence is watched: what is executed now still counts at the end of the other half."""
    await monitor.ready()
    await asyncio.sleep(SILENT_AFTER / 2)  # where a slow machine makes that too long, the next round does it


async def silent(webhook: Receiver, name: str, execute: Callable[[], Awaitable[object]], times: int = 1) -> str:
    """Have others execute until the router is called silent, for so many times in all; the alert's id."""
    what = ("alert.opened", KIND, name)

    def is_told() -> bool:
        return webhook.whats().count(what) >= times

    async def play_round() -> None:
        await execute()
        forgotten = time.time() + SILENT_AFTER + 1
        await until(lambda: is_told() or time.time() > forgotten, PATIENCE)

    for _ in range(ROUNDS):
        if not is_told():
            await play_round()
    assert is_told(), webhook.whats()
    alerts = (received for received in webhook.received if "alert" in received.body["data"])
    return str([received.alert["id"] for received in alerts if received.what == what][-1])


async def of_routers(monitor: Monitor) -> list[tuple[str, str]]:
    """Kind and subject of each alert about a router."""
    return [(kind, subject) for kind, subject, _ in await monitor.alerts() if kind.startswith("router_")]


async def test_a_silent_router_is_told_over_a_restart_until_it_fills(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook:
        ours = table("ours", beta.accounts.routers[1], 2)
        config = await config_with(tmp_path, Setup((alpha, beta), {"machines": webhook}, execute="PT1H"), ours)
        async with Monitor(config) as monitor:
            await watches(monitor)
            opened = await silent(webhook, "ours", partial(fill, bridge, alpha, beta, 2))
        async with Monitor(config) as monitor:
            await monitor.ready()
            await fill_with_second(bridge, alpha, beta)
            ended = await webhook.gets("alert.resolved", KIND, "ours")
    assert (ended.alert["id"], ended.alert["resolution"], ended.alert["severity"]) == (opened, "filling", "warning")
    assert [change for change, kind, _ in webhook.whats() if kind == KIND] == ["alert.opened", "alert.resolved"]


async def test_a_router_that_missed_one_too_few_is_not_silent(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    missed_two, ours = beta.accounts.routers
    # Those of whom nothing is to be said come first: they have been looked at when something is said of ours.
    tables = table("of_three", missed_two, 3), table("penniless", PENNILESS, 1), table("ours", ours, 2)
    async with Receiver() as webhook:
        setup = Setup((alpha, beta), {"machines": webhook}, execute="PT1H")
        async with Monitor(await config_with(tmp_path, setup, *tables)) as monitor:
            await watches(monitor)
            await silent(webhook, "ours", partial(go_slow, bridge, alpha, beta, 2))
            assert await of_routers(monitor) == [(KIND, "ours")]


async def test_a_fill_that_a_reorg_takes_back_counts_no_longer(bridge: Devnet, tmp_path: Path) -> None:
    alpha, _, gamma = bridge.chains
    others = partial(fill, bridge, alpha, gamma, 2)
    async with Receiver() as webhook:
        setup = Setup((alpha, gamma), {"machines": webhook}, execute="PT1H", finality=1000)
        config = await config_with(tmp_path, setup, table("ours", gamma.accounts.routers[1], 2))
        async with Monitor(config) as monitor:
            await watches(monitor)
            before = await silent(webhook, "ours", others)
            filled = await fill_with_second(bridge, alpha, gamma)
            ended = await webhook.gets("alert.resolved", KIND, "ours")
            assert (ended.alert["id"], ended.alert["resolution"]) == (before, "filling")
            await gamma.take_back(filled.block_number)
            again = await silent(webhook, "ours", others, times=2)
    assert again != before
    assert await last_fills(tmp_path, bridge) == [None, None]


async def last_fills(folder: Path, bridge: Devnet) -> list[int | None]:
    """When the router filled last, as each of its alerts says."""
    names = {DomainId(chain.domain_id): chain.name for chain in bridge.chains}
    store = await open_store(folder / "connext-monitor.db", names)
    try:
        return [ROUTER_SILENT.details_of(row.alert).last_fill for row, _ in await store.alerts.listed(None, limit=10)]
    finally:
        await store.close()


async def test_nothing_is_said_of_routers_on_a_chain_until_it_is_seen(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, gamma = bridge.chains
    elsewhere, ours = gamma.accounts.routers
    balance = "routerBalances(address,address)"
    has = await gamma.view(gamma.contract, "uint256", balance, ours, gamma.token)
    least = f"[routers.ours.min_liquidity.gamma]\n{gamma.token} = {has // 10**18}"
    only_beta = 'pathways = [{ origin = "alpha", destination = "beta" }]'
    tables = table("ours", ours, 1), least, table("elsewhere", elsewhere, 1, only_beta)
    others = partial(go_slow, bridge, alpha, beta, 1)
    async with Receiver() as webhook, Proxy(gamma.http_url) as proxy:
        hooks, behind = {"machines": webhook}, {"gamma": [proxy.ws_url]}
        setup = Setup(bridge.chains, hooks, "PT1H", unobserved_after="PT4S", finality=1000, endpoints=behind)
        async with Monitor(await config_with(tmp_path, setup, *tables)) as monitor:
            await monitor.ready()
            await proxy.stop()
            unseen = await remove_liquidity(gamma, ours, 10**18)
            await webhook.gets("alert.opened", "chain_unobserved", "gamma")
            await silent(webhook, "elsewhere", others)
            assert await of_routers(monitor) == [(KIND, "elsewhere")]  # ours may be filling on gamma
            await proxy.start()
            await silent(webhook, "ours", others)
            subject = f"ours/gamma/{gamma.token}"
            dry = await webhook.gets("alert.opened", "router_liquidity_low", subject)
            await gamma.take_back(unseen.block_number)
            refilled = await webhook.gets("alert.resolved", "router_liquidity_low", subject)
    assert (refilled.alert["id"], refilled.alert["resolution"]) == (dry.alert["id"], "refilled")
    assert await gamma.view(gamma.contract, "uint256", balance, ours, gamma.token) == has
