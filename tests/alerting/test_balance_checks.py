"""What a router has by the contract, beside what its book came to after the same block."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connext_monitor.alerting.balance_checks import BalanceChecks
from connext_monitor.core.events import Address, BlockNumber, BlockRef, Hash32, Timestamp
from connext_monitor.core.router_balances import CoveredBalances
from connext_monitor.core.router_checks import BalanceCheck, RouterChecks
from connext_monitor.core.transfer import Provenance
from connext_monitor.store.store import Store
from tests.world.bridge import bridge_record, read_in
from tests.world.databases import open_store
from tests.world.recording import NAMES, put
from tests.world.transfers import ALPHA, ROUTER, sighting

LOCAL, OTHER = Address(b"\x09" * 20), Address(b"\x0e" * 20)
BOOK = (ROUTER, ALPHA, LOCAL)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path / "monitor.db", NAMES)
    yield opened
    await opened.close()


@pytest.fixture
async def checks(store: Store) -> RouterChecks:
    for block, amount in ((3, 1_000), (5, 20)):
        added = bridge_record(
            "RouterLiquidityAdded", sighting(block), domain=ALPHA, router=ROUTER, local=LOCAL, amount=amount,
            tx_hash=Hash32(bytes([block]) * 32),
        )  # fmt: skip
        await put(store, read_in(Provenance.COVERED, added))
    return RouterChecks()


@pytest.mark.parametrize(("number", "balance", "difference"), [(4, 1_000, 0), (4, 999, -1), (5, 1_020, 0), (2, 7, 7)])
async def test_a_balance_is_compared_with_the_book_at_its_block(
    store: Store, checks: RouterChecks, number: int, balance: int, difference: int
) -> None:
    block = BlockRef(BlockNumber(number), Hash32(bytes(32)), Timestamp(1_700_000_000))
    await BalanceChecks(store.bridge, checks).compare(ALPHA, [(ROUTER, LOCAL)], CoveredBalances(block, (balance,)))
    assert checks.of(BOOK) == BalanceCheck(block, balance, difference)


async def test_a_router_without_a_book_is_compared_with_nothing(store: Store, checks: RouterChecks) -> None:
    block = BlockRef(BlockNumber(9), Hash32(bytes(32)), Timestamp(1_700_000_000))
    holdings = [(ROUTER, LOCAL), (OTHER, LOCAL)]
    await BalanceChecks(store.bridge, checks).compare(ALPHA, holdings, CoveredBalances(block, (1_020, 5)))
    check = checks.of((OTHER, ALPHA, LOCAL))
    assert check is not None
    assert (check.difference, set(checks.checked)) == (5, {BOOK, (OTHER, ALPHA, LOCAL)})
