"""The routers that a story's config names, and what becomes of their liquidity.

Plain values; every time is in seconds since the story's begin, as in `tests.simulation.story`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

LOCAL_ASSET = "A5A5A5A5A5A5A5A5A5A5a5a5a5a5a5a5A5a5a5a5"
"""The address of the token that bridges move, as messages write it, without 0x."""
BASE_UNITS = 10**18
"""Of a whole token."""
_FEE_LEFT, _OF = 9995, 10_000
Tokens = Mapping[int, int]
"""Whole tokens by the numbers of routers."""


@dataclass(frozen=True, slots=True)
class Router:
    """A router of the config, which on each chain is to have ``minimum`` whole tokens, and had so many ``before``.

    It is told of as silent once it has filled nothing for ``silent_after`` seconds (0: it is not), while others filled
    ``silent_transfers``.
    """

    name: str
    number: int
    minimum: int
    before: int
    silent_after: float = 0.0
    silent_transfers: int = 3


@dataclass(frozen=True, slots=True)
class LiquidityChange:
    """At ``at`` what a router has on a chain changes by so many whole tokens.

    ``says``: by a transaction of its own, which a reorg may replace; else by what it fronts and gets back, of which
    nobody says what it leaves.
    """

    domain: int
    at: float
    router: int
    tokens: int
    says: bool = True


def delivered(amount: int, *, fast: bool) -> int:
    """Base units of a transfer that its recipient gets: without the fee, where a router fronts them."""
    return amount * _FEE_LEFT // _OF if fast else amount


class Liquidity:
    """What routers have on one chain, after any of its blocks."""

    def __init__(self, domain: int, routers: Iterable[Router], changes: Sequence[LiquidityChange]) -> None:
        self.before: Tokens = {router.number: router.before for router in routers}
        self._quiet = [change for change in changes if change.domain == domain and not change.says]

    def after(self, parent: Tokens, parent_since: float, since: float, said: Iterable[tuple[int, int]]) -> Tokens:
        """What they have after a block made ``since`` then, in which this was ``said``: routers with tokens."""
        moves = [*said, *((c.router, c.tokens) for c in self._quiet if parent_since < c.at <= since)]
        if not moves:
            return parent
        tokens = dict(parent)
        for router, moved in moves:
            if router in tokens:
                tokens[router] += moved
        return tokens
