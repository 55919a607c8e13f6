"""Transfers counted by pathway and part of time, as they are kept, and added up to what statistics are made of."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from connext_monitor.core.deadline import LEGS, Leg
from connext_monitor.core.events import DomainId, Pathway
from connext_monitor.core.stats import Latencies


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
    _took: Mapping[Leg, list[int]] = field(default_factory=lambda: {leg: [] for leg in LEGS})

    def add(self, counts: PathwayCounts) -> None:
        """Add these."""
        self.begun += counts.begun
        self.executed_fast += counts.executed_fast
        self.executed_slow += counts.executed_slow
        self.completed_fast += counts.completed_fast
        self.completed_slow += counts.completed_slow
        self.late[Leg.EXECUTE] += counts.late_execute
        self.late[Leg.RECONCILE] += counts.late_reconcile
        self._took[Leg.EXECUTE].extend(counts.execute)
        self._took[Leg.RECONCILE].extend(counts.reconcile)
        for routers, count in counts.fills:
            self.fills[routers] += count

    def latencies(self, leg: Leg) -> Latencies:
        """How long the leg took."""
        self._took[leg].sort()
        return self._took[leg]
