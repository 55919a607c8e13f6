"""Statistics over a window of time; what each number means is said in `core.stats`."""

from typing import Annotated

from msgspec import Meta

from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.documents.chains import ChainName, chain_name
from connext_monitor.core.documents.fields import AddressText, Count, Digits, Document, InstantText, Share, says
from connext_monitor.core.formats import unix_rfc3339
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.stats import (
    BOUNDS,
    LatencyPercentiles,
    LegStats,
    Owed,
    PathwayStats,
    RouterStats,
    Stats,
    TimeBucket,
    Timeline,
)

_BUCKETS = len(BOUNDS) + 1

Percentile = Annotated[Count | None, says("Seconds from XCalled to the leg; null where no leg has arrived.")]


class PercentilesDocument(Document, frozen=True):
    """How long the legs that arrived took."""

    p50: Percentile
    p95: Percentile
    p99: Percentile


class LegStatsDocument(Document, frozen=True):
    """One leg on one pathway."""

    arrived: Annotated[Count, says("Legs of the window that arrived.")]
    late: Annotated[Count, says("Those that arrived after they were due, or are overdue.")]
    overdue_now: Annotated[Count, says("Legs that are overdue at this moment, whenever their transfers began.")]
    latency_seconds: PercentilesDocument
    histogram: Annotated[
        list[Count], Meta(min_length=_BUCKETS, max_length=_BUCKETS, description="Legs that arrived, by latency.")
    ]


class PathwayStatsDocument(Document, frozen=True):
    """One pathway."""

    origin: ChainName
    destination: ChainName
    begun: Annotated[Count, says("Transfers of the window.")]
    open: Annotated[Count, says("Of these, those that are not completed.")]
    executed_fast: Annotated[Count, says("Of these, those executed by the fast path.")]
    executed_slow: Annotated[Count, says("Of these, those executed by the slow path.")]
    fast_share: Annotated[Share | None, says("The fast share of those executed; null where none has been.")]
    completed_fast: Annotated[Count, says("Executed by the fast path, and reconciled.")]
    completed_slow: Annotated[Count, says("Executed by the slow path, and reconciled.")]
    last_executed: Annotated[InstantText | None, says("The latest ever recorded; null where there is none.")]
    execute: LegStatsDocument
    reconcile: LegStatsDocument


class OwedDocument(Document, frozen=True):
    """What a router fronted in one token and has not got back."""

    chain: ChainName
    asset: Annotated[AddressText, says("The bridge's token on that chain.")]
    symbol: Annotated[str | None, says("What the token calls itself; null where that is not known.")]
    decimals: Annotated[Count | None, says("The token's decimals; null where they are not known.")]
    amount: Annotated[Digits, says("In base units.")]
    transfers: Annotated[Count, says("How many transfers it is owed for.")]
    oldest: Annotated[InstantText, says("When the oldest of them was executed.")]


class RouterStatsDocument(Document, frozen=True):
    """One router."""

    router: Annotated[AddressText, says("The router's address.")]
    fills: Annotated[Count, says("Transfers of the window that it fronted, alone or with others.")]
    share: Annotated[Share | None, says("Their share of all that took the fast path; null where none did.")]
    last_fill: Annotated[InstantText | None, says("The latest ever recorded; null where there is none.")]
    owed: Annotated[list[OwedDocument], says("What it fronted and has not got back.")]


class BucketLegDocument(Document, frozen=True):
    """One leg in one part of the window."""

    arrived: Annotated[Count, says("Legs that arrived.")]
    p50: Percentile
    p95: Percentile
    p99: Percentile


class TimeBucketDocument(Document, frozen=True):
    """The transfers that began in one part of the window."""

    since: Annotated[InstantText, says("When this part begins.")]
    begun: Annotated[Count, says("Transfers.")]
    executed_fast: Annotated[Count, says("Of these, those executed by the fast path.")]
    executed_slow: Annotated[Count, says("Of these, those executed by the slow path.")]
    execute: BucketLegDocument
    reconcile: BucketLegDocument


class TimelineDocument(Document, frozen=True):
    """The window in parts of equal width."""

    bucket_seconds: Annotated[Count, says("How wide each part is.")]
    buckets: Annotated[list[TimeBucketDocument], says("No part is left out.")]


class StatsDocument(Document, frozen=True, kw_only=True):
    """Statistics over a window of time."""

    since: Annotated[InstantText, says("When the window begins; a transfer belongs to it by its XCalled.")]
    until: Annotated[InstantText, says("When it ends.")]
    histogram_bounds_seconds: Annotated[
        list[Count],
        Meta(
            min_length=len(BOUNDS),
            max_length=len(BOUNDS),
            description="Upper bounds of the buckets, inclusive; one more bucket holds everything beyond the last.",
        ),
    ]
    pathways: list[PathwayStatsDocument]
    routers: list[RouterStatsDocument]
    timeline: TimelineDocument


def stats_document(stats: Stats, timeline: Timeline, labels: ChainLabels) -> StatsDocument:
    """One window: its pathways, its routers, and its timeline."""
    return StatsDocument(
        since=unix_rfc3339(stats.window.since),
        until=unix_rfc3339(stats.window.until),
        histogram_bounds_seconds=list(BOUNDS),
        pathways=[_pathway(pathway, labels) for pathway in stats.pathways],
        routers=[_router(router, labels) for router in stats.routers],
        timeline=TimelineDocument(timeline.width, [_bucket(bucket) for bucket in timeline.buckets]),
    )


def percentiles_document(latency: LatencyPercentiles) -> PercentilesDocument:
    """Seconds by percentile."""
    return PercentilesDocument(latency.p50, latency.p95, latency.p99)


def _pathway(pathway: PathwayStats, labels: ChainLabels) -> PathwayStatsDocument:
    return PathwayStatsDocument(
        origin=chain_name(pathway.origin, labels),
        destination=chain_name(pathway.destination, labels),
        begun=pathway.begun,
        open=pathway.open,
        executed_fast=pathway.executed_fast,
        executed_slow=pathway.executed_slow,
        fast_share=pathway.fast_share,
        completed_fast=pathway.completed_fast,
        completed_slow=pathway.completed_slow,
        last_executed=_instant(pathway.last_executed),
        execute=_leg(pathway.execute),
        reconcile=_leg(pathway.reconcile),
    )


def _leg(leg: LegStats) -> LegStatsDocument:
    return LegStatsDocument(
        arrived=leg.latency.count,
        late=leg.late,
        overdue_now=leg.overdue,
        latency_seconds=percentiles_document(leg.latency),
        histogram=list(leg.histogram),
    )


def _router(router: RouterStats, labels: ChainLabels) -> RouterStatsDocument:
    return RouterStatsDocument(
        router=to_checksum_address(router.router),
        fills=router.fills,
        share=router.share,
        last_fill=_instant(router.last_fill),
        owed=[_owed(owed, labels) for owed in router.owed],
    )


def _owed(owed: Owed, labels: ChainLabels) -> OwedDocument:
    token = labels.tokens.of(owed.domain, owed.asset)
    return OwedDocument(
        chain=chain_name(owed.domain, labels),
        asset=to_checksum_address(owed.asset),
        symbol=token.symbol if token else None,
        decimals=token.decimals if token else None,
        amount=str(owed.amount),
        transfers=owed.transfers,
        oldest=unix_rfc3339(owed.oldest),
    )


def _bucket(bucket: TimeBucket) -> TimeBucketDocument:
    return TimeBucketDocument(
        since=unix_rfc3339(bucket.since),
        begun=bucket.begun,
        executed_fast=bucket.executed_fast,
        executed_slow=bucket.executed_slow,
        execute=_bucket_leg(bucket.execute),
        reconcile=_bucket_leg(bucket.reconcile),
    )


def _bucket_leg(latency: LatencyPercentiles) -> BucketLegDocument:
    return BucketLegDocument(latency.count, latency.p50, latency.p95, latency.p99)


def _instant(timestamp: int | None) -> str | None:
    return None if timestamp is None else unix_rfc3339(timestamp)
