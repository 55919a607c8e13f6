"""The simulated world: all chains of a story and their bridge, brought forward to any instant. Pure.

What happens in it follows from the story alone; nobody who looks at it changes anything.
"""

import math
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from tests.simulation.bridge import Bridge
from tests.simulation.facts import ChainFacts
from tests.simulation.ledger import Ledger
from tests.simulation.routers import Liquidity
from tests.simulation.story import EPOCH, ChainTraits, Reorg, StampError, Story, lasts


class World:
    """The chains of a story at the instant that it was brought forward to."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.now = -math.inf
        self._order = count()
        self._todo: list[tuple[float, int, Callable[[float], None]]] = []
        self._chains = {chain.domain: _Chain(story, chain) for chain in story.chains}
        self.ledgers = {domain: chain.ledger for domain, chain in self._chains.items()}
        """The chains by their domain ids."""
        self.bridge = Bridge(story, self._at)
        for chain in story.chains:
            genesis = self._chains[chain.domain]
            self._at(-chain.age + chain.block_time, self._block_maker(genesis))
        for reorg in story.reorgs:
            if reorg.domain in self._chains:
                self._at(reorg.at, self._reorg_maker(reorg))
        self.advance(0.0)

    def ledger(self, domain: int) -> Ledger:
        """A chain."""
        return self.ledgers[domain]

    def facts(self) -> dict[int, ChainFacts]:
        """What was true of each chain until now."""
        return {domain: chain.ledger.facts for domain, chain in self._chains.items()}

    def next_block_at(self, domain: int) -> float:
        """When a chain's next block is made; something else may happen to it before."""
        return self._chains[domain].next_at

    def next_change_at(self, domain: int) -> float:
        """When a chain's head changes next, as far as it is known."""
        chain = self._chains[domain]
        return min([chain.next_at, *[reorg.at for reorg in chain.coming]]) if chain.coming else chain.next_at

    def advance(self, now: float) -> None:
        """Let all happen that happens until ``now``; going back is ignored."""
        todo = self._todo
        while todo and todo[0][0] <= now:
            at, _, do = heappop(todo)
            self.now = at
            do(at)
        self.now = max(self.now, now)

    def _at(self, at: float, do: Callable[[float], None]) -> None:
        heappush(self._todo, (at, next(self._order), do))

    # Blocks

    def _block_maker(self, chain: "_Chain") -> Callable[[float], None]:
        def make(now: float) -> None:
            until = chain.stalled_until(now)
            if until <= now:
                if chain.rising:
                    self._replace_and_rise(chain, now)
                self._extend(chain, chain.stamp(now), now)
                until = chain.after(now)
            chain.next_at = until
            self._at(until, make)

        chain.next_at = -chain.traits.age + chain.traits.block_time
        return make

    def _extend(self, chain: "_Chain", timestamp: int, now: float) -> None:
        ledger, domain = chain.ledger, chain.traits.domain
        head = ledger.head
        taken = self.bridge.take(domain, len(ledger.blocks), head.next_nonce, paused=head.paused)
        nonce, paused, logs = taken
        ledger.extend(timestamp, now, nonce, paused=paused, logs=logs)
        if logs:
            self.bridge.mined(logs, now)

    # Reorgs

    def _reorg_maker(self, reorg: Reorg) -> Callable[[float], None]:
        chain = self._chains[reorg.domain]
        chain.coming.append(reorg)

        def make(now: float) -> None:
            chain.coming.remove(reorg)
            if reorg.rises:
                chain.rising.append(reorg)
            else:
                self._replace(chain, reorg, now)

        return make

    def _replace_and_rise(self, chain: "_Chain", now: float) -> None:
        for reorg in chain.rising:
            self._replace(chain, reorg, now)
        chain.rising.clear()

    def _replace(self, chain: "_Chain", reorg: Reorg, now: float) -> None:
        ledger = chain.ledger
        replaceable = len(ledger.blocks) - 1 - (0 if reorg.deep else ledger.honest_final)
        removed = ledger.cut(max(0, min(reorg.depth, replaceable)), now)
        self.bridge.replaced(reorg.domain, removed, reorg.fate, reorg.delay)
        for block in removed:
            self._extend(chain, block.timestamp, now)


class _Chain:
    """What is known of one chain besides its blocks."""

    def __init__(self, story: Story, traits: ChainTraits) -> None:
        self.traits = traits
        self.next_at = math.inf
        self.coming: list[Reorg] = []
        self.rising: list[Reorg] = []
        self._stalls = [stall for stall in story.stalls if stall.domain == traits.domain]
        self._errors = [error for error in story.stamp_errors if error.domain == traits.domain]
        liquidity = Liquidity(traits.domain, story.routers, story.liquidity)
        self.ledger = Ledger(traits, int(EPOCH - traits.age), -traits.age, liquidity)

    def stalled_until(self, now: float) -> float:
        """When the stall ends that lasts at an instant; the instant itself if none does."""
        if not self._stalls:
            return now
        return max([now, *[stall.at + stall.seconds for stall in self._stalls if lasts(stall, now)]])

    def after(self, now: float) -> float:
        """When the block after one of now is due: blocks come at the chain's own rhythm, whatever has stalled it."""
        passed = math.floor((now + self.traits.age) / self.traits.block_time + 1e-6)
        return (passed + 1) * self.traits.block_time - self.traits.age

    def stamp(self, now: float) -> int:
        """How a block of now is stamped."""
        by = self.traits.clock_error
        if self._errors:
            errors: list[StampError] = [error for error in self._errors if lasts(error, now)]
            by += sum(error.by for error in errors)
        return max(int(EPOCH + now + by), self.ledger.head.timestamp + 1)
