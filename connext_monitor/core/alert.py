"""Alerts: what can be wrong, how bad it is, and one alert's life."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum

from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import TransferId


class AlertKind(StrEnum):
    """The contract's kinds that this version raises."""

    EXECUTE_OVERDUE = "execute_overdue"
    RECONCILE_OVERDUE = "reconcile_overdue"
    CHAIN_UNOBSERVED = "chain_unobserved"
    DEEP_REORG = "deep_reorg"


class Severity(Enum):
    """How loudly to say it; ordered by ``rank``."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for the mildest."""
        return list(Severity).index(self)


class AlertState(StrEnum):
    """Open until it resolves."""

    OPEN = "open"
    RESOLVED = "resolved"


SEVERITIES: Mapping[AlertKind, Severity] = {
    AlertKind.EXECUTE_OVERDUE: Severity.CRITICAL,
    AlertKind.RECONCILE_OVERDUE: Severity.WARNING,
    AlertKind.CHAIN_UNOBSERVED: Severity.WARNING,
    AlertKind.DEEP_REORG: Severity.CRITICAL,
}

OVERDUE_KINDS: Mapping[Leg, AlertKind] = {
    Leg.EXECUTE: AlertKind.EXECUTE_OVERDUE,
    Leg.RECONCILE: AlertKind.RECONCILE_OVERDUE,
}


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    ``subject`` is the transfer id (hex) for transfer alerts, else the name of what it is about. ``details`` holds what
    the text needs and the store does not know otherwise.
    """

    id: str
    kind: AlertKind
    severity: Severity
    subject: str
    opened_at: datetime
    transfer_id: TransferId | None = None
    state: AlertState = AlertState.OPEN
    resolved_at: datetime | None = None
    resolution: str | None = None
    details: Mapping[str, str | int] = field(default_factory=dict)


def overdue_id(transfer_id: TransferId, leg: Leg) -> str:
    """The one id of a leg's overdue alert, whatever restarts in between."""
    return f"{OVERDUE_KINDS[leg]}:0x{transfer_id.hex()}"


def overdue(transfer_id: TransferId, leg: Leg, due_at: int, opened_at: datetime) -> Alert:
    """The alert that a leg is overdue; ``due_at`` in Unix seconds."""
    kind = OVERDUE_KINDS[leg]
    return Alert(
        id=overdue_id(transfer_id, leg),
        kind=kind,
        severity=SEVERITIES[kind],
        subject=f"0x{transfer_id.hex()}",
        opened_at=opened_at,
        transfer_id=transfer_id,
        details={"due_at": due_at},
    )


def chain_unobserved(chain: str, opened_at: datetime, *, silent_for: int, waiting: int, why: str) -> Alert:
    """The alert that a chain is out of sight: for how long (seconds), how many deadlines wait for it, and why."""
    kind = AlertKind.CHAIN_UNOBSERVED
    return Alert(
        id=f"{kind}:{chain}:{opened_at:%Y%m%dT%H%M%S.%fZ}",
        kind=kind,
        severity=SEVERITIES[kind],
        subject=chain,
        opened_at=opened_at,
        details={"silent_for": silent_for, "waiting": waiting, "why": why},
    )


def deep_reorg(chain: str, opened_at: datetime, *, block: int, checkpoint: int) -> Alert:
    """The alert that ``block`` of a chain counted as final and was replaced; it is read again after ``checkpoint``."""
    kind = AlertKind.DEEP_REORG
    return Alert(
        id=f"{kind}:{chain}:{opened_at:%Y%m%dT%H%M%S.%fZ}",
        kind=kind,
        severity=SEVERITIES[kind],
        subject=chain,
        opened_at=opened_at,
        details={"block": block, "checkpoint": checkpoint},
    )
