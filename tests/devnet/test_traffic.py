"""The traffic does what it says, and what gets stuck is stuck in the way that was asked for."""

import asyncio
import random
from dataclasses import replace

import pytest
from eth_abi.abi import decode

from scripts.devnet import Chain, Devnet, TransferInfo
from scripts.devnet.administration import pause, unpause
from scripts.devnet.contracts import TRANSFER_INFO, XCALLED
from scripts.devnet.traffic import Fate, Pace, choose, traffic
from tests.world.made_bridge import made_bridge
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUICK = Pace(every=0.01, step=0.02, late_after=0.3)


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - choices of a test


async def xcalled(chain: Chain, since: int) -> list[TransferInfo]:
    criteria = {"address": chain.contract, "fromBlock": hex(since), "topics": ["0x" + XCALLED.hex()]}
    logs = await chain.rpc("eth_getLogs", [criteria])
    return [TransferInfo(*decode([TRANSFER_INFO], bytes.fromhex(log["data"][2:]))[0]) for log in logs]


async def run(devnet: Devnet, *, count: int, stuck: tuple[Fate, ...] = ()) -> tuple[list[str], list[int]]:
    """What was said, and the final status of each transfer."""
    heads = {chain: await chain.head() + 1 for chain in devnet.chains}
    lines: list[str] = []
    await traffic(devnet, rng=seeded(7), pace=QUICK, stuck=stuck, count=count, say=lines.append)
    statuses = []
    for chain, since in heads.items():
        for params in await xcalled(chain, since):
            (destination,) = [other for other in devnet.chains if other.domain_id == params.destination_domain]
            status = "transferStatus(bytes32)"
            statuses.append(await destination.view(destination.contract, "uint8", status, params.transfer_id))
    return lines, sorted(statuses)


async def test_what_is_not_stuck_is_completed(devnet: Devnet) -> None:
    lines, statuses = await run(devnet, count=8)
    assert statuses == [3] * 8
    assert len(lines) == 24


@pytest.mark.parametrize(
    ("fate", "status", "steps"), [(Fate.NEVER_EXECUTED, 1, 2), (Fate.NEVER_RECONCILED, 2, 2), (Fate.LATE, 3, 3)]
)
async def test_a_stuck_one_stays_where_it_was_asked_to(devnet: Devnet, fate: Fate, status: int, steps: int) -> None:
    lines, statuses = await run(devnet, count=1, stuck=(fate,))
    assert statuses == [status]
    assert len(lines) == steps


async def test_where_no_router_acts_transfers_take_the_slow_path(devnet: Devnet) -> None:
    stopped = [(router, chain) for chain in devnet.chains for router in chain.accounts.routers]
    for router, chain in stopped:
        devnet.stop(router, on=chain)
    try:
        lines, statuses = await run(devnet, count=3)
    finally:
        for router, chain in stopped:
            devnet.resume(router, on=chain)
    assert statuses == [3, 3, 3]
    assert sum("(slow)" in line for line in lines) == 3


async def test_to_a_paused_chain_transfers_take_the_slow_path_and_wait(devnet: Devnet) -> None:
    lines: list[str] = []
    (origin, paused), pace = devnet.chains[:2], replace(QUICK, every=0.0)
    await pause(paused)
    try:
        making = asyncio.create_task(
            traffic(devnet, rng=seeded(3), pace=pace, stuck=(Fate.FAST,) * 6, count=6, say=lines.append)
        )
        there = f"{origin.name} → {paused.name}"
        await until(lambda: any(line.startswith(there) and "reconciled" in line for line in lines))
        assert not any(line.startswith(there) and "executed" in line for line in lines)
    finally:
        await unpause(paused)
    await making
    arrived = [line for line in lines if line.startswith(there) and "xcalled" in line]
    assert sum(line.startswith(there) and "(slow)" in line for line in lines) == len(arrived) > 0


async def test_beside_those_that_are_stuck_the_others_go_on(devnet: Devnet) -> None:
    lines, statuses = await run(devnet, count=5, stuck=(Fate.NEVER_EXECUTED, Fate.NEVER_RECONCILED))
    assert statuses == [1, 2, 3, 3, 3]
    assert sum("will never be executed" in line for line in lines) == 1
    assert sum("will never be reconciled" in line for line in lines) == 1


async def test_traffic_has_every_kind(devnet: Devnet) -> None:
    rng = seeded(1)
    plans = [choose(devnet.chains, rng) for _ in range(100)]
    assert {plan.fate for plan in plans} == {Fate.FAST, Fate.SLOW}
    assert {plan.origin for plan in plans} == set(devnet.chains)
    assert {plan.amount == 0 for plan in plans} == {True, False}
    assert all(plan.origin is not plan.destination for plan in plans)


async def test_the_same_seed_makes_the_same_choices(devnet: Devnet) -> None:
    first, second = seeded(3), seeded(3)
    assert [choose(devnet.chains, first) for _ in range(20)] == [choose(devnet.chains, second) for _ in range(20)]


async def test_a_step_that_fails_is_told_and_the_rest_goes_on() -> None:
    lines: list[str] = []
    async with made_bridge(block_time=None) as devnet:
        await devnet.chains[1].kill()
        await traffic(devnet, rng=seeded(1), pace=QUICK, count=6, say=lines.append)
    assert any("beta → alpha: no xcall:" in line for line in lines)
    assert any("goes no further:" in line for line in lines)
