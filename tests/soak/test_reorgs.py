"""Reorgs of a soak: drawn from a seed, and made on a real chain."""

from random import Random

import pytest

from scripts.devnet import Chain
from tests.faults import truth
from tests.soak.reorgs import plan_reorgs, replace_blocks
from tests.world.made_bridge import made_bridge

HOUR = 3600.0


def drawn(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - choices of a test


def test_the_same_seed_plans_the_same_reorgs() -> None:
    assert plan_reorgs(drawn(1), HOUR, ["alpha"]) == plan_reorgs(drawn(1), HOUR, ["alpha"])
    assert plan_reorgs(drawn(1), HOUR, ["alpha"]) != plan_reorgs(drawn(2), HOUR, ["alpha"])


@pytest.mark.parametrize("seed", range(20))
def test_an_hour_has_many_reorgs_of_every_depth(seed: int) -> None:
    reorgs = plan_reorgs(drawn(seed), HOUR, ["alpha", "beta"])
    assert len(reorgs) > 100
    assert {reorg.depth for reorg in reorgs} == {1, 2, 3}
    assert all(0 < reorg.at < HOUR for reorg in reorgs)


async def test_what_stood_in_replaced_blocks_is_mined_again() -> None:
    async with made_bridge(block_time=None) as bridge:
        alpha, beta = bridge.chains
        firsts = {chain.name: await chain.head() + 1 for chain in bridge.chains}
        transfer = await bridge.xcall(alpha, beta, amount=5)
        await bridge.execute_fast(transfer)
        await bridge.reconcile(transfer)
        for chain, depth in ((alpha, 1), (beta, 2)):
            before = await standing(chain, firsts[chain.name])
            await replace_blocks(chain, depth)
            await chain.mine()
            after = await standing(chain, firsts[chain.name])
            assert {(event.kind, event.transfer_id) for event in after} == {
                (event.kind, event.transfer_id) for event in before
            }
            assert {event.block_hash for event in after}.isdisjoint(event.block_hash for event in before)


async def standing(chain: Chain, first: int) -> set[truth.Event]:
    return await truth.standing(chain, first)
