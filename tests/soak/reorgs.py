"""Shallow reorgs, as chains have them every day: what stood in replaced blocks is mined again after them."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from eth_utils.address import to_checksum_address

from scripts.devnet import Chain
from scripts.devnet.errors import RpcError

_APART: Final = (15.0, 75.0)
"""Seconds between two reorgs of a chain: at least, and at most."""
_DEPTHS: Final = {1: 70, 2: 20, 3: 10}
"""How many of a hundred replace so many blocks; none is as deep as the blocks that count as final."""


@dataclass(frozen=True, slots=True, order=True)
class Reorg:
    """The last ``depth`` blocks of a chain are replaced, ``at`` so many seconds after the run began."""

    at: float
    chain: str
    depth: int

    def __str__(self) -> str:
        return f"{self.chain}'s last {self.depth} blocks are replaced"


def plan_reorgs(chance: Random, seconds: float, chains: Sequence[str]) -> list[Reorg]:
    """All reorgs of a run, in order."""
    reorgs = []
    for chain in chains:
        at = chance.uniform(*_APART)
        while at < seconds:
            (depth,) = chance.choices(list(_DEPTHS), weights=list(_DEPTHS.values()))
            reorgs.append(Reorg(at, chain, depth))
            at += chance.uniform(*_APART)
    return sorted(reorgs)


async def replace_blocks(chain: Chain, depth: int) -> None:
    """Replace the last ``depth`` blocks by empty ones; their transactions are mined again after them, in order."""
    async with chain.sending:
        await chain.pause_mining()
        try:
            head = await chain.head()
            numbers = range(head - depth + 1, head + 1)
            blocks = [await chain.rpc("eth_getBlockByNumber", [hex(number), True]) for number in numbers]
            await chain.reorg(depth)
            for transaction in (mined for block in blocks for mined in block["transactions"]):
                await _send_again(chain, transaction)
        finally:
            await chain.resume_mining()


async def _send_again(chain: Chain, transaction: dict[str, Any]) -> None:
    same = ("from", "to", "value", "gas", "nonce", "maxFeePerGas", "maxPriorityFeePerGas")
    # The node signs for its own accounts as it did before, so that the transaction's hash stays.
    await chain.impersonate(to_checksum_address(transaction["from"]))
    again = {name: transaction[name] for name in same if transaction.get(name) is not None}
    try:
        await chain.rpc("eth_sendTransaction", [again | {"data": transaction["input"]}])
    except RpcError as error:
        # Anvil itself puts a transaction of a replaced block back where nothing else has taken its turn.
        if "already" not in str(error) and "nonce too low" not in str(error):
            raise
