"""What became of alerts: their list, what changed since, which channels were told, and what stands open, counted."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, case, func, null, select

from connext_monitor.core.alerts.alert import Alert, AlertState
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.delivery import Change
from connext_monitor.core.delivery_records import DeliveryRecord, DeliveryStatus
from connext_monitor.core.events import DomainId
from connext_monitor.core.selection import AlertRow, OpenAlerts
from connext_monitor.store.alert_rows import read_alert
from connext_monitor.store.bulk import parts
from connext_monitor.store.instants import from_ms
from connext_monitor.store.schema import alerts, deliveries, delivery_groups, transfers


def listed(connection: Connection, state: AlertState | None, *, limit: int, after: int | None = None) -> list[AlertRow]:
    """At most ``limit`` alerts, newest first, from behind the row ``after`` on."""
    query = select(alerts)
    if state is not None:
        query = query.where(alerts.c.state == state.value)
    if after is not None:
        query = query.where(alerts.c.row < after)
    rows = connection.execute(query.order_by(alerts.c.row.desc()).limit(limit))
    return [AlertRow(row.row, read_alert(row)) for row in rows]


def changed(connection: Connection, after: int, *, limit: int) -> list[AlertRow]:
    """At most ``limit`` alerts that changed after this revision, in order; a row's number is its revision."""
    query = select(alerts).where(alerts.c.revision > after).order_by(alerts.c.revision).limit(limit)
    return [AlertRow(row.revision, read_alert(row)) for row in connection.execute(query)]


def worst_open(connection: Connection, limit: int) -> list[Alert]:
    """At most ``limit`` open alerts: the most severe first, of these the longest open."""
    ranks = case({severity.value: severity.rank for severity in Severity}, value=alerts.c.severity, else_=0)
    query = select(alerts).where(alerts.c.state == AlertState.OPEN.value)
    query = query.order_by(ranks.desc(), alerts.c.opened_ms, alerts.c.row).limit(limit)
    return [read_alert(row) for row in connection.execute(query)]


def delivery_records(connection: Connection, ids: Collection[str]) -> dict[str, list[DeliveryRecord]]:
    """What the channels were told, or are to be told, of each of these alerts, in the order of the news."""
    groups = delivery_groups.c
    columns = (groups.told_ms, groups.attempts, groups.next_attempt_ms, groups.reason)
    query = select(deliveries, *(column.label(f"group_{column.name}") for column in columns)).select_from(
        deliveries.outerjoin(delivery_groups, groups.id == deliveries.c.group_id)
    )
    records: dict[str, list[DeliveryRecord]] = {}
    for part in parts(ids):
        rows = connection.execute(query.where(deliveries.c.alert_id.in_(part)).order_by(deliveries.c.id))
        for row in rows:
            records.setdefault(row.alert_id, []).append(_record(row))
    return records


def open_by_topic(connection: Connection) -> list[OpenAlerts]:
    """The open alerts, counted by what they are about: a pathway, or else the chain or channel that they name."""
    subject = case((alerts.c.transfer_id.is_(None), alerts.c.subject), else_=null())
    columns = (alerts.c.kind, alerts.c.severity, transfers.c.origin, transfers.c.destination, subject)
    query = (
        select(*columns, func.count(), func.min(alerts.c.opened_ms))
        .select_from(alerts.outerjoin(transfers, transfers.c.transfer_id == alerts.c.transfer_id))
        .where(alerts.c.state == AlertState.OPEN.value)
        .group_by(*columns)
    )
    return [_open_alerts(*row) for row in connection.execute(query)]


def _open_alerts(
    kind: str, severity: str, origin: int | None, destination: int | None, subject: str | None, count: int, since: int
) -> OpenAlerts:
    known = origin is not None and destination is not None
    pathway = (DomainId(origin or 0), DomainId(destination or 0)) if known else None
    return OpenAlerts(KINDS[kind], Severity(severity), pathway, subject, count, from_ms(since))


def _record(row: Row[*tuple[Any, ...]]) -> DeliveryRecord:
    in_digest = row.group_id is not None
    state, done_ms = _digest_state(row) if in_digest else _state(row)
    waiting = state is DeliveryStatus.WAITING
    attempts = row.group_attempts if in_digest else row.attempts
    next_ms = row.group_next_attempt_ms if in_digest else row.next_attempt_ms
    reason = row.group_reason if in_digest else row.reason
    return DeliveryRecord(
        provider=row.provider,
        change=Change(row.change),
        state=state,
        in_digest=in_digest,
        created_at=from_ms(row.created_ms),
        done_at=from_ms(done_ms) if done_ms is not None else None,
        attempts=attempts if waiting else 0,
        next_attempt_at=from_ms(next_ms) if waiting and next_ms else None,
        reason=reason,
    )


def _state(row: Row[*tuple[Any, ...]]) -> tuple[DeliveryStatus, int | None]:
    if row.pending:
        return DeliveryStatus.WAITING, None
    # What a channel took leaves no reason behind.
    return (DeliveryStatus.TAKEN if row.reason is None else DeliveryStatus.REFUSED), row.done_ms


def _digest_state(row: Row[*tuple[Any, ...]]) -> tuple[DeliveryStatus, int | None]:
    """A delivery that was handed to a group is done with the first message of the group after that."""
    if row.group_told_ms is None or row.group_told_ms < row.done_ms:
        return DeliveryStatus.WAITING, None
    refused = row.group_reason is not None and not row.group_attempts
    return (DeliveryStatus.REFUSED if refused else DeliveryStatus.TAKEN), row.group_told_ms
