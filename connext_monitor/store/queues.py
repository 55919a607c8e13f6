"""What stands in one provider's queue.

Of one alert's deliveries only the first that is pending can go into a group or be told: its changes keep their order.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.delivery import Change
from connext_monitor.core.queue import (
    BATCH,
    Group,
    GroupMessage,
    Queue,
    RecentOpenings,
    Retry,
    Topic,
    Waiting,
    WaitingEnd,
)
from connext_monitor.store.schema import alerts, deliveries, delivery_groups, group_members

_earlier = deliveries.alias("earlier")


def queue(connection: Connection, provider: str, recent_since: float) -> Queue:
    """All that the provider is still to be told, and the openings told one by one since then (Unix seconds)."""
    ends = ends_of(connection, provider)
    of_members = [row for row in ends if row.group_id is not None]
    alone = next((row for row in ends if row.group_id is None), None)
    return Queue(
        waiting=_waiting(connection, provider),
        end=_end(alone) if alone is not None else None,
        groups=_standing(connection, provider),
        member_ends=len(of_members),
        ends_since=of_members[0].created_ms / 1000 if of_members else 0.0,
        recent=_recent(connection, provider, recent_since),
        retries=_retries(connection, provider),
    )


def _first() -> ColumnElement[bool]:
    """That a pending delivery is the first of its alert's to this provider."""
    return ~(
        select(_earlier.c.id)
        .where(
            _earlier.c.alert_id == deliveries.c.alert_id,
            _earlier.c.provider == deliveries.c.provider,
            _earlier.c.pending,
            _earlier.c.id < deliveries.c.id,
        )
        .exists()
    )


def ready(provider: str, change: Change) -> Select[*tuple[Any, ...]]:
    """The alerts of which this provider is next to be told this change, with ``delivery_id`` and ``created_ms``.

    Not those whose telling has been tried: these go on by themselves.
    """
    mine = (deliveries.c.provider == provider, deliveries.c.pending, deliveries.c.attempts == 0)
    return (
        select(alerts, deliveries.c.id.label("delivery_id"), deliveries.c.created_ms)
        .join(deliveries, deliveries.c.alert_id == alerts.c.id)
        .where(*mine, deliveries.c.change == change.value, _first())
    )


def _waiting(connection: Connection, provider: str) -> list[Waiting]:
    pending = deliveries.c
    rows = connection.execute(
        select(
            pending.topic,
            func.count().label("many"),
            func.min(pending.id).label("first_id"),
            func.min(pending.created_ms).label("oldest"),
            func.max(pending.created_ms).label("newest"),
            func.max(func.coalesce(pending.fresh, True)).label("fresh"),
            func.max(alerts.c.severity == Severity.CRITICAL.value).label("critical"),
        )
        .join(alerts, alerts.c.id == pending.alert_id)
        .where(pending.provider == provider, pending.pending, pending.attempts == 0)
        .where(pending.change == Change.OPENED.value, _first())
        .group_by(pending.topic)
    )
    return [
        Waiting(
            topic=Topic.parse(row.topic),
            count=row.many,
            first_id=row.first_id,
            oldest=row.oldest / 1000,
            newest=row.newest / 1000,
            fresh=bool(row.fresh),
            critical=bool(row.critical),
        )
        for row in rows
    ]


def ends_of(connection: Connection, provider: str) -> Sequence[Row[*tuple[Any, ...]]]:
    """At most `BATCH` of the provider's ends that wait and have not been tried.

    Each comes with the group whose open member its alert is, if any.
    """
    membership = (
        select(group_members.c.group_id)
        .join(delivery_groups, delivery_groups.c.id == group_members.c.group_id)
        .where(group_members.c.open, delivery_groups.c.provider == provider, ~delivery_groups.c.ended)
        .where(group_members.c.alert_id == deliveries.c.alert_id)
        .limit(1)
        .correlate(deliveries)
        .scalar_subquery()
    )
    pending = deliveries.c
    rows = connection.execute(
        select(
            pending.id,
            pending.alert_id,
            pending.created_ms,
            membership.label("group_id"),
        )
        .where(pending.provider == provider, pending.pending, pending.attempts == 0)
        .where(pending.change == Change.RESOLVED.value, _first())
        .order_by(pending.id)
        .limit(BATCH)
    )
    return rows.all()


def _end(row: Row[*tuple[Any, ...]]) -> WaitingEnd:
    return WaitingEnd(row.id, row.created_ms / 1000)


def _retries(connection: Connection, provider: str) -> list[Retry]:
    pending = deliveries.c
    rows = connection.execute(
        select(pending.id, pending.change, pending.created_ms)
        .where(pending.provider == provider, pending.pending, pending.attempts > 0)
        .order_by(pending.next_attempt_ms, pending.id)
        .limit(BATCH)
    )
    return [Retry(row.id, Change(row.change), row.created_ms / 1000) for row in rows]


def _standing(connection: Connection, provider: str) -> list[Group]:
    groups = delivery_groups.c
    members = select(func.count()).where(group_members.c.group_id == groups.id)
    rows = connection.execute(
        select(
            delivery_groups,
            members.correlate(delivery_groups).scalar_subquery().label("members"),
            members.where(group_members.c.open).correlate(delivery_groups).scalar_subquery().label("open"),
        )
        .where(groups.provider == provider, ~groups.ended)
        .order_by(groups.id)
    )
    return [_group(row) for row in rows]


def _group(row: Row[*tuple[Any, ...]]) -> Group:
    return Group(
        id=row.id,
        topic=Topic.parse(row.topic),
        members=row.members,
        open=row.open,
        before=row.before,
        oldest=row.oldest_ms / 1000,
        newest=row.newest_ms / 1000,
        formed_at=row.formed_ms / 1000,
        opened_with=row.opened_with,
        message=None if row.told_ms is None else GroupMessage(row.told_ms / 1000, row.told_members, row.told_open),
        editable=row.reference is not None,
        attempts=row.attempts,
    )


def _recent(connection: Connection, provider: str, since: float) -> dict[Topic, RecentOpenings]:
    done = deliveries.c
    rows = connection.execute(
        select(done.topic, func.count(), func.max(done.done_ms))
        .where(done.provider == provider, done.done_ms >= round(since * 1000))
        .where(~done.pending, done.change == Change.OPENED.value, done.group_id.is_(None), done.topic.is_not(None))
        .group_by(done.topic)
    )
    return {Topic.parse(row[0]): RecentOpenings(row[1], row[2] / 1000) for row in rows}
