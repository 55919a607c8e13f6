"""What tests may do to a chain: reorgs, its clock, stopping and starting it."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from scripts.devnet import Chain, Devnet, DevnetError
from tests.soak.reorgs import replace_blocks

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair() -> AsyncIterator[Devnet]:
    async with Devnet.start(block_time=None) as running:
        yield running


async def block_hash(chain: Chain, number: int) -> str:
    block = await chain.rpc("eth_getBlockByNumber", [hex(number), False])
    return str(block["hash"])


async def latest_timestamp(chain: Chain) -> int:
    block = await chain.rpc("eth_getBlockByNumber", ["latest", False])
    return int(block["timestamp"], 16)


async def test_a_reorg_takes_the_xcall_back_and_keeps_the_height(pair: Devnet) -> None:
    alpha, beta = pair.chains
    await alpha.mine(2)
    transfer = await pair.xcall(alpha, beta)
    height = await alpha.head()
    await alpha.reorg(1)
    assert await alpha.head() == height
    assert await block_hash(alpha, transfer.block_number) != transfer.block_hash
    assert await alpha.nonce() == transfer.nonce


async def test_a_reorg_while_a_block_is_mined_leaves_no_gap(pair: Devnet) -> None:
    alpha, _ = pair.chains
    sender, receiver = alpha.accounts.user, alpha.accounts.recipient
    await alpha.mine(2)
    await alpha.pause_mining()
    try:
        for _ in range(300):
            await alpha.rpc("eth_sendTransaction", [{"from": sender, "to": receiver, "value": "0x1", "gas": "0x5208"}])
        first = await alpha.head()
        await asyncio.gather(alpha.mine(), alpha.reorg(1))
        hashes = [await block_hash(alpha, number) for number in range(first - 1, await alpha.head() + 1)]
    finally:
        await alpha.resume_mining()
    assert len(set(hashes)) == len(hashes)


async def test_the_same_xcall_after_a_reorg_keeps_its_id(pair: Devnet) -> None:
    alpha, beta = pair.chains
    first = await pair.xcall(alpha, beta, amount=5)
    await alpha.reorg(1)
    again = await pair.xcall(alpha, beta, amount=5)
    assert again.transfer_id == first.transfer_id
    assert again.block_hash != first.block_hash


async def test_a_receipt_is_awaited_again_when_its_block_is_replaced(
    pair: Devnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = pair.chains
    ask = alpha.anvil.rpc
    replaced: list[str] = []

    async def rpc(method: str, params: Sequence[object] = ()) -> Any:
        answer = await ask(method, params)
        if method == "eth_getTransactionReceipt" and answer is not None and not replaced:
            replaced.append(answer["blockHash"])
            await replace_blocks(alpha, 1)
            await alpha.mine()  # nothing mines what waited when mining went on
        return answer

    monkeypatch.setattr(alpha.anvil, "rpc", rpc)
    transfer = await pair.xcall(alpha, beta, amount=6)
    assert [transfer.block_hash] != replaced
    assert transfer.block_hash == await block_hash(alpha, transfer.block_number)


async def test_the_clock_is_right_after_a_reorg(pair: Devnet) -> None:
    alpha, _ = pair.chains
    await alpha.set_clock(int(time.time()) - 5000)
    await alpha.mine()
    await alpha.set_clock(int(time.time()))
    await alpha.mine(2)
    await alpha.reorg(2)  # anvil's own clock would go on from the block before, 5000 s ago
    await alpha.mine()
    assert abs(await latest_timestamp(alpha) - time.time()) < 100


async def test_a_block_is_stamped_as_asked(pair: Devnet) -> None:
    _, beta = pair.chains
    timestamp = int(time.time()) + 1000
    await beta.set_block_timestamp(timestamp)
    await beta.mine()
    assert await latest_timestamp(beta) == timestamp
    await beta.set_clock(int(time.time()) + 2000)


async def test_without_mining_a_transaction_waits(pair: Devnet) -> None:
    alpha, beta = pair.chains
    await alpha.pause_mining()
    waiting = asyncio.create_task(pair.xcall(alpha, beta))
    async with asyncio.timeout(60):
        while int((await alpha.rpc("txpool_status"))["pending"], 16) == 0:  # noqa: ASYNC110 - the node sets no event
            await asyncio.sleep(0.02)
    assert not waiting.done()
    await alpha.mine()
    assert (await waiting).block_number == await alpha.head()
    await alpha.resume_mining()


async def test_a_killed_chain_comes_back_with_its_port_and_state(pair: Devnet) -> None:
    alpha, beta = pair.chains
    transfer = await pair.xcall(alpha, beta, amount=9)
    before = (await alpha.head(), await alpha.nonce(), alpha.http_url, alpha.process.pid)
    await alpha.kill()
    with pytest.raises(DevnetError):
        await alpha.head()
    await alpha.restart()
    assert (await alpha.head(), await alpha.nonce(), alpha.http_url) == before[:3]
    assert alpha.process.pid != before[3]
    assert await block_hash(alpha, transfer.block_number) == transfer.block_hash
    (log,) = await alpha.rpc("eth_getLogs", [{"fromBlock": "0x0", "topics": [None, transfer.transfer_id]}])
    assert log["blockHash"] == transfer.block_hash


async def test_a_restarted_chain_answers_about_its_old_blocks(pair: Devnet) -> None:
    alpha, beta = pair.chains
    transfer = await pair.xcall(alpha, beta)
    await alpha.mine(3)
    await alpha.stop()
    await alpha.restart()
    at = {"to": alpha.contract, "data": "0xaffed0e0"}  # nonce()
    assert int(await alpha.rpc("eth_call", [at, hex(transfer.block_number - 1)]), 16) == transfer.nonce
    assert int(await alpha.rpc("eth_call", [at, hex(transfer.block_number)]), 16) == transfer.nonce + 1


async def test_a_reorg_of_blocks_from_before_a_restart_is_refused(pair: Devnet) -> None:
    alpha, beta = pair.chains
    await alpha.stop()
    await alpha.restart()
    nonce = await alpha.nonce()
    with pytest.raises(DevnetError, match="earlier blocks cannot be replaced"):
        await alpha.reorg(1)
    await pair.xcall(alpha, beta)
    await alpha.reorg(1)
    assert await alpha.nonce() == nonce


async def test_a_frozen_chain_accepts_connections_and_answers_nothing(pair: Devnet) -> None:
    alpha, _ = pair.chains
    alpha.freeze()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", alpha.anvil.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = asyncio.create_task(reader.read(1))
        await asyncio.wait([answer], timeout=0.3)
        silent = not answer.done()
    finally:
        alpha.thaw()
    assert await asyncio.wait_for(answer, 60) == b"H"
    writer.close()
    assert silent
    assert await alpha.head() > 0


async def test_with_a_block_time_blocks_come_by_themselves_and_on_time() -> None:
    async with Devnet.start(block_time=1) as devnet:
        alpha, beta = devnet.chains
        began = time.time()
        transfer = await devnet.xcall(alpha, beta)
        assert began - 2 < transfer.timestamp < time.time() + 2
        async with asyncio.timeout(60):
            while await alpha.head() < transfer.block_number + 2:  # noqa: ASYNC110 - the node sets no event
                await asyncio.sleep(0.1)
