"""Routers that have less than they are to have, on a made-up chain and the real store."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connext_monitor.alerting.balance_checks import BalanceChecks
from connext_monitor.alerting.liquidity_watch import LiquidityWatch
from connext_monitor.clock import SystemClock
from connext_monitor.config import RouterConfig
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.kinds.router_liquidity_low import ROUTER_LIQUIDITY_LOW
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.events import Address, DomainId
from connext_monitor.core.router_checks import BalanceCheck, RouterChecks
from connext_monitor.core.token import Token
from connext_monitor.core.transfer import Provenance
from connext_monitor.store.store import Store
from tests.alerting.set_chains import BalancedChain, block
from tests.world.bridge import bridge_record, read_in
from tests.world.databases import open_store
from tests.world.desks import desk_on
from tests.world.recording import put
from tests.world.two_chains import NAMES, ORIGIN
from tests.world.waiting import running, until

ROUTER, ASSET = "0x" + "52" * 20, "0x" + "a5" * 20
LEAST = {"here": {ASSET: "2.5"}}
REMOVED: dict[str, Any] = {"to": bytes(20), "local": bytes(20), "key": bytes(32), "amount": 1, "caller": bytes(20)}
OURS = RouterConfig.model_validate({"name": "ours", "address": ROUTER, "min_liquidity": LEAST})


async def find_token(domain: DomainId, asset: Address) -> Token | None:
    assert (domain, asset.hex()) == (ORIGIN, ASSET[2:])
    return Token("nextUSDC", 6)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path / "monitor.db", NAMES)
    yield opened
    await opened.close()


def watch(
    store: Store,
    diamond: BalancedChain,
    *routers: RouterConfig,
    every: float = 0.05,
    checks: RouterChecks | None = None,
) -> LiquidityWatch:
    clock = SystemClock()
    desk = desk_on(store.alerts, "ops", clock=clock)
    compare = BalanceChecks(store.bridge, checks or RouterChecks())
    return LiquidityWatch(desk, {ORIGIN: diamond}, routers or [OURS], find_token, compare, clock, every=every)


async def alerts(store: Store) -> list[Alert]:
    return [row.alert for row, _ in await store.alerts.listed(None, limit=10)]


async def endings(store: Store) -> list[Resolution | None]:
    return [alert.resolution for alert in await alerts(store)]


async def test_a_balance_below_the_minimum_at_two_blocks_opens_an_alert(store: Store) -> None:
    diamond = BalancedChain(2_499_999)
    async with running(watch(store, diamond).run()):
        await until(lambda: len(diamond.looked) > 1)
        assert (await alerts(store), diamond.wished[:1]) == ([], [block(1).timestamp])
        assert diamond.holdings == [(bytes.fromhex(ROUTER[2:]), bytes.fromhex(ASSET[2:]))]
        await diamond.after(block(2), 2_499_999)
        await until(lambda: alerts(store))
        [alert] = await alerts(store)
        details = ROUTER_LIQUIDITY_LOW.details_of(alert)
        assert alert.subject.lower() == f"ours/here/{ASSET}"
        assert (details.balance, details.symbol, details.minimum, details.block) == ("2.499999", "nextUSDC", "2.5", 2)
        await diamond.after(block(3), 2_500_000)
        assert await endings(store) == [None]
        await diamond.after(block(4), 2_500_000)
        await until(lambda: _ended(store))
        assert await endings(store) == [Resolution.REFILLED]


async def _ended(store: Store) -> bool:
    return None not in await endings(store)


async def test_a_balance_of_just_the_minimum_alerts_nobody(store: Store) -> None:
    diamond = BalancedChain(2_500_000)
    async with running(watch(store, diamond).run()):
        for number in range(1, 4):
            await diamond.after(block(number), 2_500_000)
    assert await alerts(store) == []


async def test_a_dip_that_one_block_shows_alerts_nobody(store: Store) -> None:
    diamond = BalancedChain(9_000_000)
    async with running(watch(store, diamond).run()):
        for number, balance in enumerate([1, 9_000_000, 1, 9_000_000, 9_000_000], start=1):
            await diamond.after(block(number), balance)
    assert await alerts(store) == []


async def test_a_block_that_a_reorg_took_counts_for_nothing(store: Store) -> None:
    diamond = BalancedChain(1)
    async with running(watch(store, diamond).run()):
        await diamond.after(block(5), 1)
        diamond.gone.add(block(5))
        await diamond.after(block(6, branch=1), 1)
        assert await alerts(store) == []
        await diamond.after(block(4, branch=2), 1)
        assert await alerts(store) == []
        await diamond.after(block(7, branch=2), 1)
        await until(lambda: alerts(store))
        await diamond.after(block(8), 9_000_000)
        diamond.gone.add(block(8))
        await diamond.after(block(9, branch=1), 9_000_000)
        assert await endings(store) == [None]


async def test_a_chain_that_cannot_be_asked_opens_and_ends_nothing(store: Store) -> None:
    diamond, checks = BalancedChain(1), RouterChecks()
    diamond.trouble = "refused eth_call"
    async with running(watch(store, diamond, checks=checks).run()):
        await until(lambda: diamond.refusals > 2)
        assert await alerts(store) == []
        unknown = checks.asked[ORIGIN]
        assert unknown is not None
        assert unknown.reason == "refused eth_call"
        diamond.trouble = None
        await diamond.after(block(2), 1)
        await diamond.after(block(3), 1)
        await until(lambda: alerts(store))
        assert checks.asked[ORIGIN] is None
        diamond.trouble, diamond.balance = "has no such state", 9_000_000
        refused = diamond.refusals
        await until(lambda: diamond.refusals > refused + 2)
        diamond.covered, diamond.trouble = None, None
        glances, asked = diamond.glances, (len(diamond.looked), diamond.refusals)
        await until(lambda: diamond.glances > glances + 3)
        assert (len(diamond.looked), diamond.refusals) == asked
    assert await endings(store) == [None]


async def test_a_question_that_nobody_answers_is_soon_asked_again(store: Store) -> None:
    diamond = BalancedChain(1)
    diamond.trouble = "a different block from the one covered"
    async with running(watch(store, diamond, every=3600).run()):
        await until(lambda: diamond.refusals == 1)
        diamond.trouble = None
        await until(lambda: bool(diamond.looked))


async def test_a_restart_neither_repeats_nor_forgets_the_alert(store: Store) -> None:
    for first in (1, 3):
        diamond = BalancedChain(1)
        async with running(watch(store, diamond).run()):
            await diamond.after(block(first), 1)
            await diamond.after(block(first + 1), 1)
            await until(lambda: alerts(store))
    assert await endings(store) == [None]
    unnamed = RouterConfig.model_validate({"name": "ours", "address": ROUTER})
    async with running(watch(store, BalancedChain(1), unnamed).run()):
        await until(lambda: _ended(store))
    assert await endings(store) == [Resolution.REMOVED]


async def test_a_change_of_liquidity_is_asked_about_once_covered(store: Store) -> None:
    diamond = BalancedChain(9_000_000)
    liquidity = watch(store, diamond, every=3600)
    async with running(liquidity.run()):
        await until(lambda: diamond.looked)
        strangers, ours = (
            bridge_record("RouterLiquidityRemoved", number, domain=ORIGIN, router=bytes([byte]) * 20, **REMOVED)
            for number, byte in ((1, 1), (10, 0x52))
        )
        for record, provenance in ((strangers, Provenance.COVERED), (ours, Provenance.PUSHED)):
            changes, _ = await put(store, read_in(provenance, record))
            liquidity.committed(changes.bridge)
        assert diamond.looked == [block(1)]
        changes, _ = await put(store, read_in(Provenance.COVERED, ours))
        liquidity.committed(changes.bridge)
        glances = diamond.glances  # heard of before it counts as covered
        await until(lambda: diamond.glances > glances + 1)
        diamond.covered = block(ours.block.number)
        await until(lambda: diamond.looked == [block(1), block(ours.block.number)])


async def test_each_answer_is_compared_with_the_books(store: Store) -> None:
    diamond, checks = BalancedChain(9_000_000), RouterChecks()
    book = (Address(bytes.fromhex(ROUTER[2:])), ORIGIN, Address(bytes.fromhex(ASSET[2:])))
    async with running(watch(store, diamond, checks=checks).run()):
        await until(lambda: checks.of(book))
        assert checks.of(book) == BalanceCheck(block(1), 9_000_000, 9_000_000)
        await diamond.after(block(2), 8_000_000)
        await until(lambda: checks.of(book) == BalanceCheck(block(2), 8_000_000, 8_000_000))
