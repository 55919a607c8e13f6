"""What is still to be told to which channel."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select, update

from connext_monitor.core.alerts.alert import Alert, AlertState
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.delivery import Change
from connext_monitor.core.queue import QueuedDelivery
from connext_monitor.store.alert_rows import read_alert
from connext_monitor.store.instants import from_ms, to_ms
from connext_monitor.store.schema import alerts, deliveries


def next_pending(connection: Connection, provider: str, limit: int) -> list[QueuedDelivery]:
    """The oldest deliveries of this provider that are still to be made; without their transfers.

    None of an alert of which an earlier one has been tried: `next_retries` has that.
    """
    earlier = deliveries.alias("earlier")
    behind = select(earlier.c.id).where(
        earlier.c.alert_id == deliveries.c.alert_id,
        earlier.c.provider == provider,
        earlier.c.pending,
        earlier.c.attempts > 0,
    )
    untried = (deliveries.c.provider == provider, deliveries.c.attempts == 0, ~behind.exists())
    return _queued(connection, _pending(*untried).order_by(deliveries.c.id).limit(limit))


def next_retries(connection: Connection, provider: str, limit: int) -> list[QueuedDelivery]:
    """The deliveries of this provider that were tried and not taken, the next to be tried first."""
    tried = _pending(deliveries.c.provider == provider, deliveries.c.attempts > 0)
    return _queued(connection, tried.order_by(deliveries.c.next_attempt_ms, deliveries.c.id).limit(limit))


def newest_critical(connection: Connection, provider: str) -> datetime | None:
    """When the last critical opening of this provider's was queued that has not been tried yet."""
    untried = (deliveries.c.provider == provider, deliveries.c.pending, deliveries.c.attempts == 0)
    came_ms = connection.scalar(
        select(func.max(deliveries.c.created_ms))
        .join(alerts, alerts.c.id == deliveries.c.alert_id)
        .where(*untried, deliveries.c.change == Change.OPENED.value, alerts.c.severity == Severity.CRITICAL.value)
    )
    return None if came_ms is None else from_ms(came_ms)


def pending(connection: Connection, delivery_id: int) -> list[QueuedDelivery]:
    """One delivery that is still to be made, if it is; without its transfer."""
    return _queued(connection, _pending(deliveries.c.id == delivery_id))


def _pending(*conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return select(deliveries).where(deliveries.c.pending, *conditions)


def _queued(connection: Connection, query: Select[*tuple[Any, ...]]) -> list[QueuedDelivery]:
    rows = connection.execute(query).all()
    if not rows:
        return []
    ids = {row.alert_id for row in rows}
    by_id = {row.id: read_alert(row) for row in connection.execute(select(alerts).where(alerts.c.id.in_(ids)))}
    openings = connection.execute(
        select(deliveries.c.id, deliveries.c.alert_id, deliveries.c.provider, deliveries.c.reference)
        .where(deliveries.c.alert_id.in_(ids), deliveries.c.change == Change.OPENED.value)
        .order_by(deliveries.c.id)
    ).all()
    return [
        QueuedDelivery(
            id=row.id,
            provider=row.provider,
            change=Change(row.change),
            alert=_as_told(by_id[row.alert_id], row),
            transfer=None,
            # The end of an alert that was told anew names the earlier message that it changes; else it is the last one.
            reference=row.reference or _opening(openings, row),
            attempts=row.attempts,
            next_attempt_at=row.next_attempt_ms / 1000,
            created_at=from_ms(row.created_ms),
        )
        for row in rows
    ]


def _opening(openings: Sequence[Row[*tuple[Any, ...]]], row: Row[*tuple[Any, ...]]) -> str | None:
    """What the provider returned for the alert's last opening before this delivery."""
    before = (
        opening.reference
        for opening in reversed(openings)
        if (opening.alert_id, opening.provider) == (row.alert_id, row.provider) and opening.id < row.id
    )
    return next(before, None)


def _as_told(alert: Alert, row: Row[*tuple[Any, ...]]) -> Alert:
    """The alert as it was when this delivery was queued."""
    if row.change == Change.OPENED.value:
        return replace(alert, state=AlertState.OPEN, resolved_at=None, resolution=None)
    ended_at = from_ms(row.resolved_ms)
    return replace(alert, state=AlertState.RESOLVED, resolved_at=ended_at, resolution=Resolution(row.resolution))


def sent(connection: Connection, delivery_id: int, reference: str | None, at: datetime) -> None:
    """The channel took it."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id)
        .values(pending=False, reference=reference, reason=None, done_ms=to_ms(at))
    )


def postponed(connection: Connection, delivery_id: int, attempts: int, next_attempt_at: float, reason: str) -> None:
    """It is to be tried again, not before ``next_attempt_at`` (Unix seconds)."""
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id)
        .values(attempts=attempts, next_attempt_ms=round(next_attempt_at * 1000), reason=reason)
    )
