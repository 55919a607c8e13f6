"""What a simulated diamond says besides its transfers: pauses, and changes of who may do what.

Plain values; every time is in seconds since the story's begin, as in `tests.simulation.story`.
"""

from dataclasses import dataclass
from enum import StrEnum


class Saying(StrEnum):
    """One such event, by its name in the contracts."""

    PAUSED = "Paused"
    UNPAUSED = "Unpaused"
    DIAMOND_CUT = "DiamondCut"
    OWNERSHIP_TRANSFERRED = "OwnershipTransferred"
    ASSIGN_ROLE_ADMIN = "AssignRoleAdmin"
    REVOKE_ROLE = "RevokeRole"
    SEQUENCER_ADDED = "SequencerAdded"
    RELAYER_REMOVED = "RelayerRemoved"
    ROUTER_ALLOWLIST_REMOVED = "RouterAllowlistRemoved"
    DIAMOND_CUT_PROPOSED = "DiamondCutProposed"
    ROUTER_ADDED = "RouterAdded"
    ROUTER_LIQUIDITY_ADDED = "RouterLiquidityAdded"
    ROUTER_LIQUIDITY_REMOVED = "RouterLiquidityRemoved"


PAUSING = frozenset({Saying.PAUSED, Saying.UNPAUSED})
OF_ITS_OWN = PAUSING | {Saying.ROUTER_LIQUIDITY_REMOVED}
"""What changes more than what is said; no mere change of the bridge says so."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A chain's diamond is paused for so many seconds, by a transaction at either end: what is sent to it waits.

    One that begins before the story is found by the monitor at its first start.
    """

    domain: int
    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class BridgeChange:
    """At ``at`` a transaction is sent in which a chain's diamond says these things, one after the other."""

    domain: int
    at: float
    says: tuple[Saying, ...]
