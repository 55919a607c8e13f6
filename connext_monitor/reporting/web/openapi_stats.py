"""What ``/api/v1/stats`` answers, as JSON Schema; what each number means stands in `core.stats`."""

from connext_monitor.core.formats import Json
from connext_monitor.core.stats import BOUNDS
from connext_monitor.reporting.web.json_schema import address, count, digits, exactly, instant, or_null, ref, text

_NONE_YET = "null where there is none."


def stats_schemas() -> Json:
    """All of them by name."""
    return {
        "Stats": _stats(),
        "Percentiles": exactly(_percentiles()),
        "PathwayStats": _pathway(),
        "LegStats": _leg(),
        "RouterStats": _router(),
        "TimeBucket": _bucket(),
    }


def _stats() -> Json:
    timeline = {
        "bucket_seconds": count("How wide each part is."),
        "buckets": {"type": "array", "items": ref("TimeBucket"), "description": "None is left out."},
    }
    bounds = {
        "type": "array",
        "items": count("Seconds, included; one more bucket holds all beyond the last."),
        "minItems": len(BOUNDS),
        "maxItems": len(BOUNDS),
    }
    return exactly(
        {
            "since": instant("Where the window begins; a transfer belongs to it by its XCalled."),
            "until": instant("Where it ends."),
            "histogram_bounds_seconds": bounds,
            "pathways": {"type": "array", "items": ref("PathwayStats")},
            "routers": {"type": "array", "items": ref("RouterStats")},
            "timeline": exactly(timeline),
        }
    )


def _percentiles() -> Json:
    return {
        name: or_null(count("Seconds from XCalled to the leg, of legs that arrived."), _NONE_YET)
        for name in ("p50", "p95", "p99")
    }


def _share(what: str) -> Json:
    return or_null({"type": "number", "minimum": 0, "maximum": 1}, what)


def _pathway() -> Json:
    return exactly(
        {
            "origin": ref("ChainName"),
            "destination": ref("ChainName"),
            "begun": count("Transfers of the window."),
            "open": count("Of these, not completed."),
            "executed_fast": count("Of these, executed by the fast path."),
            "executed_slow": count("Of these, executed by the slow path."),
            "fast_share": _share("The fast part of those executed; null where none is."),
            "completed_fast": count("Executed by the fast path, and reconciled."),
            "completed_slow": count("Executed by the slow path, and reconciled."),
            "last_executed": or_null(instant("The latest ever recorded."), _NONE_YET),
            "execute": ref("LegStats"),
            "reconcile": ref("LegStats"),
        }
    )


def _leg() -> Json:
    buckets = len(BOUNDS) + 1
    histogram = {"type": "array", "items": count("Legs."), "minItems": buckets, "maxItems": buckets}
    return exactly(
        {
            "arrived": count("Legs of the window that arrived."),
            "late": count("Arrived after they were due, or overdue."),
            "overdue_now": count("Overdue at this moment, whenever they began."),
            "latency_seconds": ref("Percentiles"),
            "histogram": histogram,
        }
    )


def _router() -> Json:
    owed = {
        "chain": ref("ChainName"),
        "asset": address("The bridge's token of that chain."),
        "symbol": or_null(text("As the token calls itself."), "null where that is not known."),
        "decimals": or_null(count("The token's."), "null where that is not known."),
        "amount": digits("In base units."),
        "transfers": count("Over so many."),
    }
    return exactly(
        {
            "router": address("Its own."),
            "fills": count("Transfers of the window that it fronted, alone or with others."),
            "share": _share("Their part of all that went the fast path."),
            "last_fill": or_null(instant("The latest ever recorded."), _NONE_YET),
            "owed": {"type": "array", "items": exactly(owed), "description": "Fronted and not got back."},
        }
    )


def _bucket() -> Json:
    leg = exactly({"arrived": count("Legs."), **_percentiles()})
    return exactly(
        {
            "since": instant("Where the part begins."),
            "begun": count("Transfers."),
            "executed_fast": count("Of these, by the fast path."),
            "executed_slow": count("Of these, by the slow path."),
            "execute": leg,
            "reconcile": leg,
        }
    )
