"""Alerts as they stand in the database: reading them changes nothing, and loads little."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select

from connext_monitor.core.alerts.alert import Alert, AlertKind, AlertState
from connext_monitor.core.alerts.kinds.overdue import OVERDUE
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import TransferId
from connext_monitor.store.bulk import SelectIn
from connext_monitor.store.causes import read_causes
from connext_monitor.store.connection import Connection
from connext_monitor.store.instants import from_ms, to_ms
from connext_monitor.store.prepared import Prepared, StoredRow, list_parameter, parameter
from connext_monitor.store.schema import alerts

alert_states = SelectIn(lambda: select(alerts.c.row, alerts.c.id, alerts.c.state, alerts.c.resolved_ms), alerts.c.id)
"""The row's number, id, state and end of each of these alerts that is known."""
_IS_OPEN = alerts.c.state == AlertState.OPEN.value
_SELECT = Prepared(lambda: select(alerts).where(alerts.c.id == parameter("alert_id")))
_SELECT_OF_TRANSFER = Prepared(
    lambda: (
        select(alerts)
        .where(alerts.c.transfer_id == parameter("transfer_id"))
        .order_by(alerts.c.opened_ms, alerts.c.row)
    )
)
_SELECT_OPEN = Prepared(lambda: select(alerts).where(_IS_OPEN).order_by(alerts.c.row))
_SELECT_OPEN_OF_KINDS = Prepared(lambda: select(alerts).where(_IS_OPEN, alerts.c.kind.in_(list_parameter("kinds"))))
_COUNT_OPEN = Prepared(
    lambda: (
        select(alerts.c.kind, alerts.c.severity, func.count())
        .where(_IS_OPEN)
        .group_by(alerts.c.kind, alerts.c.severity)
    )
)


def by_id(connection: Connection, alert_id: str) -> Alert | None:
    """One alert."""
    row = _SELECT.row(connection, alert_id=alert_id)
    return read_alert(row) if row else None


def every_open(connection: Connection) -> list[Alert]:
    """All open alerts, the oldest first."""
    return [read_alert(row) for row in _SELECT_OPEN.rows(connection)]


def open_of_kind(connection: Connection, kind: AlertKind) -> list[Alert]:
    """The open alerts of one kind."""
    return open_of_kinds(connection, [kind])


def open_of_kinds(connection: Connection, kinds: Collection[AlertKind]) -> list[Alert]:
    """The open alerts of these kinds."""
    rows = _SELECT_OPEN_OF_KINDS.rows(connection, kinds=[kind.name for kind in kinds])
    return [read_alert(row) for row in rows]


def of_transfer(connection: Connection, transfer_id: TransferId) -> list[Alert]:
    """The alerts of one transfer, the oldest first."""
    return [read_alert(row) for row in _SELECT_OF_TRANSFER.rows(connection, transfer_id=transfer_id)]


def count_open(connection: Connection) -> dict[tuple[AlertKind, Severity], int]:
    """How many alerts of each kind and severity are open: of one kind, some may have escalated."""
    rows = _COUNT_OPEN.rows(connection)
    return {(KINDS[kind], Severity(severity)): count for kind, severity, count in rows}


def resolved_since(connection: Connection, alert_ids: Collection[str], since: datetime) -> dict[str, datetime]:
    """Those of these alerts that are resolved and were so since then, with when that was."""
    rows = alert_states(connection, alert_ids) if alert_ids else []
    return {
        alert_id: from_ms(resolved_ms)
        for _, alert_id, state, resolved_ms in rows
        if state == AlertState.RESOLVED.value and resolved_ms > to_ms(since)
    }


def open_among(connection: Connection, ids: Collection[str]) -> list[str]:
    """Those that are open, in the order in which they were first opened."""
    rows = sorted(alert_states(connection, ids), key=lambda row: int(row[0]))
    return list(dict.fromkeys(alert_id for _, alert_id, state, _ in rows if state == AlertState.OPEN.value))


def overdue_legs(connection: Connection, transfer_ids: Sequence[TransferId]) -> dict[TransferId, frozenset[Leg]]:
    """The legs of these transfers whose overdue alert is open."""
    ids = {OVERDUE[leg].alert_id(transfer_id): (transfer_id, leg) for transfer_id in transfer_ids for leg in Leg}
    legs: dict[TransferId, frozenset[Leg]] = {}
    for alert_id in open_among(connection, ids):
        transfer_id, leg = ids[alert_id]
        legs[transfer_id] = legs.get(transfer_id, frozenset()) | {leg}
    return legs


def read_alert(row: StoredRow) -> Alert:
    """The alert of a row of the table."""
    kind = KINDS[row.kind]
    return Alert(
        id=row.id,
        kind=kind,
        severity=Severity(row.severity),
        subject=row.subject,
        opened_at=from_ms(row.opened_ms),
        transfer_id=TransferId(row.transfer_id) if row.transfer_id is not None else None,
        state=AlertState(row.state),
        resolved_at=from_ms(row.resolved_ms) if row.resolved_ms is not None else None,
        resolution=Resolution(row.resolution) if row.resolution is not None else None,
        details=kind.read_details(row.details),
        causes=read_causes(row.causes),
    )
