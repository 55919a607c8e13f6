"""What happens in a simulated run: plain values, drawn from a seed by `tests.simulation.drawing`.

Every time is in seconds since the story's begin, and may be negative for what happened before it; the world's clock
then read `EPOCH`. Chains are referred to by their domain ids, endpoints by their position on their chain, monitors by
their position among the instances, channels by their names.

Every element stands by itself: any of them may be left out, and the rest still makes a story. A transfer to a chain
that was left out goes to an unconfigured destination; one from it is a delivery whose origin nobody watches.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import msgspec

from tests.simulation.acts import Act
from tests.simulation.routers import LiquidityChange, Router
from tests.simulation.sayings import BridgeChange, Pause
from tests.simulation.sharing import Cluster, Cut, Failover
from tests.simulation.troubles import Beyond, ChannelTrouble, EndpointTrouble, KillManner

EPOCH = 1_790_000_000
"""Unix seconds at the story's begin."""


class Deed(StrEnum):
    """What becomes of a transfer beside its being late or early."""

    HONEST = "honest"
    PHANTOM = "phantom"
    """Executed on the destination, and never called on the origin."""
    MISMATCH = "mismatch"
    """Called; what is executed under its id differs from what was called, and does not hash to the id."""
    UNREADABLE = "unreadable"
    """Never called; the destination's contract, replaced for a block, writes an Executed that nobody can decode."""


class Fate(StrEnum):
    """What becomes of the transactions in the blocks that a reorg replaces."""

    AGAIN = "again"
    """Each is mined again."""
    SOME = "some"
    """A third of them is dropped for good, the others are mined again."""
    DROPPED = "dropped"
    """None is ever mined again."""


@dataclass(frozen=True, slots=True)
class EndpointTraits:
    """One endpoint of a chain and its habits; ``latency`` is the mean of its answers, in seconds.

    ``loose``: it writes logs in odd but readable ways. ``logs_first``: of a block, its logs are pushed before its head.
    ``tells_removed``: it pushes the logs that a reorg removed. ``keeps_orphans``: it knows replaced blocks by hash.
    ``vendor`` picks the words of its refusals.
    """

    pushes: bool
    latency: float = 0.05
    beyond: Beyond = Beyond.REFUSE
    loose: bool = False
    logs_first: bool = False
    tells_removed: bool = True
    keeps_orphans: bool = True
    vendor: int = 0


@dataclass(frozen=True, slots=True)
class ChainTraits:
    """One chain; ``block_time``, ``clock_error`` (of its stamps) and ``age`` (of its genesis) are in seconds.

    Honest endpoints call the block ``final_depth`` behind the head final; ``tagged``: the monitor asks for the tag
    `finalized` instead of counting blocks. ``blooms``: whether the chain fills its bloom filters. ``first_nonce`` is
    that of the first xcall that this world makes.
    """

    domain: int
    chain_id: int
    block_time: float
    final_depth: int
    endpoints: tuple[EndpointTraits, ...]
    tagged: bool = False
    blooms: bool = True
    clock_error: float = 0.0
    age: float = 3600.0
    first_nonce: int = 0


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer, called at ``at``, which is mined in the next block of its origin.

    ``executed_after`` and ``reconciled_after`` are seconds from that block to when each leg's transaction is sent;
    None: never. ``fast``: the ``router`` of this number fronts the funds. A phantom, and what is unreadable, is
    executed at ``at`` + ``executed_after`` with a nonce that is ``nonce_offset`` from the next one of its origin: below
    0 another transfer has it, else nobody yet. ``calldata`` are bytes.
    """

    at: float
    origin: int
    destination: int
    amount: int
    executed_after: float | None
    reconciled_after: float | None
    fast: bool = True
    deed: Deed = Deed.HONEST
    nonce_offset: int = -1
    calldata: int = 0
    router: int = 0


@dataclass(frozen=True, slots=True)
class Reorg:
    """At ``at`` the last ``depth`` blocks of a chain are replaced; their transactions come ``delay`` blocks later.

    ``rises``: it comes with the chain's next block, so that the head rises; else as many blocks as are replaced come at
    once. Unless it is ``deep``, no block is replaced that an honest endpoint has called final.
    """

    domain: int
    at: float
    depth: int
    fate: Fate = Fate.AGAIN
    delay: int = 0
    rises: bool = True
    deep: bool = False


@dataclass(frozen=True, slots=True)
class Stall:
    """A chain makes no block for so many seconds."""

    domain: int
    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class StampError:
    """A chain's blocks are stamped ``by`` seconds off for so many seconds; no stamp is below its parent's."""

    domain: int
    at: float
    seconds: float
    by: float


@dataclass(frozen=True, slots=True)
class EndpointFault:
    """Something is wrong with an endpoint for so many seconds."""

    domain: int
    endpoint: int
    at: float
    seconds: float
    trouble: EndpointTrouble
    amount: float = 1.0


@dataclass(frozen=True, slots=True)
class Channel:
    """An alert channel: its name and its provider's type (`discord`, `slack` or `webhook`)."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class ChannelFault:
    """Something is wrong with a channel for so many seconds."""

    channel: str
    at: float
    seconds: float
    trouble: ChannelTrouble
    amount: float = 1.0


@dataclass(frozen=True, slots=True)
class Kill:
    """A monitor's process ends, and a new one starts ``down_for`` seconds later."""

    instance: int
    at: float
    down_for: float
    manner: KillManner
    count: int = 0


@dataclass(frozen=True, slots=True)
class Standby:
    """Another monitor of the same database is started, and again whenever it ends; ``seconds`` later it is stopped.

    ``instance`` is 1 or more; the first instance is there from the story's begin to its end.
    """

    instance: int
    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Suspension:
    """A monitor's host stands still for so many seconds; the wall clock and the chains run on."""

    instance: int
    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class ClockStep:
    """A monitor's wall clock is ``by`` seconds off for so many seconds."""

    instance: int
    at: float
    seconds: float
    by: float


@dataclass(frozen=True, slots=True)
class DiskFault:
    """Whatever a monitor writes to its database is refused for so many seconds: the disk is full.

    A transaction is refused as it commits; or, where ``writes`` is not 0, at its so-many-th statement that writes.
    """

    instance: int
    at: float
    seconds: float
    writes: int = 0


@dataclass(frozen=True, slots=True)
class Deadlines:
    """What `[alerts]` says, in seconds."""

    execute: float = 300.0
    reconcile: float = 10_800.0
    unobserved_after: float = 120.0


@dataclass(frozen=True, slots=True)
class Story:
    """A whole run of ``seconds``; from ``quiet_from`` on nothing is wrong any more but what transfers do.

    ``keep`` is for how many seconds what is settled is kept; None: for ever. ``cluster`` is None where the database is
    a file.
    """

    seed: int
    seconds: float
    quiet_from: float
    deadlines: Deadlines
    chains: tuple[ChainTraits, ...]
    channels: tuple[Channel, ...]
    transfers: tuple[Transfer, ...] = ()
    reorgs: tuple[Reorg, ...] = ()
    stalls: tuple[Stall, ...] = ()
    pauses: tuple[Pause, ...] = ()
    bridge_changes: tuple[BridgeChange, ...] = ()
    stamp_errors: tuple[StampError, ...] = ()
    endpoint_faults: tuple[EndpointFault, ...] = ()
    channel_faults: tuple[ChannelFault, ...] = ()
    kills: tuple[Kill, ...] = ()
    suspensions: tuple[Suspension, ...] = ()
    clock_steps: tuple[ClockStep, ...] = ()
    disk_faults: tuple[DiskFault, ...] = ()
    standbys: tuple[Standby, ...] = ()
    cluster: Cluster | None = None
    cuts: tuple[Cut, ...] = ()
    failovers: tuple[Failover, ...] = ()
    acts: tuple[Act, ...] = ()
    routers: tuple[Router, ...] = ()
    liquidity: tuple[LiquidityChange, ...] = ()
    keep: float | None = None


class _Lasting(Protocol):
    @property
    def at(self) -> float: ...

    @property
    def seconds(self) -> float: ...


def lasts(element: _Lasting, at: float) -> bool:
    """Whether something that lasts for a while does so at an instant."""
    return element.at <= at < element.at + element.seconds


def to_json(story: Story) -> bytes:
    """The story as JSON, which `from_json` reads back."""
    return msgspec.json.format(msgspec.json.encode(story), indent=1)


def from_json(text: bytes | str) -> Story:
    """The story that `to_json` wrote. Raises msgspec.DecodeError."""
    return msgspec.json.decode(text, type=Story)
