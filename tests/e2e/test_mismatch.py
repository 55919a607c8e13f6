"""A diamond that says it delivered what was never sent so: no honest one can, so its code is replaced for a moment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from eth_abi.abi import encode as abi_encode

from scripts.devnet import Chain, Devnet, Transfer
from scripts.devnet.contracts import EXECUTE_ARGS, EXECUTED, ZERO_ADDRESS, word
from scripts.devnet.transaction import Receipt, Transaction
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Emits n LOG4 from its calldata: n | first transfer id | topic0 | topic2 | topic3 | data.
EMITTER = "0x60a036038060a05f375f5b805f35146029576080356060358260203501604035855fa4600101600a565b00"


@asynccontextmanager
async def possessed(chain: Chain) -> AsyncIterator[None]:
    """Its diamond is another contract meanwhile; honest again in the end, even where a reorg goes back into this."""
    honest = await chain.rpc("eth_getCode", [chain.contract, "latest"])
    await chain.rpc("anvil_setCode", [chain.contract, EMITTER])
    try:
        yield
    finally:
        await chain.rpc("anvil_setCode", [chain.contract, honest])


async def say_executed(transfer: Transfer, to: str) -> Receipt:
    """Have the destination's diamond emit an Executed of this id that pays somebody else, and more."""
    chain = transfer.destination
    params = transfer.params._replace(to=to, bridged_amount=10**24)
    data = abi_encode(
        [EXECUTE_ARGS, "address", "uint256", "address"], [(params, [], [], ZERO_ADDRESS, b""), chain.token, 10**24, to]
    )
    topics = [bytes.fromhex(transfer.transfer_id[2:]), EXECUTED, word(to), word(chain.token)]
    calldata = (1).to_bytes(32) + b"".join(topics) + data
    return await chain.send(Transaction(chain.accounts.user, chain.contract, "0x" + calldata.hex()))


async def test_a_mismatched_delivery_is_alerted_once_and_resolved_by_a_reorg(bridge: Devnet, tmp_path: Path) -> None:
    beta, _, gamma = bridge.chains
    thief = gamma.accounts.deployer
    async with Receiver() as webhook:
        setup = Setup(
            (beta, gamma),
            {"machines": webhook},
            execute="PT1H",
            reconcile="PT2H",
            unobserved_after="PT8S",
            finality=1000,
        )
        config = await write_config(setup, tmp_path)
        async with possessed(gamma):
            async with Monitor(config) as monitor:
                await monitor.ready()
                sent = await bridge.xcall(beta, gamma, amount=10**18)
                await monitor.knows(sent, "XCalled")
                lie = await say_executed(sent, thief)
                opened = (await webhook.gets("alert.opened", "delivery_mismatch", sent.transfer_id)).alert
                assert opened["severity"] == "critical"
                assert "what it delivered does not hash to the transfer's id" in opened["text"]
                assert "It differs from what was sent in its recipient, amount." in opened["text"]
                await monitor.knows(sent, "XCalled")
            # Read again after a restart, it is the same alert.
            async with Monitor(config) as monitor:
                await monitor.ready()
                await monitor.covers("gamma", lie.timestamp)
                assert webhook.about(sent.transfer_id) == [("alert.opened", "delivery_mismatch")]
                await gamma.take_back(lie.block_number)
                resolved = (await webhook.gets("alert.resolved", "delivery_mismatch", sent.transfer_id)).alert
                assert (resolved["resolution"], resolved["id"]) == ("reorged", opened["id"])
                alerts = [(kind, state) for kind, about, state in await monitor.alerts() if about == sent.transfer_id]
                assert alerts == [("delivery_mismatch", "resolved")]
