"""Statistics over a window of time, and how their percentiles and histograms are computed.

A transfer belongs to a window by its start: the block time of its XCalled or, while its origin has not been seen, that
of its first leg. So every number of a window is about the same transfers, however long ago or lately their legs came;
of the youngest ones some are still on their way. Where a number is about the present instead, it says so.

A latency is the seconds from XCalled's block time to the leg's, of legs that have arrived. Chains stamp their blocks by
clocks of their own: a leg stamped before its XCalled took 0 s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor

from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import Address, DomainId, Timestamp

Latencies = Sequence[int]
"""In seconds, one for each leg that arrived, the shortest first."""

BOUNDS = (
    10, 20, 30, 45, 60, 90, 120, 180, 240, 300, 600, 900, 1_200, 1_800, 2_700, 3_600, 5_400, 7_200, 9_000, 10_800,
    14_400, 21_600, 43_200, 86_400,
)  # fmt: skip
"""Upper bounds of a histogram's buckets in seconds, inclusive; one more bucket holds everything beyond the last.

What is kept of days that are over was counted by them: a migration that changes them keeps none of it (v0028).
"""

PERCENTS = (50, 95, 99)
"""These too."""

_WIDTHS = (60, 300, 3_600, 6 * 3_600, 86_400)
_MOST_PARTS = 200


@dataclass(frozen=True, slots=True)
class Window:
    """From ``since`` (inclusive) to ``until`` (exclusive), in Unix seconds; None for an end means every chain."""

    since: int
    until: int
    origin: DomainId | None = None
    destination: DomainId | None = None


@dataclass(frozen=True, slots=True)
class LatencyPercentiles:
    """How long legs took, in seconds: of ``count`` that arrived; None where none has.

    A percentile is the nearest rank: the shortest latency that at least that many of a hundred legs did not exceed.
    It is always an observed latency, never an interpolated one.
    """

    count: int = 0
    p50: int | None = None
    p95: int | None = None
    p99: int | None = None


@dataclass(frozen=True, slots=True)
class LegStats:
    """One leg of one pathway.

    ``late`` of the window's transfers arrived after they were due, or have not arrived and are overdue; ``overdue`` is
    how many of the pathway are overdue now, whenever they began: their absence is established, and their alert stands
    open. ``histogram`` counts latencies by `BOUNDS`.
    """

    latency: LatencyPercentiles = LatencyPercentiles()
    histogram: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    late: int = 0
    overdue: int = 0


@dataclass(frozen=True, slots=True)
class PathwayStats:
    """One pathway; its counts are of transfers whose XCalled has been seen.

    ``begun`` in the window; of these ``executed_fast`` (routers fronted the funds) and ``executed_slow``, reconciled or
    not, and ``completed_fast`` and ``completed_slow``, both executed and reconciled. ``last_executed`` (Unix seconds)
    is the latest execution ever recorded of the pathway, None where there is none.
    """

    origin: DomainId
    destination: DomainId
    begun: int = 0
    executed_fast: int = 0
    executed_slow: int = 0
    completed_fast: int = 0
    completed_slow: int = 0
    last_executed: Timestamp | None = None
    execute: LegStats = LegStats()
    reconcile: LegStats = LegStats()

    @property
    def open(self) -> int:
        """How many of them are not completed."""
        return self.begun - self.completed_fast - self.completed_slow

    @property
    def fast_share(self) -> float | None:
        """The share of executed transfers that took the fast path, 0 to 1; None where none has been executed."""
        executed = self.executed_fast + self.executed_slow
        return self.executed_fast / executed if executed else None

    def leg(self, leg: Leg) -> LegStats:
        """The leg's own."""
        return self.execute if leg is Leg.EXECUTE else self.reconcile


@dataclass(frozen=True, slots=True)
class Owed:
    """What a router fronted on one chain and has not got back: base units of ``asset``, for this many transfers.

    ``asset`` is the bridge's own token of that chain (Executed's ``local``), in which the router is paid back.
    ``oldest`` is when the first of them was executed (Unix seconds).
    """

    domain: DomainId
    asset: Address
    amount: int
    transfers: int
    oldest: Timestamp


@dataclass(frozen=True, slots=True)
class RouterStats:
    """One router, known from the fills recorded of it.

    ``fills`` are the window's transfers that it fronted, alone or with others, whether their XCalled has been seen or
    not; ``share`` is their part of all that were executed by the fast path, 0 to 1, None where none was: as several
    routers may front one transfer, shares may add up to more than 1. ``last_fill`` (Unix seconds) is the latest ever
    recorded, and ``owed`` what stands out now, whenever it was fronted.
    """

    router: Address
    fills: int
    share: float | None
    last_fill: Timestamp
    owed: tuple[Owed, ...] = ()


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many alerts one leg of one pathway would have made of a window's ``transfers``, those with an XCalled.

    ``today`` is the deadline of the present config in seconds after XCalled, ``alerts_today`` what it would have made;
    ``alerts`` stand in the order of the deadlines that were asked about. A leg makes an alert where its block is
    stamped later than it was due, or where it has not arrived and its destination is covered past that. One that
    arrived within the very first block past its deadline counts too, though a running monitor sees it in time.

    ``unknown`` of the transfers have no such leg, and nobody can say from what is stored whether they have: they began
    before the watch, and their destination was not read for them.
    """

    origin: DomainId
    destination: DomainId
    leg: Leg
    transfers: int
    latency: LatencyPercentiles
    today: int
    alerts_today: int
    alerts: tuple[int, ...]
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class TimeBucket:
    """The transfers that began in one part of a window, from ``since`` (Unix seconds) on, all pathways together.

    Counts and latencies as in `PathwayStats`.
    """

    since: int
    begun: int = 0
    executed_fast: int = 0
    executed_slow: int = 0
    execute: LatencyPercentiles = LatencyPercentiles()
    reconcile: LatencyPercentiles = LatencyPercentiles()


@dataclass(frozen=True, slots=True)
class Timeline:
    """A window in parts of ``width`` seconds, aligned to multiples of it; none is left out, the first and last are cut.

    ``width`` divides evenly into hours or days, so that hours begin with the clock's (UTC).
    """

    width: int
    buckets: tuple[TimeBucket, ...]


@dataclass(frozen=True, slots=True)
class Stats:
    """Everything about one window, as of one moment: pathways by transfers begun, routers by fills, the most first."""

    window: Window
    pathways: tuple[PathwayStats, ...]
    routers: tuple[RouterStats, ...]


@dataclass(frozen=True, slots=True)
class FilledByRouter:
    """What routers fronted in one window: how many transfers each, and ``fronted`` by anybody at all.

    Several may have fronted one together: it counts for each of them.
    """

    fills: Mapping[Address, int]
    fronted: int

    def share(self, router: Address) -> float | None:
        """Of what was fronted; None where nothing was."""
        return self.fills.get(router, 0) / self.fronted if self.fronted else None


@dataclass(frozen=True, slots=True)
class WindowStats:
    """One window: what it amounts to, and how it went.

    ``unpaid`` is all that routers are owed, the most transfers first; of the window its ends count.
    """

    stats: Stats
    filled: FilledByRouter
    unpaid: Sequence[tuple[Address, Owed]]
    timeline: Timeline


def latency(took: Latencies) -> LatencyPercentiles:
    """The percentiles of these latencies."""
    if not took:
        return LatencyPercentiles()
    return LatencyPercentiles(len(took), *(took[-(-len(took) * percent // 100) - 1] for percent in PERCENTS))


def shares_of(amounts: Sequence[int], routers: int) -> list[int]:
    """What each router gets back of amounts that they fronted together: of each equal parts, the remainder to the last.

    Source: ``InboxFacet._reconcile`` of the contracts.
    """
    if routers == 1:
        return [sum(amounts)]
    even = sum(amount // routers for amount in amounts)
    return [even] * (routers - 1) + [sum(amounts) - even * (routers - 1)]


def last(seconds: float, now: float, origin: DomainId | None = None, destination: DomainId | None = None) -> Window:
    """The window of this many seconds that ends ``now`` (Unix seconds); a block of this second is within it."""
    until = floor(now) + 1
    return Window(until - max(1, round(seconds)), until, origin, destination)


def usual_width(window: Window) -> int:
    """A sensible width for the parts of the window's timeline, in seconds: hours for a day or a week."""
    length = window.until - window.since
    return next((width for width in _WIDTHS if length <= width * _MOST_PARTS), _WIDTHS[-1])


def starts(window: Window, width: int) -> range:
    """When the parts of a timeline begin (Unix seconds)."""
    return range(window.since - window.since % width, window.until, width)
