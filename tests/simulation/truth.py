"""What really happened on the chains and what of it could be seen, as the oracle reads it.

Plain values, made from a story and its ledgers, or by hand in a test. Every instant is in seconds since the story's
begin; block times are Unix seconds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from tests.simulation.trace import Interval, Sighting


@dataclass(frozen=True, slots=True)
class Standing:
    """An event stands in this block, which is part of its chain meanwhile."""

    during: Interval
    where: Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferTruth:
    """One transfer: where and when each of its events stood, in order; several where reorgs moved it.

    ``origin`` and ``destination`` are names of chains. ``matches``: what was delivered hashes to the id.
    """

    transfer_id: str
    origin: str
    destination: str
    nonce: int
    xcalled: tuple[Standing, ...] = ()
    executed: tuple[Standing, ...] = ()
    reconciled: tuple[Standing, ...] = ()
    matches: bool = True


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a chain, which is part of it from the instant ``since`` until ``until``, when a reorg replaces it."""

    number: int
    hash: str
    timestamp: int
    since: float
    until: float = inf


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainTruth:
    """One chain: its blocks in the order in which they came, and how many blocks behind the head are final.

    ``sound``: when at least one of its endpoints had no fault; ``stale_by``: by how much one may be behind (seconds).
    """

    name: str
    domain: int
    finality: int
    blocks: tuple[Block, ...]
    sound: tuple[Interval, ...]
    stale_by: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTruth:
    """One channel: when it takes what it is sent, and whether it is sent bursts as digests.

    ``kinds``: those that it is to be told of, None for all.
    """

    name: str
    sound: tuple[Interval, ...]
    digests: bool
    kinds: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The whole world of a story; durations in seconds, ``epoch`` the begin in Unix seconds by a right clock."""

    seconds: float
    epoch: float
    execute_deadline: int
    reconcile_deadline: int
    unobserved_after: float
    chains: tuple[ChainTruth, ...]
    transfers: tuple[TransferTruth, ...]
    channels: tuple[ChannelTruth, ...]

    def chain(self, name: str) -> ChainTruth:
        """The chain of this name."""
        return next(chain for chain in self.chains if chain.name == name)


def stood_throughout(standings: Iterable[Standing], during: Interval) -> bool:
    """Whether the event stood at every instant of the interval, in one block or another."""
    reached = during.begin
    for standing in standings:
        if standing.during.begin <= reached < standing.during.end:
            reached = standing.during.end
    return reached >= during.end


def stood_sometime(standings: Iterable[Standing], during: Interval) -> bool:
    """Whether the event stood at any instant of the interval."""
    return any(standing.during.begin < during.end and during.begin < standing.during.end for standing in standings)
