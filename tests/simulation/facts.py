"""What is true of the simulated chains, and when it was: for who judges the monitor. Shares no code with it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

STANDS = math.inf
"""Of what was never replaced."""


class Event(StrEnum):
    """The three events of a transfer, and what is none."""

    XCALLED = "xcalled"
    EXECUTED = "executed"
    RECONCILED = "reconciled"
    UNREADABLE = "unreadable"
    """Not one of them, though it is called an Executed."""
    BESIDE = "beside"
    """What the diamond says besides transfers."""


@dataclass(slots=True)
class Fact:
    """One event in one block, which stood on its chain from ``since`` to ``until`` (seconds of the story).

    ``transfer`` is its position in the story. ``origin``, ``destination`` and ``nonce`` are those of the id's transfer.
    ``honest``: the params in it are the id's. Ids and hashes are hex with 0x; ``timestamp`` is the block's stamp.
    Beside transfers only what it ``says`` counts, by its name in the contracts.
    """

    domain: int
    event: Event
    transfer_id: str
    transfer: int
    origin: int
    destination: int
    nonce: int
    honest: bool
    fast: bool
    amount: int
    tx_hash: str
    log_index: int
    block_number: int
    block_hash: str
    timestamp: int
    since: float
    until: float = STANDS
    says: str | None = None


@dataclass(slots=True)
class BlockFact:
    """A block that stood on its chain from ``since`` to ``until`` (seconds of the story).

    ``paused``: the diamond is after it. ``tokens`` is what routers have after it, by their numbers.
    """

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    next_nonce: int
    since: float
    paused: bool = False
    until: float = STANDS
    tokens: Mapping[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class ChainFacts:
    """All blocks and events of one chain, in the order in which they came to stand.

    ``final`` are the heights below which honest endpoints call all blocks final, each with the instant from which on.
    """

    domain: int
    blocks: list[BlockFact] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    final: list[tuple[float, int]] = field(default_factory=list)

    def standing(self, at: float) -> list[Fact]:
        """The events that stand on the chain at an instant, in the chain's order."""
        facts = [fact for fact in self.facts if fact.since <= at < fact.until]
        return sorted(facts, key=lambda fact: (fact.block_number, fact.log_index))

    def head(self, at: float) -> BlockFact | None:
        """The newest block at an instant."""
        standing = [block for block in self.blocks if block.since <= at < block.until]
        return max(standing, key=lambda block: block.number, default=None)
