"""What is still to be told to which channel, and how the channels are."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select, update
from sqlalchemy.dialects.sqlite import insert

from connext_monitor.core.alerts.alert import Alert, AlertState
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.delivery import Change, ChannelRow, ChannelState, QueuedDelivery
from connext_monitor.core.stored_numbers import Backlog
from connext_monitor.store.alerts import read_alert
from connext_monitor.store.instants import from_ms, to_ms
from connext_monitor.store.schema import alerts, channels, deliveries, delivery_groups


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


def save_channel(connection: Connection, provider: str, state: ChannelState, reason: str | None, at: datetime) -> None:
    """How a channel is, and since when."""
    values = {"state": state.value, "reason": reason, "since_ms": to_ms(at)}
    row = insert(channels).values(provider=provider, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["provider"], set_=values))


def channel_rows(connection: Connection) -> list[ChannelRow]:
    """Every channel that anything is known of or waits for."""
    waiting = backlogs(connection)
    stored = {row.provider: row for row in connection.execute(select(channels))}
    return [
        ChannelRow(
            provider,
            ChannelState(stored[provider].state) if provider in stored else ChannelState.OK,
            stored[provider].reason if provider in stored else None,
            from_ms(stored[provider].since_ms) if provider in stored else None,
            waiting.get(provider, Backlog()).waiting,
        )
        for provider in sorted(waiting.keys() | stored.keys())
    ]


def backlogs(connection: Connection) -> dict[str, Backlog]:
    """By provider, what it has not been told yet: alerts by themselves, and the messages of groups.

    A group's message waits where it has never been taken, or is to be tried again.
    """
    alone, groups = deliveries.c, delivery_groups.c
    of_alerts = (
        select(alone.provider, func.count(), func.min(alone.created_ms)).where(alone.pending).group_by(alone.provider)
    )
    of_groups = (
        # A message that was taken once and is to be changed waits since then at the longest.
        select(groups.provider, func.count(), func.min(func.coalesce(groups.told_ms, groups.oldest_ms)))
        .where(~groups.ended, groups.told_ms.is_(None) | (groups.attempts > 0))
        .group_by(groups.provider)
    )
    waiting: dict[str, Backlog] = {}
    for query in (of_alerts, of_groups):
        for provider, count, since_ms in connection.execute(query):
            other = waiting.get(provider, Backlog(0, since_ms / 1000))
            oldest_at = min(other.oldest_at or math.inf, since_ms / 1000)
            waiting[provider] = Backlog(other.waiting + count, oldest_at)
    return waiting
