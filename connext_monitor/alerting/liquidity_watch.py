"""Alerts when a router that somebody answers for has less of an asset than it is to have, and when it is refilled.

Each chain is asked once a minute, after its covered block, and at once when liquidity was added or removed there. What
has changed is asked about again as soon as another block is covered. A chain that cannot be asked is no reason to open
or to end anything; why it cannot is logged, and shown beside the books.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn, Protocol

import structlog

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.alerting.standing_alerts import StandingAlerts
from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import StepFailures, look_every
from connext_monitor.config import MinLiquidity, RouterConfig
from connext_monitor.core.alerts.kinds.router_liquidity_low import (
    ROUTER_LIQUIDITY_LOW,
    RouterLiquidityLowDetails,
    subject,
)
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.bridge_events import BridgeRecord
from connext_monitor.core.bridge_records import BridgeChanges
from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.events import Address, BlockNumber, BlockRef, DomainId, Timestamp
from connext_monitor.core.router_balances import CoveredBalances, RouterAsset
from connext_monitor.core.router_liquidity import BalanceLook, LiquidityRuling, is_low, rule_liquidity
from connext_monitor.core.token import Token

_LIQUIDITY_EVENTS = frozenset({"RouterLiquidityAdded", "RouterLiquidityRemoved"})
_CONFIRMED_EVERY = 1.0
"""Seconds between two looks at whether another block is covered, while a change is to be confirmed."""

_AWAITED_EVERY = 0.1
"""The same while a block in which liquidity was added or removed is to count as covered."""
_ASKED_AGAIN_AFTER = 2.0
"""Seconds after which a question that nobody answered is asked again, then ever more: after a reorg, say, soon."""
_WITHOUT_BALANCES = 3600.0
"""Seconds between two looks where no balance is to be watched: the first look ends what a former config had opened."""
_NOTHING = BlockNumber(-1)

FindToken = Callable[[DomainId, Address], Awaitable[Token | None]]
"""What a token of a chain calls itself; None where that is not known now."""

log = structlog.get_logger()


class TakeBalances(Protocol):
    """What is done with each answer, beside alerting."""

    async def compare(self, domain: DomainId, holdings: Sequence[RouterAsset], balances: CoveredBalances) -> None:
        """A chain said what these are."""
        ...

    def note_answer(self, domain: DomainId, reason: str | None, at: datetime) -> None:
        """A chain was asked; the ``reason`` why what routers have there is not known, None where it is."""
        ...


class BalanceChain(Protocol):
    """A chain that can be asked what routers have there."""

    @property
    def name(self) -> str:
        """Its name in the config."""
        ...

    @property
    def covered(self) -> BlockRef | None:
        """The last block covered; None while the chain is out of sight or catches up."""
        ...

    def cover_past(self, instant: Timestamp) -> None:
        """Have it covered past this instant as soon as it has such a block."""
        ...

    async def router_balances(
        self, holdings: Sequence[RouterAsset], earlier: BlockRef | None = None
    ) -> CoveredBalances | str:
        """What each of these is after the last covered block, or in words why that is not known now."""
        ...


@dataclass(frozen=True, slots=True)
class _Holding:
    """A balance that is watched."""

    router: RouterConfig
    minimum: MinLiquidity

    @property
    def subject(self) -> str:
        return subject(self.router.name, self.minimum.chain, to_checksum_address(self.minimum.asset))


class _ChainLooks:
    """What is to be watched on a chain, and what was seen there.

    ``awaits`` is the block that is to be covered before it is asked at once. ``differing`` are the looks that differ
    from what people were told, all at the block ``asked``. So many in a row were ``unanswered``.
    """

    def __init__(self, chain: BalanceChain, holdings: Sequence[_Holding]) -> None:
        self.chain = chain
        self.holdings = holdings
        self.due_at = 0.0
        self.awaits = _NOTHING
        self.asked: BlockRef | None = None
        self.differing: dict[str, BalanceLook] = {}
        self.unanswered = 0
        self.trouble: str | None = None


class LiquidityWatch:
    """Opens `router_liquidity_low` for each balance that is below its minimum at two covered blocks in a row."""

    def __init__(
        self,
        desk: AlertDesk,
        chains: Mapping[DomainId, BalanceChain],
        routers: Sequence[RouterConfig],
        find_token: FindToken,
        answered: TakeBalances,
        clock: Clock,
        *,
        every: float,
    ) -> None:
        """Each chain is asked ``every`` so many seconds."""
        holdings = [_Holding(router, minimum) for router in routers for minimum in router.minimums]
        by_chain = {
            domain: [holding for holding in holdings if holding.minimum.chain == chain.name]
            for domain, chain in chains.items()
        }
        self._chains = {domain: _ChainLooks(chains[domain], watched) for domain, watched in by_chain.items() if watched}
        self._subjects = {holding.subject for holding in holdings}
        self._find_token = find_token
        self._answered = answered
        self._clock = clock
        self._every = every
        self._alerts = StandingAlerts(desk, ROUTER_LIQUIDITY_LOW)
        self._failures = StepFailures("liquidity_watch.failed")
        self._wake = asyncio.Event()

    def committed(self, changes: BridgeChanges) -> None:
        """Look at once at the chains where a router's liquidity was added or removed, or that was taken back."""
        for record in (*changes.covered, *(stored.record for stored in changes.removed)):
            if self._concerns(record):
                # By number: what has just been committed is heard of here before the chain counts it as covered.
                looks = self._chains[record.domain]
                looks.awaits = max(looks.awaits, record.block.number)
                self._wake.set()

    def _concerns(self, record: BridgeRecord) -> bool:
        """Whether it says that the liquidity of a router that is watched on its chain was added to or removed."""
        if record.event.kind not in _LIQUIDITY_EVENTS or record.domain not in self._chains:
            return False
        routers = {f"0x{holding.router.address.hex()}" for holding in self._chains[record.domain].holdings}
        return record.event.fields.get("router") in routers

    async def run(self) -> NoReturn:
        """Watch until cancelled."""
        await look_every(self._every, self._look, failed="liquidity_watch.failed", woken=self._wake)

    async def _look(self) -> float:
        """Seconds to the next look."""
        await self._alerts.recall(self._subjects)
        for domain, looks in self._chains.items():
            if self._is_due(looks):
                # What fails for one chain keeps no other from being alerted about.
                with self._failures.survive(looks.chain.name):
                    await self._look_at(domain, looks)
        return min(map(self._pause, self._chains.values()), default=_WITHOUT_BALANCES)

    def _is_due(self, looks: _ChainLooks) -> bool:
        covered = looks.chain.covered
        if looks.awaits >= 0 and covered is not None and covered.number >= looks.awaits:
            return True
        if looks.differing and covered is not None and looks.asked is not None:
            return covered.number > looks.asked.number or self._clock.monotonic() >= looks.due_at
        return self._clock.monotonic() >= looks.due_at

    def _pause(self, looks: _ChainLooks) -> float:
        until_due = max(0.1, looks.due_at - self._clock.monotonic())
        if looks.awaits >= 0:
            return _AWAITED_EVERY
        return min(_CONFIRMED_EVERY, until_due) if looks.differing else until_due

    async def _look_at(self, domain: DomainId, looks: _ChainLooks) -> None:
        if looks.chain.covered is None:
            looks.due_at = self._clock.monotonic() + _CONFIRMED_EVERY
            return
        if looks.chain.covered.number >= looks.awaits:
            looks.awaits = _NOTHING
        looks.due_at = self._clock.monotonic() + self._every
        earlier = looks.asked if looks.differing else None
        holdings = [(holding.router.address, holding.minimum.asset) for holding in looks.holdings]
        balances = await looks.chain.router_balances(holdings, earlier)
        self._note_trouble(domain, looks, balances if isinstance(balances, str) else None)
        if isinstance(balances, str):
            pause = min(self._every, _ASKED_AGAIN_AFTER * 2.0 ** min(looks.unanswered, 10))
            looks.unanswered, looks.due_at = looks.unanswered + 1, self._clock.monotonic() + pause
            return
        looks.unanswered = 0
        before, looks.differing, looks.asked = looks.differing, {}, balances.block
        for holding, amount in zip(looks.holdings, balances.amounts, strict=True):
            await self._rule(domain, looks, holding, amount, before.get(holding.subject), balances)
        if looks.differing:
            looks.chain.cover_past(balances.block.timestamp)
        await self._answered.compare(domain, holdings, balances)

    async def _rule(
        self,
        domain: DomainId,
        looks: _ChainLooks,
        holding: _Holding,
        amount: int,
        before: BalanceLook | None,
        balances: CoveredBalances,
    ) -> None:
        minimum = holding.minimum
        token = await self._find_token(domain, minimum.asset)
        if token is None:
            asset = to_checksum_address(minimum.asset)
            reason = f"the decimals of {asset} are unknown: the token does not report them, or no endpoint answered"
            self._note_trouble(domain, looks, reason)
            return
        now = BalanceLook(balances.block, is_low(amount, minimum.amount, token))
        match rule_liquidity(holding.subject in self._alerts, before, now, balances.earlier_stands):
            case LiquidityRuling.SEEN_ONCE:
                looks.differing[holding.subject] = now
            case LiquidityRuling.LOW:
                details = RouterLiquidityLowDetails(
                    router=holding.router.name,
                    address=to_checksum_address(holding.router.address),
                    domain=domain,
                    asset=to_checksum_address(minimum.asset),
                    symbol=token.symbol,
                    balance=token.number(amount),
                    minimum=f"{minimum.amount:f}",
                    block=balances.block.number,
                )
                await self._alerts.open(ROUTER_LIQUIDITY_LOW.open(holding.subject, self._clock.now(), details))
                log.warning("router.liquidity_low", router=holding.router.name, chain=minimum.chain)
            case LiquidityRuling.REFILLED:
                await self._alerts.resolve(holding.subject, Resolution.REFILLED)
                log.info("router.refilled", router=holding.router.name, chain=minimum.chain)

    def _note_trouble(self, domain: DomainId, looks: _ChainLooks, reason: str | None) -> None:
        if reason is not None and reason != looks.trouble:
            log.warning("router.balances_not_known", chain=looks.chain.name, reason=reason)
        looks.trouble = reason
        self._answered.note_answer(domain, reason, self._clock.now())
