"""When a router's liquidity is low, and when it is refilled: what one more look at its balance says.

A look may be at a block that a reorg takes back. So what has changed counts once two looks in a row, at two blocks that
both stand, agree.
"""

from decimal import Context, Decimal
from enum import Enum

from connext_monitor.core.events import BlockRef
from connext_monitor.core.structs import struct
from connext_monitor.core.token import Token

_EXACT = Context(prec=200)


@struct(frozen=True, slots=True)
class BalanceLook:
    """A covered block, and whether the balance was below the minimum after it."""

    block: BlockRef
    low: bool


class LiquidityRuling(Enum):
    """The outcome of one look at a balance."""

    AS_KNOWN = "the balance is as people were told"
    SEEN_ONCE = "it has changed, which a second block has to confirm"
    LOW = "it was below its minimum twice in a row"
    REFILLED = "it was at or above its minimum twice in a row"


def is_low(balance: int, minimum: Decimal, token: Token) -> bool:
    """Whether so many base units are less than the minimum, which is in whole tokens."""
    return Decimal(balance) < minimum.scaleb(token.decimals, _EXACT)


def rule_liquidity(
    told_low: bool, before: BalanceLook | None, now: BalanceLook, before_stands: bool
) -> LiquidityRuling:
    """What this look says, after the last one that differed from what was told, if the look before this one did."""
    if now.low is told_low:
        return LiquidityRuling.AS_KNOWN
    if before is None or not before_stands or before.low is not now.low or before.block.number >= now.block.number:
        return LiquidityRuling.SEEN_ONCE
    return LiquidityRuling.LOW if now.low else LiquidityRuling.REFILLED
