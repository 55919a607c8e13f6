"""A router that somebody answers for has less of an asset on a chain than it is to have."""

from connext_monitor.core.alerts.alert import About, AlertView, Body, BurstWords, Ending, Headline, KindOf
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.message import Field
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.events import DomainId


class RouterLiquidityLowDetails(Details, frozen=True, kw_only=True, omit_defaults=True):
    """Which router has how much of what: addresses checksummed, amounts in whole tokens as plain decimal numbers.

    ``symbol`` is what the token calls itself; ``block`` is the number of the block after which it was seen.
    """

    router: str
    address: str
    domain: DomainId
    asset: str
    symbol: str
    balance: str
    minimum: str
    block: int

    @property
    def watched_chains(self) -> tuple[DomainId, ...]:
        """The chain that its liquidity is on."""
        return (self.domain,)


def subject(router: str, chain: str, asset: str) -> str:
    """What an alert is about: ``ours/optimism/0x…``."""
    return f"{router}/{chain}/{asset}"


def _opened(view: AlertView[RouterLiquidityLowDetails]) -> Body:
    details = view.details
    text = (
        f"The router has {details.balance} {details.symbol} there, and should have at least {details.minimum}. "
        "What it cannot front waits for another router, or for the slow path."
    )
    balance = Field("Balance", f"{details.balance} {details.symbol} after block {details.block}")
    return _body(view, "low", text, balance)


def _refilled(view: AlertView[RouterLiquidityLowDetails]) -> Body:
    text = f"The router has at least {view.details.minimum} {view.details.symbol} there again."
    return _body(view, "refilled", text)


def _removed(view: AlertView[RouterLiquidityLowDetails]) -> Body:
    text = "The config no longer names this minimum; this alert is no longer followed."
    return _body(view, "no longer watched", text)


def _body(view: AlertView[RouterLiquidityLowDetails], what: str, text: str, *more: Field) -> Body:
    details = view.details
    chain = view.labels.display_name(details.domain)
    fields = (
        Field("Router", f"{details.router} ({details.address})"),
        Field("Chain", chain),
        Field("Asset", f"{details.symbol} ({details.asset})"),
        Field("Minimum", f"{details.minimum} {details.symbol}"),
        *more,
    )
    return Body(f"Router liquidity is {what}: {view.subject}", text, fields)


ROUTER_LIQUIDITY_LOW = KindOf(
    name="router_liquidity_low",
    severity=Severity.WARNING,
    about=About.ROUTER,
    details=RouterLiquidityLowDetails,
    opened=_opened,
    endings={
        Resolution.REFILLED: Ending("refilled", _refilled),
        Resolution.REMOVED: Ending("no longer configured", _removed),
    },
    burst=BurstWords(
        singular="router's balance",
        plural="routers' balances",
        wrong="low",
        right="refilled",
        meaning="What a router cannot front waits for another one, or for the slow path.",
    ),
    headline=Headline("a router is low on liquidity", "routers are low on liquidity in {} places"),
)
