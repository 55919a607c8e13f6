"""Alerts, and whom they are to be told."""

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, case, func, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from connext_monitor.core.alert import Alert, AlertKind, AlertState, Severity, overdue_id
from connext_monitor.core.deadline import Leg, ResolveOverdue
from connext_monitor.core.delivery import Change
from connext_monitor.core.events import DomainId, TransferId
from connext_monitor.core.grouping import is_fresh
from connext_monitor.core.queue import Topic
from connext_monitor.core.selection import AlertRow
from connext_monitor.store.bulk import SelectIn
from connext_monitor.store.causes import read_causes, written
from connext_monitor.store.schema import alerts, deliveries, transfers

_SELECT_STATES = SelectIn(select(alerts.c.row, alerts.c.id, alerts.c.state), alerts.c.id)


async def open_alert(connection: AsyncConnection, alert: Alert, providers: Collection[str]) -> bool:
    """Store an alert as open with a delivery for each provider; False, and nothing stored, where it is open already."""
    values = _values(alert)
    row = insert(alerts).values(values)
    reopened = {name: value for name, value in values.items() if name != "id"} | {
        "resolved_ms": None,
        "resolution": None,
    }
    stored = await connection.execute(
        row.on_conflict_do_update(
            index_elements=["id"], set_=reopened, where=alerts.c.state != AlertState.OPEN.value
        ).returning(alerts.c.row)
    )
    if stored.first() is None:
        return False
    await queue_opening(connection, alert, providers, alert.opened_at)
    return True


async def queue_opening(connection: AsyncConnection, alert: Alert, providers: Collection[str], at: datetime) -> None:
    """Queue the news that an alert is open for each of these providers."""
    if providers:
        grouping = {"topic": str(await _topic(connection, alert)), "fresh": is_fresh(alert)}
        rows = [_delivery(alert.id, one, Change.OPENED, at) | grouping for one in sorted(providers)]
        await connection.execute(insert(deliveries), rows)


async def told(connection: AsyncConnection, alert_id: str) -> dict[str, list[str | None]]:
    """The providers whose last news of an alert, told or queued, is that it is open.

    With the channel's own names of the messages that say so, None where it gives none or has not been told yet.
    """
    rows = await connection.execute(
        select(deliveries.c.provider, deliveries.c.change, deliveries.c.reference)
        .where(deliveries.c.alert_id == alert_id)
        .order_by(deliveries.c.id)
    )
    messages: dict[str, list[str | None]] = {}
    for provider, change, reference in rows:
        if change == Change.OPENED.value:
            messages.setdefault(provider, []).append(reference)
        else:
            messages.pop(provider, None)
    return messages


async def escalate(connection: AsyncConnection, alert: Alert, providers: Collection[str], at: datetime) -> None:
    """Store an open alert as it is after its escalation, and queue it anew."""
    values = {"severity": alert.severity.value, "details": _values(alert)["details"]}
    await connection.execute(update(alerts).where(alerts.c.id == alert.id).values(values))
    await queue_opening(connection, alert, providers, at)


async def every_open(connection: AsyncConnection) -> list[Alert]:
    """All open alerts, the oldest first."""
    rows = await connection.execute(
        select(alerts).where(alerts.c.state == AlertState.OPEN.value).order_by(alerts.c.row)
    )
    return [read_alert(row) for row in rows]


async def _topic(connection: AsyncConnection, alert: Alert) -> Topic:
    if alert.transfer_id is None:
        return Topic(alert.kind)
    pathway = select(transfers.c.origin, transfers.c.destination).where(transfers.c.transfer_id == alert.transfer_id)
    row = (await connection.execute(pathway)).one_or_none()
    return Topic(alert.kind, (DomainId(row.origin), DomainId(row.destination)) if row else None)


async def resolve_overdue(connection: AsyncConnection, ended: Sequence[ResolveOverdue], at: datetime) -> list[str]:
    """Resolve those of these overdue alerts that are open; the ids of the alerts that were."""
    by_id = {overdue_id(effect.transfer_id, effect.leg): effect.resolution.value for effect in ended}
    return await resolve(connection, by_id, at)


async def resolve(connection: AsyncConnection, resolutions: dict[str, str], at: datetime) -> list[str]:
    """Resolve those of these alerts (id → resolution) that are open, and queue the news to all who got the opening."""
    resolved = await _open_among(connection, resolutions)
    for alert_id in resolved:
        await connection.execute(
            update(alerts)
            .where(alerts.c.id == alert_id)
            .values(state=AlertState.RESOLVED.value, resolved_ms=_ms(at), resolution=resolutions[alert_id])
        )
        await _queue_resolved(connection, alert_id, resolutions[alert_id], at)
    return resolved


async def _open_among(connection: AsyncConnection, ids: Collection[str]) -> list[str]:
    """Those that are open, in the order in which they were first opened."""
    rows = sorted(await _SELECT_STATES(connection, ids), key=lambda row: int(row[0]))
    return list(dict.fromkeys(alert_id for _, alert_id, state in rows if state == AlertState.OPEN.value))


async def _queue_resolved(connection: AsyncConnection, alert_id: str, resolution: str, at: datetime) -> None:
    # An alert that opened again may have gone to others than before: only the last change a provider got counts.
    ending = {"resolution": resolution, "resolved_ms": _ms(at)}
    rows = []
    for provider, messages in sorted((await told(connection, alert_id)).items()):
        # An alert that was told anew stands in several messages, and all of them change.
        earlier = [reference for reference in messages[:-1] if reference is not None]
        rows += [
            _delivery(alert_id, provider, Change.RESOLVED, at) | ending | {"reference": reference}
            for reference in (None, *reversed(earlier))
        ]
    if rows:
        await connection.execute(insert(deliveries), rows)


def _last(change: Change) -> ColumnElement[int]:
    return func.max(case((deliveries.c.change == change.value, deliveries.c.id), else_=0))


async def open_of_kind(connection: AsyncConnection, kind: AlertKind) -> list[Alert]:
    """The open alerts of one kind."""
    rows = await connection.execute(
        select(alerts).where(alerts.c.state == AlertState.OPEN.value, alerts.c.kind == kind.value)
    )
    return [read_alert(row) for row in rows]


async def by_id(connection: AsyncConnection, alert_id: str) -> Alert | None:
    """One alert."""
    row = (await connection.execute(select(alerts).where(alerts.c.id == alert_id))).one_or_none()
    return read_alert(row) if row else None


async def of_transfer(connection: AsyncConnection, transfer_id: TransferId) -> list[Alert]:
    """The alerts of one transfer, the oldest first."""
    rows = await connection.execute(
        select(alerts).where(alerts.c.transfer_id == transfer_id).order_by(alerts.c.opened_ms, alerts.c.row)
    )
    return [read_alert(row) for row in rows]


async def listed(
    connection: AsyncConnection, state: AlertState | None, *, limit: int, after: int | None = None
) -> list[AlertRow]:
    """At most ``limit`` alerts, newest first, from behind the row ``after`` on."""
    query = select(alerts)
    if state is not None:
        query = query.where(alerts.c.state == state.value)
    if after is not None:
        query = query.where(alerts.c.row < after)
    rows = await connection.execute(query.order_by(alerts.c.row.desc()).limit(limit))
    return [AlertRow(row.row, read_alert(row)) for row in rows]


async def count_open(connection: AsyncConnection) -> dict[AlertKind, int]:
    """How many alerts of each kind are open."""
    rows = await connection.execute(
        select(alerts.c.kind, func.count()).where(alerts.c.state == AlertState.OPEN.value).group_by(alerts.c.kind)
    )
    return {AlertKind(kind): count for kind, count in rows}


async def overdue_legs(
    connection: AsyncConnection, transfer_ids: Sequence[TransferId]
) -> dict[TransferId, frozenset[Leg]]:
    """The legs of these transfers whose overdue alert is open."""
    ids = {overdue_id(transfer_id, leg): (transfer_id, leg) for transfer_id in transfer_ids for leg in Leg}
    found: dict[TransferId, frozenset[Leg]] = {}
    for alert_id in await _open_among(connection, ids):
        transfer_id, leg = ids[alert_id]
        found[transfer_id] = found.get(transfer_id, frozenset()) | {leg}
    return found


def read_alert(row: Row[*tuple[Any, ...]]) -> Alert:
    """The alert of a row of the table."""
    return Alert(
        id=row.id,
        kind=AlertKind(row.kind),
        severity=Severity(row.severity),
        subject=row.subject,
        opened_at=_instant(row.opened_ms),
        transfer_id=TransferId(row.transfer_id) if row.transfer_id is not None else None,
        state=AlertState(row.state),
        resolved_at=_instant(row.resolved_ms) if row.resolved_ms is not None else None,
        resolution=row.resolution,
        details=json.loads(row.details),
        causes=read_causes(row.causes),
    )


def _values(alert: Alert) -> dict[str, object]:
    return {
        "id": alert.id,
        "kind": alert.kind.value,
        "severity": alert.severity.value,
        "subject": alert.subject,
        "transfer_id": alert.transfer_id,
        "state": alert.state.value,
        "opened_ms": _ms(alert.opened_at),
        "details": json.dumps(dict(alert.details)),
        "causes": written(alert.causes),
    }


def _delivery(alert_id: str, provider: str, change: Change, at: datetime) -> dict[str, object]:
    return {
        "alert_id": alert_id,
        "provider": provider,
        "change": change.value,
        "pending": True,
        "attempts": 0,
        "next_attempt_ms": 0,
        "created_ms": _ms(at),
    }


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
