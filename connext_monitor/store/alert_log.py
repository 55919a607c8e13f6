"""What became of alerts: their list, what changed since, which channels were told, and what stands open, counted."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, case, func, null, or_, select

from connext_monitor.core.alerts.alert import Alert, AlertState
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.delivery import Change
from connext_monitor.core.delivery_records import DeliveryRecord, DeliveryStatus
from connext_monitor.core.events import DomainId
from connext_monitor.core.selection import AlertRow, OpenAlerts
from connext_monitor.store.bulk import parts
from connext_monitor.store.connection import Connection
from connext_monitor.store.glance import read_alert
from connext_monitor.store.instants import from_ms
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, list_parameter, parameter
from connext_monitor.store.schema import alerts, deliveries, delivery_groups, transfers

_IS_OPEN = alerts.c.state == AlertState.OPEN.value


def _select_worst() -> Select[*tuple[Any, ...]]:
    ranks = case({severity.value: severity.rank for severity in Severity}, value=alerts.c.severity, else_=0)
    worst_first = select(alerts).where(_IS_OPEN).order_by(ranks.desc(), alerts.c.opened_ms, alerts.c.row)
    return worst_first.limit(parameter("most"))


def _select_records() -> Select[*tuple[Any, ...]]:
    groups = delivery_groups.c
    of_group = (groups.told_ms, groups.attempts, groups.next_attempt_ms, groups.reason)
    return (
        select(deliveries, *(column.label(f"group_{column.name}") for column in of_group))
        .select_from(deliveries.outerjoin(delivery_groups, groups.id == deliveries.c.group_id))
        .where(deliveries.c.alert_id.in_(list_parameter("ids")))
        .order_by(deliveries.c.id)
    )


def _count_by_topic() -> Select[*tuple[Any, ...]]:
    subject = case((alerts.c.transfer_id.is_(None), alerts.c.subject), else_=null())
    columns = (alerts.c.kind, alerts.c.severity, transfers.c.origin, transfers.c.destination, subject)
    return (
        select(*columns, func.count(), func.min(alerts.c.opened_ms))
        .select_from(alerts.outerjoin(transfers, transfers.c.transfer_id == alerts.c.transfer_id))
        .where(_IS_OPEN)
        .group_by(*columns)
    )


_SELECT_CHANGED = Prepared(
    lambda: (
        select(alerts)
        .where(alerts.c.revision > parameter("after"))
        .order_by(alerts.c.revision)
        .limit(parameter("most"))
    )
)
_SELECT_WORST = Prepared(_select_worst)
_COUNT_INHIBITED = Prepared(
    lambda: (
        select(alerts.c.inhibited_by, func.count())
        .where(_IS_OPEN, alerts.c.inhibited_by.in_(list_parameter("ids")))
        .group_by(alerts.c.inhibited_by)
    )
)
_SELECT_RECORDS = Prepared(_select_records)
_COUNT_BY_TOPIC = Prepared(_count_by_topic)


def listed(
    connection: Connection,
    state: AlertState | None,
    *,
    limit: int,
    after: int | None = None,
    cause: str | None = None,
) -> list[AlertRow]:
    """At most ``limit`` alerts, newest first, from behind the row ``after`` on.

    With a ``cause``, the alert of that id and those that it inhibits.
    """
    query = select(alerts).order_by(alerts.c.row.desc()).limit(limit)
    if state is not None:
        query = query.where(alerts.c.state == state.value)
    if after is not None:
        query = query.where(alerts.c.row < after)
    if cause is not None:
        query = query.where(or_(alerts.c.id == cause, alerts.c.inhibited_by == cause))
    rows = Prepared(lambda: query).rows(connection)
    return [AlertRow(row.row, read_alert(row)) for row in rows]


def changed(connection: Connection, after: int, *, limit: int) -> list[AlertRow]:
    """At most ``limit`` alerts that changed after this revision, in order; a row's number is its revision."""
    rows = _SELECT_CHANGED.rows(connection, after=after, most=limit)
    return [AlertRow(row.revision, read_alert(row)) for row in rows]


def worst_open(connection: Connection, limit: int) -> list[Alert]:
    """At most ``limit`` open alerts: the most severe first, of these the longest open."""
    return [read_alert(row) for row in _SELECT_WORST.rows(connection, most=limit)]


def count_inhibited(connection: Connection, ids: Collection[str]) -> dict[str, int]:
    """How many alerts are open because of each of these, where any is."""
    return dict(_COUNT_INHIBITED.rows(connection, ids=ids)) if ids else {}


def delivery_records(connection: Connection, ids: Collection[str]) -> dict[str, list[DeliveryRecord]]:
    """What the channels were told, or are to be told, of each of these alerts, in the order of the news."""
    records: dict[str, list[DeliveryRecord]] = {}
    for part in parts(ids):
        for row in _SELECT_RECORDS.rows(connection, ids=part):
            records.setdefault(row.alert_id, []).append(_record(row))
    return records


def open_by_topic(connection: Connection) -> list[OpenAlerts]:
    """The open alerts, counted by what they are about: a pathway, or else the chain or channel that they name."""
    return [_open_alerts(*row) for row in _COUNT_BY_TOPIC.rows(connection)]


def _open_alerts(
    kind: str, severity: str, origin: int | None, destination: int | None, subject: str | None, count: int, since: int
) -> OpenAlerts:
    known = origin is not None and destination is not None
    pathway = (DomainId(origin or 0), DomainId(destination or 0)) if known else None
    return OpenAlerts(KINDS[kind], Severity(severity), pathway, subject, count, from_ms(since))


def _record(row: StoredRow) -> DeliveryRecord:
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


def _state(row: StoredRow) -> tuple[DeliveryStatus, int | None]:
    if row.pending:
        return DeliveryStatus.WAITING, None
    # What a channel took leaves no reason behind.
    return (DeliveryStatus.TAKEN if row.reason is None else DeliveryStatus.REFUSED), row.done_ms


def _digest_state(row: StoredRow) -> tuple[DeliveryStatus, int | None]:
    """A delivery that was handed to a group is done with the first message of the group after that."""
    if row.group_told_ms is None or row.group_told_ms < row.done_ms:
        return DeliveryStatus.WAITING, None
    refused = row.group_reason is not None and not row.group_attempts
    return (DeliveryStatus.REFUSED if refused else DeliveryStatus.TAKEN), row.group_told_ms
