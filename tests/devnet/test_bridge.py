"""The diamonds are the real ones: their events, ids, nonces and statuses are what the monitor will meet."""

import asyncio
from typing import Any

import pytest
from eth_abi.abi import decode
from eth_utils.crypto import keccak

from scripts.devnet import Chain, Devnet, DevnetError, Receipt, TransferInfo
from scripts.devnet.contracts import EXECUTE_ARGS, EXECUTED, RECONCILED, TRANSFER_INFO, XCALLED, ZERO_ADDRESS

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOKENS = 7 * 10**18


async def logs_of(chain: Chain, transfer_id: str) -> list[dict[str, Any]]:
    criteria = {"address": chain.contract, "fromBlock": "0x0", "topics": [None, transfer_id]}
    logs: list[dict[str, Any]] = await chain.rpc("eth_getLogs", [criteria])
    return logs


async def kinds(chain: Chain, transfer_id: str) -> list[bytes]:
    ours = {XCALLED, EXECUTED, RECONCILED}
    topics = [bytes.fromhex(log["topics"][0][2:]) for log in await logs_of(chain, transfer_id)]
    return [topic for topic in topics if topic in ours]


def executed_args(receipt: Receipt, chain: Chain) -> tuple[Any, ...]:
    (log,) = [log for log in receipt.logs if log.topics[0] == EXECUTED and log.address == chain.contract]
    args, *_ = decode([EXECUTE_ARGS, "address", "uint256", "address"], log.data)
    return tuple(args)


async def test_the_topics_are_those_of_the_published_contracts() -> None:
    assert XCALLED.hex() == "ed8e6ba697dd65259e5ce532ac08ff06d1a3607bcec58f8f0937fe36a5666c54"
    assert EXECUTED.hex() == "0b07a8b0b083f8976b3c832b720632f49cb8ba1e7a99e1b145f51a47d3391cb7"
    assert RECONCILED.hex() == "30bf44531c04b96173a40012c90db840a147cf7d50a3e160f5227f1af2faa3a0"


async def test_the_chains_can_be_told_apart_by_everything(devnet: Devnet) -> None:
    alpha, beta = devnet.chains
    assert (alpha.name, beta.name) == ("alpha", "beta")
    assert (alpha.chain_id, beta.chain_id) == (31337, 31338)
    assert (alpha.domain_id, beta.domain_id) == (1001, 1002)
    assert alpha.contract != beta.contract
    assert alpha.ws_url != beta.ws_url


async def test_the_transfer_id_is_the_hash_of_the_params_in_xcalled(devnet: Devnet) -> None:
    alpha, beta = devnet.chains
    transfer = await devnet.xcall(alpha, beta, amount=TOKENS, call_data=b"\x01\x02\x03", slippage=42)
    (log,) = await logs_of(alpha, transfer.transfer_id)
    start = int(log["data"][2:66], 16)  # the TransferInfo is dynamic: its place stands in the first word
    assert start == 160
    assert "0x" + transfer.params.transfer_id.hex() == transfer.transfer_id == log["topics"][1]
    assert transfer.params.slippage == 42
    assert transfer.params.call_data == b"\x01\x02\x03"
    assert keccak(transfer.message_body).hex() == transfer.message_hash[2:]


async def test_a_fast_transfer_is_executed_then_completed(devnet: Devnet) -> None:
    alpha, beta = devnet.chains
    transfer = await devnet.xcall(alpha, beta, amount=TOKENS)
    assert await devnet.status(transfer) == 0
    executed = await devnet.execute_fast(transfer)
    assert await devnet.status(transfer) == 2
    await devnet.reconcile(transfer)
    assert await devnet.status(transfer) == 3
    assert await kinds(alpha, transfer.transfer_id) == [XCALLED]
    assert await kinds(beta, transfer.transfer_id) == [EXECUTED, RECONCILED]
    params, routers, *_ = executed_args(executed, beta)
    assert TransferInfo(*params) == transfer.params
    assert [router.lower() for router in routers] == [beta.accounts.routers[0].lower()]


async def test_a_slow_transfer_is_reconciled_then_completed(devnet: Devnet) -> None:
    alpha, beta = devnet.chains
    transfer = await devnet.xcall(beta, alpha, amount=TOKENS)
    await devnet.reconcile(transfer)
    assert await devnet.status(transfer) == 1
    executed = await devnet.execute_slow(transfer)
    assert await devnet.status(transfer) == 3
    assert await kinds(beta, transfer.transfer_id) == [XCALLED]
    assert await kinds(alpha, transfer.transfer_id) == [RECONCILED, EXECUTED]
    assert executed_args(executed, alpha)[1] == ()


@pytest.mark.parametrize("fast", [True, False])
async def test_a_transfer_without_an_asset_goes_both_paths(devnet: Devnet, fast: bool) -> None:
    alpha, beta = devnet.chains
    transfer = await devnet.xcall(alpha, beta)
    assert (transfer.asset, transfer.amount) == (ZERO_ADDRESS, 0)
    steps = [devnet.execute_fast, devnet.reconcile] if fast else [devnet.reconcile, devnet.execute_slow]
    for step in steps:
        await step(transfer)
    assert await devnet.status(transfer) == 3


async def test_the_recipient_gets_the_amount_less_the_routers_fee(devnet: Devnet) -> None:
    alpha, beta = devnet.chains
    recipient = "0x" + "ab" * 20
    await devnet.execute_fast(await devnet.xcall(alpha, beta, amount=TOKENS, to=recipient), routers=2)
    assert await beta.view(beta.token, "uint256", "balanceOf(address)", recipient) == TOKENS * 9995 // 10000


async def test_every_xcall_takes_the_nonce_that_the_diamond_said_is_next(devnet: Devnet) -> None:
    alpha, beta = devnet.chains
    before = await alpha.nonce()
    transfers = [await devnet.xcall(alpha, beta, amount=amount) for amount in (0, 5, 0)]
    assert [transfer.nonce for transfer in transfers] == [before, before + 1, before + 2]
    assert await alpha.nonce() == before + 3


async def test_many_transfers_at_once_disturb_each_other_not(devnet: Devnet) -> None:
    alpha, beta = devnet.chains
    before = await alpha.nonce()
    transfers = await asyncio.gather(*(devnet.xcall(alpha, beta, amount=amount) for amount in range(20)))
    await asyncio.gather(*map(devnet.execute_fast, transfers))
    await asyncio.gather(*map(devnet.reconcile, transfers))
    assert sorted(transfer.nonce for transfer in transfers) == list(range(before, before + 20))
    assert {await devnet.status(transfer) for transfer in transfers} == {3}


async def test_calldata_that_fails_reverts_the_fast_path_and_not_the_slow(devnet: Devnet) -> None:
    alpha, beta = devnet.chains
    transfer = await devnet.xcall(alpha, beta, to=beta.token, call_data=b"\xde\xad\xbe\xef")
    with pytest.raises(DevnetError, match="BridgeFacet__execute_externalCallFailed"):
        await devnet.execute_fast(transfer)
    await devnet.reconcile(transfer)
    await devnet.execute_slow(transfer)
    assert await devnet.status(transfer) == 3


async def test_a_second_execute_is_refused_in_the_contracts_own_words(devnet: Devnet) -> None:
    alpha, beta = devnet.chains
    transfer = await devnet.xcall(alpha, beta)
    await devnet.execute_fast(transfer)
    with pytest.raises(DevnetError, match="beta would revert: BridgeFacet__execute_badFastLiquidityStatus"):
        await devnet.execute_fast(transfer)


async def test_a_receipt_says_where_its_block_stands(devnet: Devnet) -> None:
    alpha, beta = devnet.chains
    transfer = await devnet.xcall(alpha, beta)
    block = await alpha.rpc("eth_getBlockByNumber", [hex(transfer.block_number), False])
    assert (block["hash"], int(block["timestamp"], 16)) == (transfer.block_hash, transfer.timestamp)
    assert transfer.tx_hash in block["transactions"]


async def test_xcalled_decodes_as_declared(devnet: Devnet) -> None:
    alpha, beta = devnet.chains
    transfer = await devnet.xcall(beta, alpha, amount=TOKENS)
    (log,) = await logs_of(beta, transfer.transfer_id)
    types = [TRANSFER_INFO, "address", "uint256", "address", "bytes"]
    params, asset, amount, local, body = decode(types, bytes.fromhex(log["data"][2:]))
    assert TransferInfo(*params) == transfer.params
    assert (asset, amount, local) == (beta.token.lower(), TOKENS, beta.token.lower())
    assert body == transfer.message_body
    assert int(log["topics"][2], 16) == transfer.nonce
