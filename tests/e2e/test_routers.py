"""Routers that somebody answers for, on the real contracts."""

from pathlib import Path

import pytest

from scripts.devnet import Devnet
from scripts.devnet.administration import add_liquidity, remove_liquidity
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
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
