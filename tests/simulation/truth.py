"""What really happened on the chains and what of it could be seen, as the oracle reads it.

Plain values, made from a story and its ledgers (`tests.simulation.world_truth`), or by hand in a test. Every instant is
in seconds since the story's begin; block times are Unix seconds.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import inf

from tests.simulation.intervals import Intervals, union
from tests.simulation.trace import Interval, Sighting


@dataclass(frozen=True, slots=True)
class Standing:
    """An event stands in this block, which is part of its chain meanwhile."""

    during: Interval
    where: Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferTruth:
    """One transfer: where and when each of its events stood, in order; several where reorgs moved it.

    ``origin`` and ``destination`` are domain ids. ``forged``: when Executed stood of which the params are not the id's.
    ``delivered`` are base units that its execution hands over, fronted by the router of this number; None: by nobody.
    """

    transfer_id: str
    origin: int
    destination: int
    nonce: int
    xcalled: tuple[Standing, ...] = ()
    executed: tuple[Standing, ...] = ()
    reconciled: tuple[Standing, ...] = ()
    forged: tuple[Standing, ...] = ()
    delivered: int = 0
    router: int | None = None

    def leg(self, kind: str) -> tuple[Standing, ...]:
        """Where the leg that this kind of alert is about stood."""
        return self.executed if kind == "execute_overdue" else self.reconciled


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeTransaction:
    """A transaction in which a diamond ``says`` something besides transfers, by the contracts' names, in this order."""

    domain: int
    tx_hash: str
    says: tuple[str, ...]
    standing: tuple[Standing, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a chain, which is part of it from the instant ``since`` until ``until``, when a reorg replaces it.

    ``paused``: after it the chain's diamond is.
    """

    number: int
    hash: str
    timestamp: int
    since: float
    until: float = inf
    paused: bool = False


@dataclass(frozen=True, kw_only=True)
class ChainTruth:
    """One chain, its blocks in the order in which they came, and what was wrong with its endpoints.

    ``polled_every``: how far apart the looks at its head are, where an endpoint does not push it (seconds; 0 where all
    do). ``troubled``: when anything was, stalls and wrong stamps too. ``blind``: when no endpoint let anybody read a
    new block, or there was none; ``blurred``: when none said what proves anything; ``unseen``: when none may have let
    anybody read a new block in time, or the newest log. ``lags``: when an endpoint was behind, and by how many
    seconds; ``uneven``: when some of its answers were. ``pruned``: when none had old blocks, and ``remembered`` how
    far below the head any did then. ``ailing``: when anything but that was. ``hiding``: when all left out legs;
    ``unheard``: when one pushed no logs. ``unreadable``: where logs stood that nobody can decode, and ``undecodable``:
    when the newest log was such a one, and no other endpoint could be asked whether it has that too; ``mangling``:
    when any cut logs short. ``final`` are the heights up to which blocks are final, each with the instant from which
    on; ``all_final``: when an endpoint that is asked which block that is called its head so.
    """

    name: str
    domain: int
    block_time: float
    final_depth: int
    polled_every: float = 0.0
    blocks: tuple[Block, ...]
    final: tuple[tuple[float, int], ...] = ()
    troubled: Intervals = ()
    blind: Intervals = ()
    blurred: Intervals = ()
    unseen: Intervals = ()
    lags: tuple[tuple[Interval, float], ...] = ()
    uneven: tuple[tuple[Interval, float], ...] = ()
    pruned: Intervals = ()
    remembered: tuple[tuple[Interval, float], ...] = ()
    ailing: Intervals = ()
    hiding: Intervals = ()
    unheard: Intervals = ()
    all_final: Intervals = ()
    unreadable: tuple[Standing, ...] = ()
    undecodable: Intervals = ()
    mangling: Intervals = ()

    @cached_property
    def heads(self) -> tuple[tuple[float, Block], ...]:
        """The newest block, each with the instant from which on it is that."""
        changes: dict[float, tuple[list[Block], list[Block]]] = {}
        for block in self.blocks:
            if block.since < block.until:
                changes.setdefault(block.since, ([], []))[1].append(block)
                changes.setdefault(block.until, ([], []))[0].append(block)
        heads, stack = [], list[Block]()
        for at in sorted(changes):
            gone, came = changes[at]
            for block in sorted(gone, key=_number, reverse=True):
                if stack and stack[-1] is block:
                    stack.pop()
            stack += sorted(came, key=_number)
            if stack and at < inf:
                heads.append((at, stack[-1]))
        return tuple(heads)

    @cached_property
    def paused(self) -> Intervals:
        """When its diamond was paused."""
        ends = [*(at for at, _ in self.heads[1:]), inf]
        return union(Interval(at, end) for (at, head), end in zip(self.heads, ends, strict=True) if head.paused)

    @cached_property
    def reorgs(self) -> frozenset[float]:
        """When blocks were replaced."""
        return frozenset(block.until for block in self.blocks if block.until < inf)

    @cached_property
    def _stamps(self) -> tuple[list[float], list[int], list[int]]:
        """Instants, the highest stamp of a head until then, and the lowest from then on."""
        stamps = [block.timestamp for _, block in self.heads]
        lowest = list(accumulate(reversed(stamps), min))[::-1]
        return [at for at, _ in self.heads], list(accumulate(stamps, max)), lowest

    def past(self, timestamp: float) -> Intervals:
        """When the chain's newest block is stamped later than that."""
        instants, highest, lowest = self._stamps
        first, settled = bisect_right(highest, timestamp), bisect_right(lowest, timestamp)
        passing = (
            Interval(instants[i], instants[i + 1])
            for i in range(first, settled)
            if self.heads[i][1].timestamp > timestamp
        )
        return union([*passing, *([Interval(instants[settled], inf)] if settled < len(instants) else [])])


def _number(block: Block) -> int:
    return block.number


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceTruth:
    """What a router is to have on a chain; ``low_after`` are the hashes of the blocks after which it had less."""

    subject: str
    domain: int
    low_after: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterTruth:
    """A router that is told of when it is silent, after so many seconds in which others executed so many transfers.

    ``has`` are base units by the hashes of the blocks after which it had them.
    """

    name: str
    number: int
    silent_after: float
    silent_transfers: int
    has: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTruth:
    """One channel: when it failed, when it took messages without saying so, and when it was ``slow`` to say so.

    ``refusing``: it said that it was gone for good; ``limited``: that it had got too many requests. ``edits``: its
    messages change; ``digests``: it gets bursts as one.
    """

    name: str
    troubled: Intervals = ()
    lossy: Intervals = ()
    slow: Intervals = ()
    refusing: Intervals = ()
    limited: Intervals = ()
    digests: bool = False
    edits: bool = False


@dataclass(frozen=True, kw_only=True)
class Truth:
    """The whole world of a story; durations in seconds, ``epoch`` the begin in Unix seconds by a right clock.

    ``clock_wrong``: when the monitor's clock was. From ``quiet_from`` on nothing is wrong any more. ``keep``: for how
    long what is settled is kept.
    """

    seconds: float
    epoch: float
    execute_deadline: float
    reconcile_deadline: float
    unobserved_after: float
    chains: tuple[ChainTruth, ...]
    transfers: tuple[TransferTruth, ...]
    channels: tuple[ChannelTruth, ...]
    bridge: tuple[BridgeTransaction, ...] = ()
    balances: tuple[BalanceTruth, ...] = ()
    routers: tuple[RouterTruth, ...] = ()
    clock_wrong: Intervals = ()
    quiet_from: float = inf
    keep: float = inf

    @cached_property
    def by_domain(self) -> dict[int, ChainTruth]:
        """The chains."""
        return {chain.domain: chain for chain in self.chains}

    @cached_property
    def by_name(self) -> dict[str, ChainTruth]:
        """The chains."""
        return {chain.name: chain for chain in self.chains}

    @cached_property
    def by_id(self) -> dict[str, TransferTruth]:
        """The transfers."""
        return {transfer.transfer_id: transfer for transfer in self.transfers}

    def deadline(self, kind: str) -> float:
        """How long after XCalled the leg that this kind of alert is about is due."""
        return self.execute_deadline if kind == "execute_overdue" else self.reconcile_deadline


def standing(events: Iterable[Standing], at: float) -> Standing | None:
    """Where the event stands at an instant."""
    return next((event for event in events if at in event.during), None)


def stood_throughout(events: Iterable[Standing], during: Interval) -> bool:
    """Whether the event stood at every instant of the interval, in one block or another."""
    reached = during.begin
    for event in events:
        if event.during.begin <= reached < event.during.end:
            reached = event.during.end
    return reached >= during.end


def stood_sometime(events: Iterable[Standing], during: Interval) -> bool:
    """Whether the event stood at any instant of the interval."""
    return any(event.during.begin < during.end and during.begin < event.during.end for event in events)
