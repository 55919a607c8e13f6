"""Routers that pay out what was never sent: the real contracts let them, and the monitor says so."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode as abi_encode
from eth_utils.crypto import keccak

from scripts.devnet import Devnet, Transfer
from scripts.devnet.contracts import TRANSFER_INFO
from tests.e2e.monitor import Monitor, Setup, write_config
from tests.e2e.webhook import Receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")


def forged(transfer: Transfer, **changed: Any) -> Transfer:
    """A transfer that was never sent: like this one but for that."""
    params = transfer.params._replace(**changed)
    return replace(transfer, params=params, transfer_id="0x" + keccak(abi_encode([TRANSFER_INFO], [params])).hex())


async def test_deliveries_without_an_origin_are_told_and_true_ones_are_not(bridge: Devnet, tmp_path: Path) -> None:
    alpha, beta, _ = bridge.chains
    async with Receiver() as webhook:
        setup = Setup((alpha, beta), {"machines": webhook}, execute="PT1H", reconcile="PT2H", unobserved_after="PT8S")
        async with Monitor(await write_config(setup, tmp_path)) as monitor:
            await monitor.ready()
            honest = await bridge.xcall(alpha, beta)
            held = forged(honest, delegate=alpha.accounts.recipient)
            ahead = forged(honest, nonce=honest.nonce + 1000)
            await asyncio.gather(*map(bridge.execute_fast, (honest, held, ahead)))
            for phantom in (held, ahead):
                await webhook.gets("alert.opened", "phantom_delivery", phantom.transfer_id)
            assert {subject for _, _, subject in webhook.whats()} == {held.transfer_id, ahead.transfer_id}
            texts = {received.alert["subject"]: received.alert["text"] for received in webhook.received}
            assert f"its nonce {honest.nonce} belongs to another transfer there" in texts[held.transfer_id]
            assert f"nonce {honest.nonce + 1000} has not been assigned" in texts[ahead.transfer_id]
            await monitor.knows(honest, "Executed")
