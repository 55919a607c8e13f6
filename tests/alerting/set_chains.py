"""Chains as watches ask them, which say what a test sets. Held to real endpoints by tests/test_set_chains.py."""

from collections.abc import Sequence

from connext_monitor.core.events import BlockNumber, BlockRef, Hash32, Timestamp
from connext_monitor.core.router_balances import CoveredBalances, RouterAsset
from tests.world.waiting import until


def block(number: int, branch: int = 0) -> BlockRef:
    """A block of `BalancedChain`."""
    return BlockRef(BlockNumber(number), Hash32(bytes([branch, number] * 16)), Timestamp(1_000 + number))


class PausableChain:
    """A chain whose contract says what a test wants; counts how often it was asked."""

    name = "here"

    def __init__(self, paused: bool | None) -> None:
        self.paused = paused
        self.asked = 0
        self.covered = 20
        self.early = False

    async def paused_when_covered(self, number: BlockNumber) -> bool | None:
        if number > self.covered:
            self.early = True
            return None
        self.asked += 1
        return self.paused


class BalancedChain:
    """A chain that is covered as far as a test wants, and whose books say what it wants.

    ``looked`` are the blocks after which it was asked, last about ``holdings``; those ``gone`` stand no longer. How
    far it is covered was looked at so many ``glances``. It is to be covered past the instants ``wished``.
    """

    name = "here"

    def __init__(self, balance: int) -> None:
        self.balance = balance
        self._covered: BlockRef | None = block(1)
        self.glances = 0
        self.trouble: str | None = None
        self.gone: set[BlockRef] = set()
        self.looked: list[BlockRef] = []
        self.holdings: list[RouterAsset] = []
        self.refusals = 0
        self.wished: list[Timestamp] = []

    @property
    def covered(self) -> BlockRef | None:
        self.glances += 1
        return self._covered

    @covered.setter
    def covered(self, covered: BlockRef | None) -> None:
        self._covered = covered

    def cover_past(self, instant: Timestamp) -> None:
        self.wished.append(instant)

    async def router_balances(
        self, holdings: Sequence[RouterAsset], earlier: BlockRef | None = None
    ) -> CoveredBalances | str:
        self.holdings = list(holdings)
        if self.trouble is not None or self._covered is None:
            self.refusals += 1
            return self.trouble or "out of sight"
        self.looked.append(self._covered)
        return CoveredBalances(self._covered, (self.balance,) * len(holdings), earlier not in self.gone)

    async def after(self, covered: BlockRef, balance: int) -> None:
        """It is covered up to there, has this balance then, and has been asked since."""
        self.covered, self.balance = covered, balance
        await until(lambda: self.looked[-1:] == [covered])


class WatchedChain:
    """A chain that is covered, and watched, as a test wants; ``balance`` is what the router has of any asset."""

    def __init__(self, name: str, start: int) -> None:
        self.name, self._start = name, start
        self.covered: BlockRef | None = None
        self.began: Timestamp | None = Timestamp(start)
        self.balance: int | str = 10**18
        self.asked = 0
        self.wished: list[Timestamp] = []

    def cover(self, second: int) -> None:
        self.covered = BlockRef(BlockNumber(second), Hash32(bytes(32)), Timestamp(self._start + second))

    def cover_past(self, instant: Timestamp) -> None:
        self.wished.append(instant)

    async def watched_since(self) -> Timestamp | None:
        return self.began

    async def router_balances(
        self,
        holdings: Sequence[RouterAsset],
        earlier: BlockRef | None = None,  # noqa: ARG002 - none is asked about
    ) -> CoveredBalances | str:
        self.asked += 1
        if isinstance(self.balance, str):
            return self.balance
        if self.covered is None:
            return "out of sight"
        return CoveredBalances(self.covered, (self.balance,) * len(holdings))
