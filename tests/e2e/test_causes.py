"""Why a transfer is late, as far as real contracts say so, in what the webhook is told."""

import asyncio
from pathlib import Path

import pytest

from scripts.devnet import Chain, Devnet
from scripts.devnet.contracts import TRANSFER_INFO, call
from scripts.devnet.transaction import Receipt, Transaction
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOKENS = 3 * 10**18
MILLI_ETHER = 10**15


async def order(chain: Chain, sender: str, data: str, value: int = 0) -> Receipt:
    return await chain.send(Transaction(sender, chain.contract, data, value))


async def has_waiting_transactions(chain: Chain, count: int) -> bool:
    return int((await chain.rpc("txpool_status"))["pending"], 16) == count


async def test_an_alert_says_what_is_known_of_its_cause(bridge: Devnet, tmp_path: Path) -> None:
    alpha, _, gamma = bridge.chains
    async with Receiver() as webhook:
        config = await write_config(Setup((alpha, gamma), {"machines": webhook}, execute="PT1S"), tmp_path)
        async with Monitor(config) as monitor:
            await monitor.ready()
            await gamma.pause_mining()
            # A token takes no xReceive, so no router can execute the second one, and its call fails on the slow path.
            plain = await bridge.xcall(alpha, gamma, amount=TOKENS, relayer_fee=MILLI_ETHER)
            failing = await bridge.xcall(alpha, gamma, to=gamma.token, call_data=b"\x01")
            raise_fee = call("bumpTransfer(bytes32)", bytes.fromhex(plain.transfer_id[2:]))
            slippage = call(f"forceUpdateSlippage({TRANSFER_INFO},uint256)", plain.params, 500)
            raised = await order(alpha, alpha.accounts.user, raise_fee, 2 * MILLI_ETHER)
            await monitor.covers("alpha", raised.timestamp)
            # They come in the first block in which a leg can be seen to be late.
            ordered = [
                asyncio.create_task(order(gamma, gamma.accounts.user, slippage)),
                asyncio.create_task(order(gamma, gamma.diamond.owner, call("pause()"))),
            ]
            await until(lambda: has_waiting_transactions(gamma, len(ordered)))
            await gamma.resume_mining()
            try:
                await asyncio.gather(*ordered)
                text = (await webhook.gets("alert.opened", "execute_overdue", plain.transfer_id)).alert["text"]
                other = (await webhook.gets("alert.opened", "execute_overdue", failing.transfer_id)).alert["text"]
            finally:
                await order(gamma, gamma.diamond.owner, call("unpause()"))
            for said in (text, other):
                assert "the bridge on gamma is paused" in said
                assert "no router has fronted the funds, and the slow path waits for its reconciliation" in said
            assert (
                "its relayer fee was raised once by 0.002 of the origin chain's native coin after it was sent" in text
            )
            assert "its slippage was changed from 3 % to 5 %" in text
            assert "relayer fee" not in other
            assert "slippage" not in other
            await bridge.reconcile(failing)
            await bridge.execute_slow(failing)
            ended = (await webhook.gets("alert.resolved", "execute_overdue", failing.transfer_id)).alert["text"]
            assert "the call to its recipient failed" in ended
            assert "the bridge on gamma was paused" in ended
