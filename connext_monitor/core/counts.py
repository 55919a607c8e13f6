"""Transfers counted by pathway and part of time, as they are kept, and added up to what statistics are made of."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

import msgspec

from connext_monitor.core.deadline import Leg
from connext_monitor.core.distribution import Distribution, pack
from connext_monitor.core.events import Address, DomainId, Pathway
from connext_monitor.core.stats import TimeBucket, latency

HOUR = 3_600
"""Seconds, as all of these."""
DAY = 86_400
QUARTER = DAY // 4
"""Quarters begin at multiples of it."""


class PathwayCounts(NamedTuple):
    """The transfers of one pathway that began in one part of time; see `core.stats.PathwayStats`.

    ``late_execute`` and ``late_reconcile`` are legs that arrived after they were due; ``execute`` and ``reconcile``
    the latencies of those that arrived, in seconds, in no order; ``fronted`` how many transfers routers fronted, and
    ``fills`` each router's, whether their XCalled has been seen or not: several may have fronted one together.
    Everything else is of transfers with an XCalled.
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
    fronted: int
    fills: list[tuple[Address, int]]

    @property
    def pathway(self) -> Pathway:
        """Both ends."""
        return self.origin, self.destination


class PackedCounts(NamedTuple):
    """The same of several days, with its latencies as `core.distribution.pack` makes them; in ``counts`` are none.

    ``days`` is each day by itself, a list of `TimeBucket`, which hardly anybody reads; see `days_of`.
    """

    counts: PathwayCounts
    execute: bytes
    reconcile: bytes
    days: msgspec.Raw

    @property
    def pathway(self) -> Pathway:
        """Both ends."""
        return self.counts.pathway


_encode_days = msgspec.msgpack.Encoder().encode
_decode_days = msgspec.msgpack.Decoder(list[TimeBucket]).decode


class QuarterCounts(NamedTuple):
    """A quarter of a day, counted: by pathway, and each hour by itself, all pathways together."""

    pathways: list[PathwayCounts]
    hours: list[TimeBucket]


class SpanCounts(NamedTuple):
    """Whole days, counted: by pathway, and each day and each quarter by itself, all pathways together."""

    pathways: list[PackedCounts]
    days: list[TimeBucket]
    quarters: list[TimeBucket]


class WholeParts(NamedTuple):
    """Several whole parts of a window, counted: by pathway, and each part by itself, all pathways together."""

    pathways: Sequence[PathwayCounts | PackedCounts]
    parts: Sequence[TimeBucket]


@dataclass(slots=True)
class Sums:
    """What has been added up so far of a pathway."""

    begun: int = 0
    executed_fast: int = 0
    executed_slow: int = 0
    completed_fast: int = 0
    completed_slow: int = 0
    late_execute: int = 0
    late_reconcile: int = 0
    execute: Distribution = field(default_factory=Distribution)
    reconcile: Distribution = field(default_factory=Distribution)
    fronted: int = 0
    fills: dict[Address, int] = field(default_factory=dict)

    def add(self, its: PathwayCounts | PackedCounts) -> None:
        """Add these."""
        if isinstance(its, PackedCounts):
            self.execute.add_packed(its.execute)
            self.reconcile.add_packed(its.reconcile)
            its = its.counts
        self.begun += its.begun
        self.executed_fast += its.executed_fast
        self.executed_slow += its.executed_slow
        self.completed_fast += its.completed_fast
        self.completed_slow += its.completed_slow
        self.late_execute += its.late_execute
        self.late_reconcile += its.late_reconcile
        self.execute.add(its.execute)
        self.reconcile.add(its.reconcile)
        self.fronted += its.fronted
        for router, count in its.fills:
            self.fills[router] = self.fills.get(router, 0) + count

    def took(self, leg: Leg) -> Distribution:
        """The latencies of the leg."""
        return self.execute if leg is Leg.EXECUTE else self.reconcile

    def late(self, leg: Leg) -> int:
        """How many of the leg arrived after they were due."""
        return self.late_execute if leg is Leg.EXECUTE else self.late_reconcile


@dataclass(slots=True)
class _PartSums:
    """What has been added up so far of a part of time."""

    begun: int = 0
    executed_fast: int = 0
    executed_slow: int = 0
    execute: list[int] = field(default_factory=list)
    reconcile: list[int] = field(default_factory=list)

    def add(self, counts: PathwayCounts) -> None:
        self.begun += counts.begun
        self.executed_fast += counts.executed_fast
        self.executed_slow += counts.executed_slow
        self.execute += counts.execute
        self.reconcile += counts.reconcile

    def bucket(self, since: int) -> TimeBucket:
        took = (latency(sorted(its)) for its in (self.execute, self.reconcile))
        return TimeBucket(since, self.begun, self.executed_fast, self.executed_slow, *took)


def parts_of(counted: Iterable[tuple[int, PathwayCounts]], width: int) -> list[TimeBucket]:
    """Of what was counted by shorter parts, each with its beginning (Unix seconds); all pathways together."""
    parts: defaultdict[int, _PartSums] = defaultdict(_PartSums)
    for since, counts in counted:
        parts[since - since % width].add(counts)
    return [its.bucket(since) for since, its in sorted(parts.items())]


def quarter_of(counted: Iterable[tuple[int, PathwayCounts]]) -> QuarterCounts:
    """Of what was counted by hours, each with its beginning (Unix seconds)."""
    hours = list(counted)
    return QuarterCounts([_together(its) for its in _by_pathway(hours)], parts_of(hours, HOUR))


def span_of(counted: Iterable[tuple[int, PathwayCounts]]) -> SpanCounts:
    """Of what was counted by quarters, each with its beginning (Unix seconds)."""
    quarters = list(counted)
    pathways = [_packed(its) for its in _by_pathway(quarters)]
    return SpanCounts(pathways, parts_of(quarters, DAY), parts_of(quarters, QUARTER))


def days_of(packed: PackedCounts) -> list[TimeBucket]:
    """Each day that has any of its transfers."""
    return _decode_days(packed.days)


def _by_pathway(counted: Iterable[tuple[int, PathwayCounts]]) -> list[list[tuple[int, PathwayCounts]]]:
    pathways: defaultdict[Pathway, list[tuple[int, PathwayCounts]]] = defaultdict(list)
    for since, counts in counted:
        pathways[counts.pathway].append((since, counts))
    return [its for _, its in sorted(pathways.items())]


def _together(every: Sequence[tuple[int, PathwayCounts]]) -> PathwayCounts:
    """Of one pathway."""
    sums = Sums()
    for _, counts in every:
        sums.add(counts)
    return PathwayCounts(
        *every[0][1].pathway,
        sums.begun,
        sums.executed_fast,
        sums.executed_slow,
        sums.completed_fast,
        sums.completed_slow,
        sums.late_execute,
        sums.late_reconcile,
        execute=sorted(chain.from_iterable(counts.execute for _, counts in every)),
        reconcile=sorted(chain.from_iterable(counts.reconcile for _, counts in every)),
        fronted=sums.fronted,
        fills=sorted(sums.fills.items()),
    )


def _packed(every: Sequence[tuple[int, PathwayCounts]]) -> PackedCounts:
    """Of one pathway."""
    its = _together(every)
    days = msgspec.Raw(_encode_days(parts_of(every, DAY)))
    return PackedCounts(its._replace(execute=[], reconcile=[]), pack(its.execute), pack(its.reconcile), days)
