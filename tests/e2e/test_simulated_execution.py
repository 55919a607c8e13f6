"""Why what real diamonds have reconciled is not executed, as they answer a simulation of it."""

from pathlib import Path

import pytest

from scripts.devnet import Devnet, Transfer
from scripts.devnet.administration import deploy_reverting
from scripts.devnet.contracts import call
from scripts.devnet.transaction import Transaction
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOKENS = 3 * 10**18
LATER_LOOK = 150.0
"""Seconds that cover two looks at open alerts: on a busy machine, the answer may be too late for the opening."""


async def test_an_alert_says_why_what_is_reconciled_is_not_executed(bridge: Devnet, tmp_path: Path) -> None:
    alpha, _, gamma = bridge.chains
    relayer, spoke = gamma.accounts.relayer, gamma.diamond.spoke
    receiver = await deploy_reverting(gamma, call("Error(string)", "not today"))
    async with Receiver() as webhook:
        config = await write_config(Setup((alpha, gamma), {"machines": webhook}, execute="PT1S"), tmp_path)
        async with Monitor(config) as monitor:
            await monitor.ready()
            done = await bridge.execute_fast(await bridge.xcall(alpha, gamma))
            await monitor.covers("gamma", done.timestamp)
            bridge.stop(relayer, on=gamma)
            await gamma.pause_mining()
            plain = await bridge.xcall(alpha, gamma)
            failing = await bridge.xcall(alpha, gamma, to=receiver, call_data=b"\x01")
            unfunded = await bridge.xcall(alpha, gamma, amount=TOKENS)
            await monitor.covers("alpha", unfunded.timestamp)
            held = await gamma.view(gamma.token, "uint256", "balanceOf(address)", gamma.contract)
            # All in the first block in which a leg can be seen to be late: what was minted for the last one is gone.
            burn = call("burn(address,uint256)", gamma.contract, held + unfunded.params.bridged_amount)
            orders = [bridge.reconciliation(transfer) for transfer in (plain, failing, unfunded)]
            await gamma.send_block([*orders, Transaction(spoke, gamma.token, burn)])
            await gamma.resume_mining()
            try:
                for transfer, words in (
                    (plain, "would succeed: no relayer has executed it."),
                    (failing, 'although the call to its recipient would fail: "not today".'),
                    (unfunded, 'would revert: "ERC20: transfer amount exceeds balance".'),
                ):
                    await says(monitor, transfer, words)
            finally:
                mint = call("mint(address,uint256)", gamma.contract, held + unfunded.params.bridged_amount)
                await gamma.send(Transaction(gamma.diamond.owner, gamma.token, mint))
                bridge.resume(relayer, on=gamma)
            await bridge.execute_slow(plain)
            ended = (await webhook.gets("alert.resolved", "execute_overdue", plain.transfer_id)).alert["text"]
            assert "would have succeeded: no relayer had executed it." in ended


async def says(monitor: Monitor, transfer: Transfer, words: str) -> None:
    """Wait until the alert about a late execution says this."""
    texts: list[str] = []

    async def has_said() -> bool:
        _, answer = await monitor.get("/api/v1/alerts")
        texts[:] = [alert["text"] for alert in answer["items"] if alert["subject"] == transfer.transfer_id]
        return any(text.endswith(words) for text in texts)

    await until(has_said, LATER_LOOK, lambda: (texts, monitor.said))
