"""Transfers counted by pathway and part of time, as they are kept, and added up to what statistics are made of."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from connext_monitor.core.deadline import LEGS, Leg
from connext_monitor.core.distribution import Distribution, pack
from connext_monitor.core.events import DomainId, Pathway
from connext_monitor.core.stats import TimeBucket


class PathwayCounts(NamedTuple):
    """The transfers of one pathway that began in one part of time; see `core.stats.PathwayStats`.

    ``late_execute`` and ``late_reconcile`` are legs that arrived after they were due; ``execute`` and ``reconcile``
    the latencies of those that arrived, in seconds, in no order; ``fills`` who fronted, 20 bytes for each router, and
    how many transfers, whether their XCalled has been seen or not. Everything else is of transfers with an XCalled.
    """

    origin: DomainId
    destination: DomainId
    begun: int
    executed_fast: int
    executed_slow: int
    completed_fast: int
    completed_slow: int
    late_execute: int
    late_reconcile: int
    execute: list[int]
    reconcile: list[int]
    fills: list[tuple[bytes, int]]

    @property
    def pathway(self) -> Pathway:
        """Both ends."""
        return self.origin, self.destination


class PackedCounts(NamedTuple):
    """The same with its latencies as `core.distribution.pack` makes them; in ``counts`` there are none."""

    counts: PathwayCounts
    execute: bytes
    reconcile: bytes


class SpanCounts(NamedTuple):
    """Whole days, counted: by pathway, and each day by itself, all pathways together."""

    pathways: list[PackedCounts]
    days: list[TimeBucket]


@dataclass(slots=True)
class Sums:
    """What has been added up so far."""

    begun: int = 0
    executed_fast: int = 0
    executed_slow: int = 0
    completed_fast: int = 0
    completed_slow: int = 0
    late: Counter[Leg] = field(default_factory=Counter)
    fills: Counter[bytes] = field(default_factory=Counter)
    took: Mapping[Leg, Distribution] = field(default_factory=lambda: {leg: Distribution() for leg in LEGS})

    def add(self, counts: PathwayCounts) -> None:
        """Add these."""
        self.begun += counts.begun
        self.executed_fast += counts.executed_fast
        self.executed_slow += counts.executed_slow
        self.completed_fast += counts.completed_fast
        self.completed_slow += counts.completed_slow
        self.late[Leg.EXECUTE] += counts.late_execute
        self.late[Leg.RECONCILE] += counts.late_reconcile
        self.took[Leg.EXECUTE].add(counts.execute)
        self.took[Leg.RECONCILE].add(counts.reconcile)
        for routers, count in counts.fills:
            self.fills[routers] += count

    def add_packed(self, packed: PackedCounts) -> None:
        """Add these."""
        self.add(packed.counts)
        self.took[Leg.EXECUTE].add_packed(packed.execute)
        self.took[Leg.RECONCILE].add_packed(packed.reconcile)

    def bucket(self, since: int) -> TimeBucket:
        """As a part of time that began then (Unix seconds)."""
        took = (self.took[leg].percentiles() for leg in LEGS)
        return TimeBucket(since, self.begun, self.executed_fast, self.executed_slow, *took)


def span_of(counted: Iterable[tuple[int, PathwayCounts]]) -> SpanCounts:
    """Of what was counted by days, each with its beginning (Unix seconds)."""
    pathways: defaultdict[Pathway, list[PathwayCounts]] = defaultdict(list)
    days: defaultdict[int, Sums] = defaultdict(Sums)
    for day, counts in counted:
        pathways[counts.pathway].append(counts)
        days[day].add(counts)
    return SpanCounts([_packed(its) for its in pathways.values()], [its.bucket(day) for day, its in days.items()])


def _packed(every: Sequence[PathwayCounts]) -> PackedCounts:
    """Of one pathway."""
    sums = Sums()
    for counts in every:
        sums.add(counts)
    counts = PathwayCounts(
        *every[0].pathway,
        sums.begun,
        sums.executed_fast,
        sums.executed_slow,
        sums.completed_fast,
        sums.completed_slow,
        sums.late[Leg.EXECUTE],
        sums.late[Leg.RECONCILE],
        execute=[],
        reconcile=[],
        fills=list(sums.fills.items()),
    )
    execute, reconcile = (pack(chain.from_iterable(getattr(counts, leg.value) for counts in every)) for leg in LEGS)
    return PackedCounts(counts, execute, reconcile)
