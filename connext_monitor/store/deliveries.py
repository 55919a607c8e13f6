"""What is still to be told to which channel, and how the channels are."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, update

from connext_monitor.core.alerts.alert import Alert, AlertState
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.delivery import Change
from connext_monitor.core.queue import QueuedDelivery
from connext_monitor.store import news
from connext_monitor.store.connection import Connection
from connext_monitor.store.glance import read_alert
from connext_monitor.store.instants import from_ms, to_ms
from connext_monitor.store.messages import Messages
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, list_parameter, parameter, parameters
from connext_monitor.store.schema import alerts, deliveries

_THIS = deliveries.c.id == parameter("delivery_id")
_OF_PROVIDER = deliveries.c.provider == parameter("provider")


def _pending(*conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return select(deliveries).where(deliveries.c.pending, *conditions)


def _select_untried() -> Select[*tuple[Any, ...]]:
    earlier = deliveries.alias("earlier")
    behind = select(earlier.c.id).where(
        earlier.c.alert_id == deliveries.c.alert_id,
        earlier.c.provider == parameter("provider"),
        earlier.c.pending,
        earlier.c.attempts > 0,
    )
    untried = _pending(_OF_PROVIDER, deliveries.c.attempts == 0, ~behind.exists())
    return untried.order_by(deliveries.c.id).limit(parameter("most"))


def _select_newest_critical() -> Select[*tuple[Any, ...]]:
    return (
        select(func.max(deliveries.c.created_ms))
        .join(alerts, alerts.c.id == deliveries.c.alert_id)
        .where(_OF_PROVIDER, deliveries.c.pending, deliveries.c.attempts == 0)
        .where(deliveries.c.change == Change.OPENED.value, alerts.c.severity == Severity.CRITICAL.value)
    )


_SELECT_UNTRIED = Prepared(_select_untried)
_SELECT_TRIED = Prepared(
    lambda: (
        _pending(_OF_PROVIDER, deliveries.c.attempts > 0)
        .order_by(deliveries.c.next_attempt_ms, deliveries.c.id)
        .limit(parameter("most"))
    )
)
_SELECT_PENDING = Prepared(lambda: _pending(_THIS))
_SELECT_NEWEST_CRITICAL = Prepared(_select_newest_critical)
_SELECT_ALERTS = Prepared(lambda: select(alerts).where(alerts.c.id.in_(list_parameter("ids"))))
_SENT = Prepared(
    lambda: (
        update(deliveries).where(_THIS).values(parameters("reference", "done_ms") | {"pending": False, "reason": None})
    )
)
_POSTPONED = Prepared(
    lambda: update(deliveries).where(_THIS).values(parameters("attempts", "next_attempt_ms", "reason"))
)


def next_pending(connection: Connection, provider: str, limit: int) -> list[QueuedDelivery]:
    """The oldest deliveries of this provider that are still to be made; without their transfers.

    None of an alert of which an earlier one has been tried: `next_retries` has that.
    """
    return _queued(connection, _SELECT_UNTRIED.rows(connection, provider=provider, most=limit))


def next_retries(connection: Connection, provider: str, limit: int) -> list[QueuedDelivery]:
    """The deliveries of this provider that were tried and not taken, the next to be tried first."""
    return _queued(connection, _SELECT_TRIED.rows(connection, provider=provider, most=limit))


def newest_critical(connection: Connection, provider: str) -> datetime | None:
    """When the last critical opening of this provider's was queued that has not been tried yet."""
    came_ms = _SELECT_NEWEST_CRITICAL.value(connection, provider=provider)
    return None if came_ms is None else from_ms(came_ms)


def pending(connection: Connection, delivery_id: int) -> list[QueuedDelivery]:
    """One delivery that is still to be made, if it is; without its transfer."""
    return _queued(connection, _SELECT_PENDING.rows(connection, delivery_id=delivery_id))


def _queued(connection: Connection, rows: Sequence[StoredRow]) -> list[QueuedDelivery]:
    """The deliveries of these rows."""
    if not rows:
        return []
    ids = {row.alert_id for row in rows}
    by_id = {row.id: read_alert(row) for row in _SELECT_ALERTS.rows(connection, ids=ids)}
    messages = Messages.of(connection, ids)
    return [
        QueuedDelivery(
            id=row.id,
            provider=row.provider,
            change=Change(row.change),
            alert=_as_queued(by_id[row.alert_id], row),
            transfer=None,
            # Further ends of an alert that was told anew name the message that they change; the first is of the last.
            reference=row.reference or (messages.standing(row.alert_id, row.provider, row.id) or [None])[-1],
            attempts=row.attempts,
            next_attempt_at=row.next_attempt_ms / 1000,
            created_at=from_ms(row.created_ms),
        )
        for row in rows
    ]


def _as_queued(alert: Alert, row: StoredRow) -> Alert:
    """The alert as it was when this delivery was queued."""
    if row.change == Change.OPENED.value:
        return replace(alert, state=AlertState.OPEN, resolved_at=None, resolution=None)
    ended_at = from_ms(row.resolved_ms)
    return replace(alert, state=AlertState.RESOLVED, resolved_at=ended_at, resolution=Resolution(row.resolution))


def sent(connection: Connection, delivery_id: int, reference: str | None, at: datetime) -> None:
    """The channel took it; other messages about an alert that has ended with it are to change next."""
    _SENT.execute(connection, delivery_id=delivery_id, reference=reference, done_ms=to_ms(at))
    news.queue_further_ends(connection, [delivery_id])


def postponed(connection: Connection, delivery_id: int, attempts: int, next_attempt_at: float, reason: str) -> None:
    """It is to be tried again, not before ``next_attempt_at`` (Unix seconds)."""
    again = round(next_attempt_at * 1000)
    _POSTPONED.execute(connection, delivery_id=delivery_id, attempts=attempts, next_attempt_ms=again, reason=reason)
