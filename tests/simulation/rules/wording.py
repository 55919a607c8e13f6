"""What alerts say of themselves: how serious they are, and how they ended (`docs/api.md`)."""

from collections.abc import Iterator

from tests.simulation.findings import Finding, Wrong
from tests.simulation.rules.bridge import CHANGED
from tests.simulation.rules.overdue import KINDS, lately
from tests.simulation.rules.weather import Case
from tests.simulation.trace import AlertChange, State
from tests.simulation.truth import TransferTruth, stood_sometime, stood_throughout

SEVERITIES = {
    "execute_overdue": "critical",
    "reconcile_overdue": "warning",
    "chain_unobserved": "warning",
    "deep_reorg": "critical",
    "bridge_paused": "critical",
    "phantom_delivery": "critical",
    "delivery_mismatch": "critical",
    "pathway_stalled": "warning",
    "provider_failing": "warning",
    "backup_failed": "warning",
    "database_failing": "critical",
    "router_liquidity_low": "warning",
    "router_silent": "warning",
    "monitor_started_blind": "info",
    "owner_changed": "info",
}
RESOLUTIONS = {
    "execute_overdue": {"executed", "reorged"},
    "reconcile_overdue": {"reconciled", "reorged"},
    "chain_unobserved": {"observed"},
    "deep_reorg": {"covered_again"},
    "bridge_paused": {"unpaused", "reorged"},
    "bridge_changed": {"noted", "reorged"},
    "phantom_delivery": {"origin_found", "reorged"},
    "delivery_mismatch": {"reorged"},
    "pathway_stalled": {"executing", "reorged"},
    "provider_failing": {"recovered"},
    "backup_failed": {"backed_up"},
    "database_failing": {"recovered"},
    "router_liquidity_low": {"refilled"},
    "router_silent": {"filling"},
    "monitor_started_blind": {"caught_up"},
    "owner_changed": {"noted"},
}
"""Nothing is ever removed from the config of a story, and nobody acknowledges anything."""


def wording(case: Case) -> Iterator[Finding]:
    """All that is wrong with what alerts say of themselves."""
    for change in case.trace.alerts:
        words = _wrong(case, change)
        if words:
            yield Finding(change.at, Wrong.FALSE, "an alert says what is", change.subject, f"{change.kind} {words}")


def _wrong(case: Case, change: AlertChange) -> str | None:
    if change.kind != CHANGED and change.severity != SEVERITIES.get(change.kind):
        return f"is {change.severity}"
    if change.state is State.OPEN:
        return None
    if change.resolution not in RESOLUTIONS[change.kind]:
        return f"ended as {change.resolution}"
    transfer = case.truth.by_id.get(change.subject)
    return _wrong_end(case, change, transfer) if transfer and change.kind in KINDS else None


def _wrong_end(case: Case, change: AlertChange, transfer: TransferTruth) -> str | None:
    """A leg that is said to have come must have stood lately; an XCalled that is said to be gone must not, or moved."""
    if change.resolution != "reorged":
        stood = stood_sometime(transfer.leg(change.kind), lately(case, change.at, transfer.destination))
        return None if stood else f"ended as {change.resolution}, and its leg never came"
    moved = any(called.during.end <= change.at for called in transfer.xcalled)
    stands = stood_throughout(transfer.xcalled, lately(case, change.at, transfer.origin))
    return "ended as reorged, and its XCalled stands where it stood" if stands and not moved else None
