"""What the database knows, as metrics."""

from collections.abc import Collection, Iterator

from prometheus_client.core import Metric

from connext_monitor.core.alerts.alert import AlertKind
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.deadline import DeadlineState
from connext_monitor.core.events import DomainId
from connext_monitor.core.labels import ChainNames
from connext_monitor.core.stored_numbers import AwaitedLegs, Backlog, PathwayLeg, StoredNumbers
from connext_monitor.reporting.metrics.families import FROM_DATABASE, gauge
from connext_monitor.reporting.metrics.tally import configured_legs, pathway_labels

_NONE = AwaitedLegs(0, 0)
_NOTHING = Backlog()


def deadline_families(numbers: StoredNumbers, chains: ChainNames, unseen: Collection[DomainId]) -> Iterator[Metric]:
    """The legs that are awaited; ``unseen`` are the chains that are not observed."""
    rows = []
    for key in configured_legs(chains):
        for state, count in awaited_states(numbers, key, unseen=key[1] in unseen).items():
            rows.append(((*pathway_labels(chains, key), state.value), count))
    yield gauge(
        "deadlines",
        "Legs with a deadline that have not arrived: pending, overdue (an alert says so), or unobserved (past due "
        f"while the destination is out of sight). {FROM_DATABASE}",
        ("origin", "destination", "leg", "state"),
        rows,
    )


def awaited_states(numbers: StoredNumbers, key: PathwayLeg, *, unseen: bool) -> dict[DeadlineState, int]:
    """How many of a pathway's awaited legs have which state; what is past due and not judged yet is pending."""
    awaited = numbers.awaited.get(key, _NONE)
    overdue = numbers.overdue.get(key, 0)
    unobserved = max(0, awaited.past_due - overdue) if unseen else 0
    return {
        DeadlineState.PENDING: max(0, awaited.count - overdue - unobserved),
        DeadlineState.OVERDUE: overdue,
        DeadlineState.UNOBSERVED: unobserved,
    }


def alert_families(numbers: StoredNumbers) -> Iterator[Metric]:
    """The open alerts; every kind is there with its usual severity, at 0 where none is open."""
    usual: dict[tuple[AlertKind, Severity], int] = dict.fromkeys(((kind, kind.severity) for kind in KINDS.values()), 0)
    counts = usual | dict(numbers.open_alerts)
    yield gauge(
        "alerts_open",
        f"Alerts that are open. {FROM_DATABASE}",
        ("kind", "severity"),
        [((kind.name, severity.value), count) for (kind, severity), count in counts.items()],
    )


def delivery_families(numbers: StoredNumbers, providers: Collection[str], now: float) -> Iterator[Metric]:
    """What waits for each configured provider."""
    backlogs = [(name, numbers.backlogs.get(name, _NOTHING)) for name in providers]
    yield gauge(
        "deliveries_waiting",
        f"Messages that a provider has not taken yet: alerts, their ends, and digests. {FROM_DATABASE}",
        ("provider",),
        [((name,), backlog.waiting) for name, backlog in backlogs],
    )
    yield gauge(
        "deliveries_oldest_age_seconds",
        f"For how long the oldest of them has waited; 0 where none waits. {FROM_DATABASE}",
        ("provider",),
        [((name,), _age(backlog, now)) for name, backlog in backlogs],
    )


def instance_families(numbers: StoredNumbers) -> Iterator[Metric]:
    """The instances that share a database on a server; none where it is a file."""
    if not numbers.instances:
        return
    named = [((instance.name,), instance) for instance in numbers.instances]
    yield gauge(
        "instance_owns_work",
        f"1 for the instance that observes, judges and alerts, 0 for those that stand by. {FROM_DATABASE}",
        ("instance",),
        [(labels, instance.owns_since is not None) for labels, instance in named],
    )
    yield gauge(
        "instance_silent_seconds",
        f"How long ago each instance last showed that it is alive. {FROM_DATABASE}",
        ("instance",),
        [(labels, instance.silent_for) for labels, instance in named],
    )
    yield gauge(
        "instance_clock_ahead_seconds",
        f"By how much its machine's clock was ahead of the database's then (negative: behind). {FROM_DATABASE}",
        ("instance",),
        [(labels, instance.ahead) for labels, instance in named],
    )


def _age(backlog: Backlog, now: float) -> float:
    return 0.0 if backlog.oldest_at is None else max(0.0, now - backlog.oldest_at)
