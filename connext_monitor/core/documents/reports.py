"""A report on statistics."""

from collections.abc import Sequence
from typing import Annotated

from msgspec.structs import asdict

from connext_monitor.core.documents.chains import ChainName, chain_name
from connext_monitor.core.documents.fields import Count, Document, InstantText, says
from connext_monitor.core.formats import unix_rfc3339
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.report import LegFigures, PathwayFigures, Report


class ReportTotal(Document, frozen=True):
    """What became of the transfers that began in a period."""

    begun: Annotated[Count, says("Transfers.")]
    completed_fast: Annotated[Count, says("Executed by the fast path, and reconciled.")]
    completed_slow: Annotated[Count, says("Executed by the slow path, and reconciled.")]
    late: Annotated[Count, says("Legs that arrived after they were due, or are overdue.")]
    open: Annotated[Count, says("Transfers that are not completed.")]


class ReportLeg(Document, frozen=True):
    """One leg in a period."""

    arrived: Annotated[Count, says("Legs that arrived.")]
    late: Annotated[Count, says("Those that arrived after they were due, or are overdue.")]
    p50_seconds: Annotated[Count | None, says("Seconds from XCalled to the leg; null where none has arrived.")]
    p95_seconds: Annotated[Count | None, says("Seconds from XCalled to the leg; null where none has arrived.")]


class ReportFigures(ReportTotal, frozen=True):
    """A period on one pathway."""

    execute: ReportLeg
    reconcile: ReportLeg


class ReportPathway(Document, frozen=True):
    """One pathway, beside the period before."""

    origin: ChainName
    destination: ChainName
    begun: Annotated[Count, says("Transfers.")]
    completed_fast: Annotated[Count, says("Executed by the fast path, and reconciled.")]
    completed_slow: Annotated[Count, says("Executed by the slow path, and reconciled.")]
    late: Annotated[Count, says("Legs that arrived after they were due, or are overdue.")]
    open: Annotated[Count, says("Transfers that are not completed.")]
    execute: ReportLeg
    reconcile: ReportLeg
    before: ReportFigures


class ReportDocument(Document, frozen=True):
    """A period, beside the one before."""

    since: Annotated[InstantText, says("When the period begins.")]
    until: Annotated[InstantText, says("When it ends.")]
    total: ReportTotal
    total_before: ReportTotal
    pathways: Annotated[list[ReportPathway], says("The busiest first.")]
    pathways_left_out: Annotated[Count, says("How many more there are.")]


def report_document(report: Report, labels: ChainLabels, most: int) -> ReportDocument:
    """The report on the ``most`` busiest pathways."""
    return ReportDocument(
        since=unix_rfc3339(report.since),
        until=unix_rfc3339(report.until),
        total=_total(report.pathways),
        total_before=_total(report.before),
        pathways=[_pathway(report, pathway, labels) for pathway in report.pathways[:most]],
        pathways_left_out=max(0, len(report.pathways) - most),
    )


def _total(pathways: Sequence[PathwayFigures]) -> ReportTotal:
    return ReportTotal(
        begun=sum(pathway.begun for pathway in pathways),
        completed_fast=sum(pathway.fast for pathway in pathways),
        completed_slow=sum(pathway.slow for pathway in pathways),
        late=sum(pathway.late for pathway in pathways),
        open=sum(pathway.open for pathway in pathways),
    )


def _pathway(report: Report, pathway: PathwayFigures, labels: ChainLabels) -> ReportPathway:
    return ReportPathway(
        origin=chain_name(pathway.origin, labels),
        destination=chain_name(pathway.destination, labels),
        before=_figures(report.earlier(pathway)),
        **asdict(_figures(pathway)),
    )


def _figures(pathway: PathwayFigures) -> ReportFigures:
    return ReportFigures(
        begun=pathway.begun,
        completed_fast=pathway.fast,
        completed_slow=pathway.slow,
        late=pathway.late,
        open=pathway.open,
        execute=_leg(pathway.execute),
        reconcile=_leg(pathway.reconcile),
    )


def _leg(leg: LegFigures) -> ReportLeg:
    return ReportLeg(leg.arrived, leg.late, leg.p50, leg.p95)
