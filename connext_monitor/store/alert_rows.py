"""Alerts as they stand in the database; those of a kind, and how many are open, are in `glance`."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select

from connext_monitor.core.alerts.alert import Alert, AlertState
from connext_monitor.core.alerts.kinds.overdue import OVERDUE
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import TransferId
from connext_monitor.store.bulk import SelectIn
from connext_monitor.store.connection import Connection
from connext_monitor.store.glance import read_alert
from connext_monitor.store.instants import from_ms, to_ms
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.schema import alerts

_MANY = 64
"""Alerts, from which number on it pays to see first how many are open."""

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
_SELECT_SOME_OPEN = Prepared(lambda: select(alerts.c.row, alerts.c.id).where(_IS_OPEN).limit(parameter("most")))
_SELECT_OPEN = Prepared(lambda: select(alerts).where(_IS_OPEN).order_by(alerts.c.row))


def by_id(connection: Connection, alert_id: str) -> Alert | None:
    """One alert."""
    row = _SELECT.row(connection, alert_id=alert_id)
    return read_alert(row) if row else None


def every_open(connection: Connection) -> list[Alert]:
    """All open alerts, the oldest first."""
    return [read_alert(row) for row in _SELECT_OPEN.rows(connection)]


def of_transfer(connection: Connection, transfer_id: TransferId) -> list[Alert]:
    """The alerts of one transfer, the oldest first."""
    return [read_alert(row) for row in _SELECT_OF_TRANSFER.rows(connection, transfer_id=transfer_id)]


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
    rows = _open_among_many(connection, ids) if len(ids) >= _MANY else None
    if rows is None:
        states = alert_states(connection, ids)
        rows = [(number, alert_id) for number, alert_id, state, _ in states if state == AlertState.OPEN.value]
    return list(dict.fromkeys(alert_id for _, alert_id in sorted(rows)))


def _open_among_many(connection: Connection, ids: Collection[str]) -> list[tuple[int, str]] | None:
    """The rows' numbers and ids of the open ones, where no more are open in all; else None.

    The events of history end thousands of alerts that never were: to read the few open ones is quicker than to look up
    each of these.
    """
    some_open = _SELECT_SOME_OPEN.rows(connection, most=len(ids) + 1)
    if len(some_open) > len(ids):
        return None
    asked = set(ids)
    return [(row.row, row.id) for row in some_open if row.id in asked]


def overdue_legs(connection: Connection, transfer_ids: Sequence[TransferId]) -> dict[TransferId, frozenset[Leg]]:
    """The legs of these transfers whose overdue alert is open."""
    ids = {OVERDUE[leg].alert_id(transfer_id): (transfer_id, leg) for transfer_id in transfer_ids for leg in Leg}
    legs: dict[TransferId, frozenset[Leg]] = {}
    for alert_id in open_among(connection, ids):
        transfer_id, leg = ids[alert_id]
        legs[transfer_id] = legs.get(transfer_id, frozenset()) | {leg}
    return legs
