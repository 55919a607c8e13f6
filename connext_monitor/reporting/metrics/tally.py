"""What has happened since the process started, counted as it is reported."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from prometheus_client.core import HistogramMetricFamily, Metric

from connext_monitor.core.arrivals import arrivals
from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.deadline import LEGS
from connext_monitor.core.delivery import ChannelDead, FailureCause, Outcome, Refused, Sent, TryLater
from connext_monitor.core.events import DomainId, EventKind
from connext_monitor.core.labels import ChainNames
from connext_monitor.core.recording import Changes
from connext_monitor.core.stored_numbers import PathwayLeg
from connext_monitor.core.transfer import SeenRecord
from connext_monitor.reporting.metrics.families import PREFIX, SINCE_START, counter
from connext_monitor.reporting.metrics.histogram import Histogram

LATENCIES = (15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400)
"""Seconds: a fast execution takes a minute or two, a reconciliation hours."""
_OUTCOMES = ("sent", *(cause.value for cause in FailureCause), "refused", "dead")
_MOVED = "a leg that a reorg moves is counted again."


class _Legs:
    """Of one leg on one pathway: how many were settled late (0) and in time (1), and how long they took."""

    __slots__ = ("latency", "settled")

    def __init__(self) -> None:
        self.settled = [0, 0]
        self.latency = Histogram(LATENCIES)


class Tally:
    """Counters that begin at 0 with the process; all methods are for the event loop's thread."""

    def __init__(self, chains: ChainNames, providers: Collection[str]) -> None:
        self._chains = chains
        self._providers = tuple(providers)
        self._recorded: Counter[tuple[DomainId, EventKind]] = Counter()
        self._taken_back: Counter[tuple[DomainId, EventKind]] = Counter()
        self._reorgs: Counter[tuple[DomainId, str]] = Counter()
        self.malformed: Counter[DomainId] = Counter()
        self._deliveries: Counter[tuple[str, str]] = Counter()
        self._legs: dict[PathwayLeg, _Legs] = {}

    def committed(self, changes: Changes, progress: Iterable[ChainProgress], malformed: Mapping[DomainId, int]) -> None:
        """A batch has become durable; ``malformed`` counts the logs that were kept unread, by chain."""
        if malformed:
            self.malformed.update(malformed)
        for record in changes.added:
            self._recorded[_chain_and_kind(record)] += 1
        if changes.removed:
            self._taken_back.update(map(_chain_and_kind, changes.removed))
            self._reorgs.update((domain, "shallow") for domain in {lost.domain for lost in changes.removed})
        for chain in progress:
            self._reorgs[chain.domain, "deep"] += chain.replaced is not None
        for arrival in arrivals(changes):
            legs = self._legs_of((arrival.origin, arrival.destination, arrival.leg))
            legs.latency.observe(arrival.seconds)
            if arrival.in_time is not None:
                legs.settled[arrival.in_time] += 1

    def expect(self, awaited: Iterable[PathwayLeg]) -> None:
        """Export the latencies of these as 0 before the first arrival: a counter that begins at 1 has no rate."""
        for key in awaited:
            self._legs_of(key)

    def delivered(self, provider: str, outcome: Outcome) -> None:
        """An attempt to deliver a message to a provider has ended."""
        self._deliveries[provider, _outcome(outcome)] += 1

    def families(self) -> Iterator[Metric]:
        """All counts so far."""
        kinds = [(domain, kind) for domain in self._chains for kind in EventKind]
        yield counter(
            "events_recorded_total",
            f"Events of the bridge that were recorded, by the chain that they stand on. {SINCE_START}",
            ("chain", "kind"),
            [((self._chains[domain], kind.value), self._recorded[domain, kind]) for domain, kind in kinds],
        )
        yield counter(
            "events_taken_back_total",
            f"Recorded events whose block was proven to be replaced by another. {SINCE_START}",
            ("chain", "kind"),
            [((self._chains[domain], kind.value), self._taken_back[domain, kind]) for domain, kind in kinds],
        )
        yield counter(
            "reorgs_total",
            "Reorgs seen: shallow ones that took recorded events back, deep ones that replaced a block which counted "
            f"as final. {SINCE_START}",
            ("chain", "depth"),
            [
                ((name, depth), self._reorgs[domain, depth])
                for domain, name in self._chains.items()
                for depth in ("shallow", "deep")
            ],
        )
        yield counter(
            "deliveries_total",
            f"Attempts to deliver a message to a provider, by outcome. {SINCE_START}",
            ("provider", "outcome"),
            [((name, outcome), self._deliveries[name, outcome]) for name in self._providers for outcome in _OUTCOMES],
        )
        yield counter(
            "deadlines_settled_total",
            f"Legs with a deadline that arrived: met, or late; {_MOVED} {SINCE_START}",
            ("origin", "destination", "leg", "outcome"),
            [
                (
                    (*pathway_labels(self._chains, key), outcome),
                    self._legs[key].settled[in_time] if key in self._legs else 0,
                )
                for key in configured_legs(self._chains)
                for in_time, outcome in ((True, "met"), (False, "late"))
            ],
        )
        yield self._latency()

    def _legs_of(self, key: PathwayLeg) -> "_Legs":
        legs = self._legs.get(key)
        if legs is None:
            legs = self._legs[key] = _Legs()
        return legs

    def _latency(self) -> HistogramMetricFamily:
        family = HistogramMetricFamily(
            f"{PREFIX}leg_latency_seconds",
            f"From XCalled's block time to the leg's, for each leg that arrived, in time or late; {_MOVED} "
            f"{SINCE_START}",
            labels=("origin", "destination", "leg"),
        )
        for key, legs in sorted(self._legs.items(), key=lambda item: item[0]):
            if key[0] in self._chains and key[1] in self._chains:
                family.add_metric(pathway_labels(self._chains, key), legs.latency.buckets(), legs.latency.sum)
        return family


def configured_legs(chains: ChainNames) -> Iterator[PathwayLeg]:
    """Both legs of every pathway between configured chains."""
    for origin in chains:
        for destination in chains:
            if origin != destination:
                yield from ((origin, destination, leg) for leg in LEGS)


def pathway_labels(chains: ChainNames, key: PathwayLeg) -> tuple[str, str, str]:
    """Its names: origin, destination, leg."""
    return (chains[key[0]], chains[key[1]], key[2].value)


def _chain_and_kind(record: SeenRecord) -> tuple[DomainId, EventKind]:
    return (record.domain, record.event.kind)


def _outcome(outcome: Outcome) -> str:
    match outcome:
        case Sent():
            return "sent"
        case TryLater(cause=cause):
            return cause.value
        case Refused():
            return "refused"
        case ChannelDead():
            return "dead"
