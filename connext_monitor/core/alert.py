"""Alerts: what can be wrong, how bad it is, and one alert's life."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, StrEnum

from connext_monitor.core.cause import Cause
from connext_monitor.core.database_trouble import DatabaseTrouble
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId, Executed, TransferId
from connext_monitor.core.mismatch import Mismatch
from connext_monitor.core.transfer import Sighting
from connext_monitor.core.unjudged import Hindrance, Obstacle, Unjudged


class AlertKind(StrEnum):
    """The contract's kinds that this version raises."""

    EXECUTE_OVERDUE = "execute_overdue"
    RECONCILE_OVERDUE = "reconcile_overdue"
    CHAIN_UNOBSERVED = "chain_unobserved"
    DEEP_REORG = "deep_reorg"
    PROVIDER_FAILING = "provider_failing"
    PHANTOM_DELIVERY = "phantom_delivery"
    BACKUP_FAILED = "backup_failed"
    DATABASE_FAILING = "database_failing"
    DELIVERY_MISMATCH = "delivery_mismatch"
    MONITOR_STARTED_BLIND = "monitor_started_blind"


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
    AlertKind.PROVIDER_FAILING: Severity.WARNING,
    AlertKind.PHANTOM_DELIVERY: Severity.CRITICAL,
    AlertKind.BACKUP_FAILED: Severity.WARNING,
    AlertKind.DATABASE_FAILING: Severity.CRITICAL,
    AlertKind.DELIVERY_MISMATCH: Severity.CRITICAL,
    AlertKind.MONITOR_STARTED_BLIND: Severity.INFO,
}

OVERDUE_KINDS: Mapping[Leg, AlertKind] = {
    Leg.EXECUTE: AlertKind.EXECUTE_OVERDUE,
    Leg.RECONCILE: AlertKind.RECONCILE_OVERDUE,
}


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    ``subject`` is the transfer id (hex) for transfer alerts, else the name of what it is about. ``details`` holds what
    the text needs and the store does not know otherwise; ``causes`` what is known of why a leg is late.
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
    causes: tuple[Cause, ...] = ()

    @property
    def escalated_at(self) -> int | None:
        """When it was made critical for having stood too long (Unix seconds)."""
        at = self.details.get("escalated_at")
        return None if at is None else int(at)

    @property
    def pathway(self) -> tuple[DomainId, DomainId] | None:
        """The pathway (origin, destination) of the transfer that it is about."""
        if "origin" not in self.details:
            return None
        return DomainId(int(self.details["origin"])), DomainId(int(self.details["destination"]))


def escalated(alert: Alert, at: datetime) -> Alert:
    """The same alert, critical from then on."""
    details = {**alert.details, "escalated_at": int(at.timestamp())}
    return replace(alert, severity=Severity.CRITICAL, details=details)


ABOUT_CHAINS = frozenset({AlertKind.CHAIN_UNOBSERVED, AlertKind.DEEP_REORG, AlertKind.MONITOR_STARTED_BLIND})
"""Those whose subject is a chain's name."""


def is_about_removed(alert: Alert, chains: Mapping[DomainId, str]) -> bool:
    """Whether its end cannot be seen any more, since a chain that it hangs on is none of the configured ``chains``.

    What is late can arrive as long as its destination is watched; a delivery without an origin hangs on both ends.
    """
    if alert.kind in ABOUT_CHAINS:
        return alert.subject not in chains.values()
    if alert.pathway is None:
        return False
    origin, destination = alert.pathway
    return destination not in chains or (alert.kind not in OVERDUE_KINDS.values() and origin not in chains)


def overdue_id(transfer_id: TransferId, leg: Leg) -> str:
    """The one id of a leg's overdue alert, whatever restarts in between."""
    return f"{OVERDUE_KINDS[leg]}:0x{transfer_id.hex()}"


def overdue(
    transfer_id: TransferId,
    leg: Leg,
    due_at: int,
    opened_at: datetime,
    pathway: tuple[DomainId, DomainId] | None = None,
    causes: tuple[Cause, ...] = (),
) -> Alert:
    """The alert that a leg is overdue; ``due_at`` in Unix seconds, ``pathway`` from origin to destination."""
    kind = OVERDUE_KINDS[leg]
    route = {"origin": int(pathway[0]), "destination": int(pathway[1])} if pathway else {}
    return Alert(
        id=overdue_id(transfer_id, leg),
        kind=kind,
        severity=SEVERITIES[kind],
        subject=f"0x{transfer_id.hex()}",
        opened_at=opened_at,
        transfer_id=transfer_id,
        details={"due_at": due_at, **route},
        causes=causes,
    )


def phantom_delivery(
    transfer_id: TransferId,
    opened_at: datetime,
    pathway: tuple[DomainId, DomainId],
    *,
    nonce: int,
    holder: TransferId | None,
    held: bool | None = None,
) -> Alert:
    """The alert that a delivery has no origin: ``holder`` has its nonce there, or nobody has it yet.

    ``held`` without a holder: a transfer has it that is kept no longer.
    """
    kind = AlertKind.PHANTOM_DELIVERY
    details: dict[str, str | int] = {"origin": pathway[0], "destination": pathway[1], "nonce": str(nonce)}
    if holder is not None or held:
        details["holder"] = f"0x{holder.hex()}" if holder else "a transfer that is kept no longer"
    return Alert(
        id=f"{kind}:0x{transfer_id.hex()}",
        kind=kind,
        severity=SEVERITIES[kind],
        subject=f"0x{transfer_id.hex()}",
        opened_at=opened_at,
        transfer_id=transfer_id,
        details=details,
    )


def mismatch_id(transfer_id: TransferId) -> str:
    """The one id of the alert about deliveries that claim this transfer's id."""
    return f"{AlertKind.DELIVERY_MISMATCH}:0x{transfer_id.hex()}"


def delivery_mismatch(domain: DomainId, executed: Executed, place: Sighting, wrong: Mismatch, at: datetime) -> Alert:
    """The alert that an Executed on ``domain`` is not the delivery of the transfer whose id it claims."""
    kind, transfer_id, params = AlertKind.DELIVERY_MISMATCH, executed.transfer_id, executed.params
    details: dict[str, str | int] = {
        "origin": params.origin_domain,
        "destination": domain,
        "wrong": wrong.value,
        "nonce": str(params.nonce),
        "to": f"0x{executed.to.hex()}",
        "sender": f"0x{params.origin_sender.hex()}",
        "bridged_amount": str(params.bridged_amount),
        "executed_at": place.block.timestamp,
        "tx_hash": f"0x{place.tx_hash.hex()}",
    }
    subject = f"0x{transfer_id.hex()}"
    return Alert(mismatch_id(transfer_id), kind, SEVERITIES[kind], subject, at, transfer_id, details=details)


def chain_unobserved(chain: str, opened_at: datetime, *, silent_for: int, waiting: int, why: str) -> Alert:
    """The alert that a chain is out of sight: for how long (seconds), how many deadlines wait for it, and why."""
    details: Mapping[str, str | int] = {"silent_for": silent_for, "waiting": waiting, "why": why}
    return _about(AlertKind.CHAIN_UNOBSERVED, chain, opened_at, details)


def chain_unjudged(chain: str, opened_at: datetime, unjudged: Unjudged) -> Alert:
    """The alert that something cannot be judged because of a chain, though its blocks are covered."""
    return _about(AlertKind.CHAIN_UNOBSERVED, chain, opened_at, unjudged_details(unjudged))


def unjudged_details(unjudged: Unjudged) -> dict[str, str | int]:
    """The details of an alert about what cannot be judged."""
    return {
        "waiting": unjudged.legs,
        "deliveries": unjudged.deliveries,
        "waited_for": unjudged.waited_for,
        "obstacle": unjudged.hindrance.obstacle.value,
        "why": unjudged.hindrance.words,
    }


def unjudged_of(alert: Alert) -> Unjudged | None:
    """What an alert says that cannot be judged; None where it is about something else."""
    details = alert.details
    if "obstacle" not in details:
        return None
    hindrance = Hindrance(Obstacle(str(details["obstacle"])), str(details["why"]))
    return Unjudged(int(details["waiting"]), int(details["waited_for"]), hindrance, int(details["deliveries"]))


def deep_reorg(chain: str, opened_at: datetime, *, block: int, checkpoint: int) -> Alert:
    """The alert that ``block`` of a chain counted as final and was replaced; it is read again after ``checkpoint``."""
    return _about(AlertKind.DEEP_REORG, chain, opened_at, {"block": block, "checkpoint": checkpoint})


def monitor_started_blind(chain: str, opened_at: datetime, *, first: int, last: int) -> Alert:
    """The alert that no endpoint of a chain has its blocks ``first`` to ``last`` any more, which were never read."""
    return _about(AlertKind.MONITOR_STARTED_BLIND, chain, opened_at, {"first": first, "last": last})


def provider_failing(provider: str, opened_at: datetime, *, reason: str, dead: bool) -> Alert:
    """The alert that a channel takes nothing: ``dead`` where it refuses for good, until a restart."""
    return _about(AlertKind.PROVIDER_FAILING, provider, opened_at, {"reason": reason, "dead": int(dead)})


def backup_failed(what: str, opened_at: datetime, *, reason: str) -> Alert:
    """The alert that the database is not copied (``what`` is "copy") or that its copies are not uploaded ("upload")."""
    return _about(AlertKind.BACKUP_FAILED, what, opened_at, {"reason": reason})


def database_failing(opened_at: datetime, trouble: DatabaseTrouble, *, since: int, started: bool = True) -> Alert:
    """The alert that the database cannot be used, ``since`` then (Unix seconds).

    Not ``started``: the monitor could not open it, and does not run.
    """
    details: Mapping[str, str | int] = {
        "reason": trouble.words,
        "cure": trouble.cure,
        "final": int(trouble.final),
        "since": since,
        "started": int(started),
    }
    return _about(AlertKind.DATABASE_FAILING, "database", opened_at, details)


def _about(kind: AlertKind, name: str, opened_at: datetime, details: Mapping[str, str | int]) -> Alert:
    return Alert(
        id=f"{kind}:{name}:{opened_at:%Y%m%dT%H%M%S.%fZ}",
        kind=kind,
        severity=SEVERITIES[kind],
        subject=name,
        opened_at=opened_at,
        details=details,
    )
