"""What watches are told of a chain's pause and of its routers: real endpoints and a test's set answers say the same."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import pytest

from connext_monitor.core.events import Address, BlockNumber, BlockRef, Timestamp
from connext_monitor.core.router_balances import CoveredBalances, RouterAsset
from connext_monitor.observed_chain import ObservedChain
from tests.alerting.set_chains import BalancedChain, PausableChain, WatchedChain, block
from tests.monitoring.made_up_chain import GENESIS_TIME, hash_at
from tests.monitoring.querying import Answering, observed

HOLDINGS: list[RouterAsset] = [(Address(b"\x52" * 20), Address(bytes([number]) * 20)) for number in range(2)]
COVERED = 100


@asynccontextmanager
async def real_chain(answer: int, *refuses: str, covered: int | None = COVERED) -> AsyncIterator[ObservedChain]:
    """A chain with a loopback node that says this to every call, and has blocks up to 120."""
    node = Answering(120)
    node.status, node.refuses = "0x" + answer.to_bytes(32).hex(), refuses
    async with observed(node, covered) as (observer, queries, _):
        observer.state.caught_up = True
        yield ObservedChain(observer, queries)


class Pausable(Protocol):
    async def paused_when_covered(self, number: BlockNumber) -> bool | None: ...


@pytest.fixture(params=["set answers", "endpoints"])
def is_real(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "endpoints")


@asynccontextmanager
async def pausable(is_real: bool, paused: bool | None) -> AsyncIterator[Pausable]:
    """One that is covered up to block 100; nobody answers where ``paused`` is None."""
    if is_real:
        async with real_chain(int(paused or 0), *(("eth_call",) if paused is None else ())) as chain:
            yield chain
        return
    made_up = PausableChain(paused)
    made_up.covered = COVERED
    yield made_up


@pytest.mark.parametrize("paused", [True, False, None])
async def test_a_pause_is_answered_for_up_to_the_covered_block(is_real: bool, paused: bool | None) -> None:
    async with pausable(is_real, paused) as chain:
        assert await chain.paused_when_covered(BlockNumber(COVERED)) is paused
        assert await chain.paused_when_covered(BlockNumber(1)) is paused
        assert await chain.paused_when_covered(BlockNumber(COVERED + 1)) is None


class Bookkeeping(Protocol):
    @property
    def covered(self) -> BlockRef | None: ...

    async def router_balances(
        self, holdings: list[RouterAsset], earlier: BlockRef | None = None
    ) -> CoveredBalances | str: ...


@dataclass
class Books:
    """A chain with the same balance in each of its books, an earlier block of it that stands, and one that is gone."""

    chain: Bookkeeping
    standing: BlockRef
    gone: BlockRef


@asynccontextmanager
async def books(is_real: bool, balance: int | None, *, covered: bool = True) -> AsyncIterator[Books]:
    """Nobody answers where ``balance`` is None."""
    if is_real:
        height = BlockNumber(90)
        standing, gone = (BlockRef(height, hash_at(at), Timestamp(GENESIS_TIME + height)) for at in (90, 91))
        refused = ("eth_call",) if balance is None else ()
        async with real_chain(balance or 0, *refused, covered=COVERED if covered else None) as chain:
            yield Books(chain, standing, gone)
        return
    made_up = BalancedChain(balance or 0)
    made_up.covered = block(2) if covered else None
    made_up.trouble = "refused eth_call" if balance is None else None
    made_up.gone = {block(1, branch=1)}
    yield Books(made_up, block(1), block(1, branch=1))


async def test_balances_are_one_for_each_holding_after_the_covered_block(is_real: bool) -> None:
    async with books(is_real, 7) as kept:
        said = await kept.chain.router_balances(HOLDINGS)
        assert isinstance(said, CoveredBalances)
        assert (said.block, said.amounts, said.earlier_stands) == (kept.chain.covered, (7, 7), True)


async def test_an_earlier_block_stands_until_another_is_at_its_height(is_real: bool) -> None:
    async with books(is_real, 7) as kept:
        for earlier, stands in ((kept.standing, True), (kept.gone, False)):
            said = await kept.chain.router_balances(HOLDINGS, earlier)
            assert isinstance(said, CoveredBalances)
            assert said.earlier_stands is stands


@pytest.mark.parametrize(("balance", "covered"), [(None, True), (7, False)])
async def test_balances_that_nobody_knows_are_words(is_real: bool, balance: int | None, covered: bool) -> None:
    async with books(is_real, balance, covered=covered) as kept:
        said = await kept.chain.router_balances(HOLDINGS)
        assert isinstance(said, str)
        assert ("refused eth_call" in said) is (balance is None)
        assert (kept.chain.covered is not None) is covered


async def test_a_watched_chain_says_since_when_and_what_routers_have(is_real: bool) -> None:
    made_up = WatchedChain("here", GENESIS_TIME)
    made_up.cover(COVERED)
    made_up.began, made_up.balance = Timestamp(GENESIS_TIME + 1), 7
    async with real_chain(7) as real:
        chain = real if is_real else made_up
        assert await chain.watched_since() == GENESIS_TIME + 1
        said = await chain.router_balances(HOLDINGS)
        assert isinstance(said, CoveredBalances)
        assert (said.block.number, said.block.timestamp) == (COVERED, GENESIS_TIME + COVERED)
        assert (said.block, said.amounts) == (chain.covered, (7, 7))


async def test_a_watched_chain_that_is_not_covered_has_no_balances(is_real: bool) -> None:
    async with real_chain(7, covered=None) as real:
        chain = real if is_real else WatchedChain("here", GENESIS_TIME)
        assert isinstance(await chain.router_balances(HOLDINGS), str)
        assert chain.covered is None
