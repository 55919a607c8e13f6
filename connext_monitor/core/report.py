"""A report on statistics: one period's numbers by pathway beside those of the period before, and what it says in words.

Periods are aligned to UTC: a day begins at midnight, a week on Monday, and whatever else divides a day does so evenly.
"""

from collections.abc import Callable, Sequence
from math import ceil, floor

import msgspec

from connext_monitor.core.alerts.message import Field, Instant, Message
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.deadline import LEGS, Leg
from connext_monitor.core.events import DomainId, Pathway
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.stats import PathwayStats, Stats
from connext_monitor.core.words import duration_words

NAMED = 12
"""Pathways that a message lists one by one; the rest are only counted."""
_DAY, _WEEK = 86_400, 604_800
_MONDAY = 4 * _DAY
"""Unix time began on a Thursday."""


class LegFigures(msgspec.Struct, frozen=True, array_like=True):
    """How many of a pathway's transfers had this leg, how long it took (seconds), and how many were late."""

    arrived: int = 0
    p50: int | None = None
    p95: int | None = None
    late: int = 0


class PathwayFigures(msgspec.Struct, frozen=True, array_like=True):
    """What became of the transfers that began in a period on one pathway."""

    origin: DomainId
    destination: DomainId
    begun: int = 0
    fast: int = 0
    slow: int = 0
    execute: LegFigures = LegFigures()
    reconcile: LegFigures = LegFigures()

    @property
    def ends(self) -> Pathway:
        """Origin and destination."""
        return self.origin, self.destination

    @property
    def open(self) -> int:
        """How many are not completed yet."""
        return self.begun - self.fast - self.slow

    @property
    def late(self) -> int:
        """How many legs came late or are overdue."""
        return self.execute.late + self.reconcile.late

    def leg(self, leg: Leg) -> LegFigures:
        """The leg's own."""
        return self.execute if leg is Leg.EXECUTE else self.reconcile


class Report(msgspec.Struct, frozen=True, array_like=True):
    """The period from ``since`` up to ``until`` (Unix seconds), the busiest pathways first, and the one ``before``.

    The database keeps it, and what it is made of, as JSON arrays of their fields, in this order.
    """

    since: int
    until: int
    pathways: tuple[PathwayFigures, ...]
    before: tuple[PathwayFigures, ...]

    def of(self, includes: Callable[[DomainId, DomainId], bool]) -> "Report":
        """The same of some pathways (origin, destination) only."""

        def some(figures: Sequence[PathwayFigures]) -> tuple[PathwayFigures, ...]:
            return tuple(pathway for pathway in figures if includes(pathway.origin, pathway.destination))

        return msgspec.structs.replace(self, pathways=some(self.pathways), before=some(self.before))

    def earlier(self, pathway: PathwayFigures) -> PathwayFigures:
        """The same pathway in the period before."""
        same = (earlier for earlier in self.before if earlier.ends == pathway.ends)
        return next(same, PathwayFigures(pathway.origin, pathway.destination))


def report_of(stats: Stats, before: Stats) -> Report:
    """The report on one window and the one before it; pathways that have fallen silent are included."""
    now, was = _figures(stats), _figures(before)
    begun = {(pathway.origin, pathway.destination) for pathway in now}
    silent = (
        PathwayFigures(pathway.origin, pathway.destination)
        for pathway in was
        if (pathway.origin, pathway.destination) not in begun
    )
    return Report(stats.window.since, stats.window.until, (*now, *silent), was)


def period_end(now: float, every: float) -> int:
    """When the last whole period ended (Unix seconds)."""
    length = max(1, ceil(every))
    offset = _MONDAY if length % _WEEK == 0 else 0
    return floor((now - offset) / length) * length + offset


def is_due(last: int | None, now: float, every: float, grace: float) -> int | None:
    """The end of the period to report on now, None where there is nothing to report.

    ``last`` is the end of the last one reported. Of several periods that were missed only the last is reported; its
    last blocks get ``grace`` seconds to be read.
    """
    end = period_end(now - grace, every)
    return end if last is not None and end > last else None


# Made here, while there is one thread: a type that msgspec works out at its first use in two at once ends the process.
_decode = msgspec.json.Decoder(Report).decode


def written(report: Report) -> str:
    """The report as the database keeps it."""
    return msgspec.json.encode(report).decode()


def read(stored: str) -> Report:
    """The report that `written` was given."""
    return _decode(stored)


def compose_report(report: Report, labels: ChainLabels) -> Message:
    """The report in words, a fact for each of the busiest pathways."""
    named = report.pathways[:NAMED]
    fields = [
        Field(pathway_words(pathway, labels), _pathway_words(pathway, report.earlier(pathway))) for pathway in named
    ]
    if rest := report.pathways[NAMED:]:
        fields.append(Field(f"{len(rest):,} more pathways", _counts(rest)))
    period = duration_words(report.until - report.since)
    begun, earlier = (sum(pathway.begun for pathway in figures) for figures in (report.pathways, report.before))
    text = f"{_counts(report.pathways, _change(begun, earlier))}. In the period before: {_transfers(earlier)}."
    return Message(
        f"Report on {period}",
        text if begun or earlier else "No transfers.",
        Severity.INFO,
        resolved=False,
        fields=(Field("From", Instant(report.since)), Field("Until", Instant(report.until)), *fields),
    )


def pathway_words(pathway: PathwayFigures, labels: ChainLabels) -> str:
    """``ethereum → optimism``."""
    return f"{labels.display_name(pathway.origin)} → {labels.display_name(pathway.destination)}"


def _figures(stats: Stats) -> tuple[PathwayFigures, ...]:
    return tuple(
        PathwayFigures(
            pathway.origin,
            pathway.destination,
            pathway.begun,
            pathway.completed_fast,
            pathway.completed_slow,
            *(_leg_figures(pathway, leg) for leg in LEGS),
        )
        for pathway in stats.pathways
        if pathway.begun
    )


def _leg_figures(pathway: PathwayStats, leg: Leg) -> LegFigures:
    stats = pathway.leg(leg)
    return LegFigures(stats.latency.count, stats.latency.p50, stats.latency.p95, stats.late)


def _counts(figures: Sequence[PathwayFigures], change: str = "") -> str:
    """``128 transfers (+100 %): 120 completed fast, 3 slow, 5 still open; 2 legs late``."""
    begun, fast, slow, late = (
        sum(getattr(pathway, figure) for pathway in figures) for figure in ("begun", "fast", "slow", "late")
    )
    late_words = f"; {late:,} {'leg' if late == 1 else 'legs'} late" if late else "; none late"
    return (
        f"{_transfers(begun)}{change}: {fast:,} completed fast, {slow:,} slow, {begun - fast - slow:,} still open"
        f"{late_words}"
    )


def _pathway_words(pathway: PathwayFigures, earlier: PathwayFigures) -> str:
    if not pathway.begun:
        return f"no transfers (before: {earlier.begun:,})"
    parts = [_counts([pathway], _change(pathway.begun, earlier.begun))]
    for leg, word in ((Leg.EXECUTE, "executed"), (Leg.RECONCILE, "reconciled")):
        now, was = pathway.leg(leg), earlier.leg(leg)
        if now.p50 is not None and now.p95 is not None:
            before = f" (before: {_times(was)})" if was.p50 is not None else ""
            parts.append(f"{word} in {_times(now)}{before}")
    return " · ".join(parts)


def _times(leg: LegFigures) -> str:
    """``p50 …, p95 …``."""
    return f"p50 {duration_words(leg.p50 or 0)}, p95 {duration_words(leg.p95 or 0)}"


def _change(now: int, before: int) -> str:
    return f" ({round(100 * (now - before) / before):+d} %)" if before else ""


def _transfers(count: int) -> str:
    return f"{count:,} transfer" if count == 1 else f"{count:,} transfers"
