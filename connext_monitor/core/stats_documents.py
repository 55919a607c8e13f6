"""Statistics in JSON, as the API and ``--json`` give them; what each number means stands in `core.stats`."""

from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.documents import chain_reference
from connext_monitor.core.formats import Json, unix_rfc3339
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.stats import (
    BOUNDS,
    Latency,
    LegStats,
    Owed,
    PathwayStats,
    RouterStats,
    Stats,
    TimeBucket,
    Timeline,
)


def stats_document(stats: Stats, timeline: Timeline, labels: ChainLabels) -> Json:
    """One window: its pathways, its routers, and its timeline."""
    return {
        "since": unix_rfc3339(stats.window.since),
        "until": unix_rfc3339(stats.window.until),
        "histogram_bounds_seconds": list(BOUNDS),
        "pathways": [_pathway(one, labels) for one in stats.pathways],
        "routers": [_router(one, labels) for one in stats.routers],
        "timeline": {"bucket_seconds": timeline.width, "buckets": [_bucket(one) for one in timeline.buckets]},
    }


def _pathway(pathway: PathwayStats, labels: ChainLabels) -> Json:
    return {
        "origin": chain_reference(pathway.origin, labels),
        "destination": chain_reference(pathway.destination, labels),
        "begun": pathway.begun,
        "open": pathway.open,
        "executed_fast": pathway.executed_fast,
        "executed_slow": pathway.executed_slow,
        "fast_share": pathway.fast_share,
        "completed_fast": pathway.completed_fast,
        "completed_slow": pathway.completed_slow,
        "last_executed": _instant(pathway.last_executed),
        "execute": _leg(pathway.execute),
        "reconcile": _leg(pathway.reconcile),
    }


def _leg(leg: LegStats) -> Json:
    return {
        "arrived": leg.latency.count,
        "late": leg.late,
        "overdue_now": leg.overdue,
        "latency_seconds": percentiles_document(leg.latency),
        "histogram": list(leg.histogram),
    }


def percentiles_document(latency: Latency) -> Json:
    """Seconds by percentile, null where no leg has arrived."""
    return {"p50": latency.p50, "p95": latency.p95, "p99": latency.p99}


def _router(router: RouterStats, labels: ChainLabels) -> Json:
    return {
        "router": to_checksum_address(router.router),
        "fills": router.fills,
        "share": router.share,
        "last_fill": _instant(router.last_fill),
        "owed": [_owed(one, labels) for one in router.owed],
    }


def _owed(owed: Owed, labels: ChainLabels) -> Json:
    token = labels.tokens.get((owed.domain, owed.asset))
    return {
        "chain": chain_reference(owed.domain, labels),
        "asset": to_checksum_address(owed.asset),
        "symbol": token.symbol if token else None,
        "decimals": token.decimals if token else None,
        "amount": str(owed.amount),
        "transfers": owed.transfers,
    }


def _bucket(bucket: TimeBucket) -> Json:
    return {
        "since": unix_rfc3339(bucket.since),
        "begun": bucket.begun,
        "executed_fast": bucket.executed_fast,
        "executed_slow": bucket.executed_slow,
        "execute": {"arrived": bucket.execute.count, **percentiles_document(bucket.execute)},
        "reconcile": {"arrived": bucket.reconcile.count, **percentiles_document(bucket.reconcile)},
    }


def _instant(timestamp: int | None) -> str | None:
    return None if timestamp is None else unix_rfc3339(timestamp)
