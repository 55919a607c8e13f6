"""A bridge that was kept is started again as it was, and goes on by today's time."""

import time
from pathlib import Path

from scripts.devnet import Devnet
from scripts.devnet.kept import keep


async def test_a_kept_bridge_is_the_one_that_was_made_and_works(tmp_path: Path) -> None:
    async with Devnet.start(block_time=None) as made:
        await keep(made.chains, tmp_path / "kept")
    async with Devnet.start(block_time=None, kept=tmp_path / "kept") as again:
        assert [(chain.chain_id, chain.diamond, chain.token) for chain in again.chains] == [
            (chain.chain_id, chain.diamond, chain.token) for chain in made.chains
        ]
        began = int(time.time())
        transfer = await again.xcall(*again.chains, amount=10**18)
        await again.execute_fast(transfer)
        reconciled = await again.reconcile(transfer)
        assert await again.status(transfer) == 3
        assert began <= reconciled.timestamp <= time.time() + len(again.chains)
