"""Alerts of every kind, opened in a word."""

from datetime import datetime

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.cause import Cause
from connext_monitor.core.alerts.kinds.backup_failed import BACKUP_FAILED, BackupFailedDetails
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED, UnobservedDetails
from connext_monitor.core.alerts.kinds.database_failing import DATABASE_FAILING, SUBJECT, DatabaseFailingDetails
from connext_monitor.core.alerts.kinds.deep_reorg import DEEP_REORG, DeepReorgDetails
from connext_monitor.core.alerts.kinds.delivery_mismatch import DELIVERY_MISMATCH, MismatchDetails
from connext_monitor.core.alerts.kinds.monitor_started_blind import MONITOR_STARTED_BLIND, StartedBlindDetails
from connext_monitor.core.alerts.kinds.overdue import OVERDUE, OverdueDetails
from connext_monitor.core.alerts.kinds.phantom_delivery import PHANTOM_DELIVERY, PhantomDetails, holder_of
from connext_monitor.core.alerts.kinds.provider_failing import PROVIDER_FAILING, ProviderFailingDetails
from connext_monitor.core.database_trouble import DatabaseTrouble
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId, Executed, Pathway, TransferId
from connext_monitor.core.mismatch import Mismatch
from connext_monitor.core.transfer import Sighting
from connext_monitor.core.unjudged import Unjudged


def overdue_id(transfer_id: TransferId, leg: Leg) -> str:
    return OVERDUE[leg].alert_id(transfer_id)


def overdue(
    transfer_id: TransferId,
    leg: Leg,
    due_at: int,
    at: datetime,
    pathway: Pathway | None = None,
    causes: tuple[Cause, ...] = (),
) -> Alert:
    origin, destination = pathway or (None, None)
    details = OverdueDetails(due_at=due_at, origin=origin, destination=destination)
    return OVERDUE[leg].open(transfer_id, at, details, causes)


def phantom_delivery(
    transfer_id: TransferId, at: datetime, pathway: Pathway, *, nonce: int, holder: TransferId | None
) -> Alert:
    origin, destination = pathway
    held_by = holder_of(holder) if holder else None
    details = PhantomDetails(origin=origin, destination=destination, nonce=str(nonce), holder=held_by)
    return PHANTOM_DELIVERY.open(transfer_id, at, details)


def delivery_mismatch(domain: DomainId, executed: Executed, at_block: Sighting, wrong: Mismatch, at: datetime) -> Alert:
    return DELIVERY_MISMATCH.open(executed.transfer_id, at, MismatchDetails.of(domain, executed, at_block, wrong))


def chain_unobserved(chain: str, at: datetime, *, silent_for: int, waiting: int, why: str) -> Alert:
    return CHAIN_UNOBSERVED.open(chain, at, UnobservedDetails(silent_for=silent_for, waiting=waiting, why=why))


def chain_unjudged(chain: str, at: datetime, unjudged: Unjudged) -> Alert:
    return CHAIN_UNOBSERVED.open(chain, at, UnobservedDetails.of(unjudged))


def deep_reorg(chain: str, at: datetime, *, block: int, checkpoint: int) -> Alert:
    return DEEP_REORG.open(chain, at, DeepReorgDetails(block=block, checkpoint=checkpoint))


def monitor_started_blind(chain: str, at: datetime, *, first: int, last: int) -> Alert:
    return MONITOR_STARTED_BLIND.open(chain, at, StartedBlindDetails(first=first, last=last))


def provider_failing(provider: str, at: datetime, *, reason: str, dead: bool) -> Alert:
    return PROVIDER_FAILING.open(provider, at, ProviderFailingDetails(reason=reason, dead=dead))


def backup_failed(subject: str, at: datetime, *, reason: str) -> Alert:
    return BACKUP_FAILED.open(subject, at, BackupFailedDetails(reason=reason))


def database_failing(at: datetime, trouble: DatabaseTrouble, *, since: int, started: bool = True) -> Alert:
    return DATABASE_FAILING.open(SUBJECT, at, DatabaseFailingDetails.of(trouble, since=since, started=started))
