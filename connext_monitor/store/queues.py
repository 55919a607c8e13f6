"""What stands in one provider's queue.

Of one alert's deliveries only the first that is pending can go into a group or be told: its changes keep their order.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, null, select

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
from connext_monitor.store import carriers, inhibition
from connext_monitor.store.carriers import Carrier
from connext_monitor.store.connection import Connection
from connext_monitor.store.inhibition import COMING, STANDS, counted_with, is_overtaken
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.schema import alerts, deliveries, delivery_groups, group_members
from connext_monitor.store.sql_functions import HoldsForAny

_earlier = deliveries.alias("earlier")
_OF_PROVIDER = deliveries.c.provider == parameter("provider")
_UNTRIED = (_OF_PROVIDER, deliveries.c.pending, deliveries.c.attempts == 0)


def queue(connection: Connection, provider: str, recent_since: float, *, counts_with_cause: bool = True) -> Queue:
    """All that the provider is still to be told, and the openings told one by one since then (Unix seconds).

    With ``counts_with_cause``, openings whose cause the provider knows of say so; those whose cause it is only about to
    be told of are left out until then.
    """
    ends = ends_of(connection, provider)
    of_members = [row for row in ends if row.group_id is not None]
    over = [*of_members, *(inhibition.overtaken(connection, provider) if counts_with_cause else [])]
    alone = next((row for row in ends if row.group_id is None), None)
    return Queue(
        waiting=_waiting(connection, provider, counts_with_cause=counts_with_cause),
        end=_end(alone) if alone is not None else None,
        groups=_standing(connection, provider),
        member_ends=len(over),
        ends_since=min((row.created_ms for row in over), default=0) / 1000,
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


def ready(change: Change) -> Select[*tuple[Any, ...]]:
    """The alerts of which a ``provider`` is next to be told this change, with ``delivery_id`` and ``created_ms``.

    Not those whose telling has been tried: these go on by themselves.
    """
    return (
        select(alerts, deliveries.c.id.label("delivery_id"), deliveries.c.created_ms)
        .join(deliveries, deliveries.c.alert_id == alerts.c.id)
        .where(*_UNTRIED, deliveries.c.change == change.value, _first())
    )


def _select_waiting(*, counts_with_cause: bool) -> Select[*tuple[Any, ...]]:
    knows = counted_with(parameter("provider")) if counts_with_cause else null()
    over = [~is_overtaken(parameter("provider"))] if counts_with_cause else []
    each = (
        select(
            deliveries.c.topic,
            deliveries.c.id,
            deliveries.c.created_ms,
            func.coalesce(deliveries.c.fresh, True).label("fresh"),
            (alerts.c.severity == Severity.CRITICAL.value).label("critical"),
            alerts.c.inhibited_by,
            knows.label("knows"),
        )
        .join(alerts, alerts.c.id == deliveries.c.alert_id)
        .where(*_UNTRIED, deliveries.c.change == Change.OPENED.value, _first(), *over)
        .subquery()
    )
    # A query of its own: PostgreSQL groups by no expression that holds a parameter.
    cause = case((each.c.knows == STANDS, each.c.inhibited_by)).label("cause")
    pending = select(each, cause).where(each.c.knows.is_distinct_from(COMING)).subquery().c
    return select(
        pending.topic,
        pending.cause,
        func.count().label("many"),
        func.min(pending.id).label("first_id"),
        func.min(pending.created_ms).label("oldest"),
        func.max(pending.created_ms).label("newest"),
        HoldsForAny(pending.fresh).label("fresh"),
        HoldsForAny(pending.critical).label("critical"),
    ).group_by(pending.topic, pending.cause)


_SELECT_WAITING = {counts: Prepared(partial(_select_waiting, counts_with_cause=counts)) for counts in (False, True)}


def _waiting(connection: Connection, provider: str, *, counts_with_cause: bool) -> list[Waiting]:
    rows = _SELECT_WAITING[counts_with_cause].rows(connection, provider=provider)
    return [
        Waiting(
            topic=Topic.parse(row.topic),
            count=row.many,
            first_id=row.first_id,
            oldest=row.oldest / 1000,
            newest=row.newest / 1000,
            fresh=bool(row.fresh),
            critical=bool(row.critical),
            cause=row.cause,
        )
        for row in rows
    ]


def _select_ends() -> Select[*tuple[Any, ...]]:
    membership = (
        select(group_members.c.group_id)
        .join(delivery_groups, delivery_groups.c.id == group_members.c.group_id)
        .where(group_members.c.open, delivery_groups.c.provider == parameter("provider"), ~delivery_groups.c.ended)
        .where(group_members.c.alert_id == deliveries.c.alert_id)
        .limit(1)
        .correlate(deliveries)
        .scalar_subquery()
    )
    pending = deliveries.c
    # A further end of one that was told anew is about another message; its alert may have opened again.
    group_id = case((pending.anew.is_(None), membership)).label("group_id")
    return (
        select(pending.id, pending.alert_id, pending.created_ms, group_id)
        .where(*_UNTRIED, pending.change == Change.RESOLVED.value, _first())
        .order_by(pending.id)
        .limit(parameter("most"))
    )


_SELECT_ENDS = Prepared(_select_ends)


def ends_of(connection: Connection, provider: str, most: int = BATCH) -> Sequence[StoredRow]:
    """At most so many of the provider's ends that wait and have not been tried.

    Each comes with the group whose open member its alert is, if any.
    """
    return _SELECT_ENDS.rows(connection, provider=provider, most=most)


def _end(row: StoredRow) -> WaitingEnd:
    return WaitingEnd(row.id, row.created_ms / 1000)


_SELECT_RETRIES = Prepared(
    lambda: (
        select(deliveries.c.id, deliveries.c.change, deliveries.c.created_ms)
        .where(_OF_PROVIDER, deliveries.c.pending, deliveries.c.attempts > 0)
        .order_by(deliveries.c.next_attempt_ms, deliveries.c.id)
        .limit(BATCH)
    )
)


def _retries(connection: Connection, provider: str) -> list[Retry]:
    rows = _SELECT_RETRIES.rows(connection, provider=provider)
    return [Retry(row.id, Change(row.change), row.created_ms / 1000) for row in rows]


def _select_standing() -> Select[*tuple[Any, ...]]:
    groups = delivery_groups.c
    members = select(func.count()).where(group_members.c.group_id == groups.id)
    return (
        select(
            delivery_groups,
            members.correlate(delivery_groups).scalar_subquery().label("members"),
            members.where(group_members.c.open).correlate(delivery_groups).scalar_subquery().label("open"),
        )
        .where(groups.provider == parameter("provider"), ~groups.ended)
        .order_by(groups.id)
    )


_SELECT_STANDING = Prepared(_select_standing)


def _standing(connection: Connection, provider: str) -> list[Group]:
    return [_group(row, carriers.of(connection, row)) for row in _SELECT_STANDING.rows(connection, provider=provider)]


def _group(row: StoredRow, carrier: Carrier) -> Group:
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
        editable=carrier.reference is not None,
        attempts=row.attempts,
        cause=row.cause_id,
        carried=carrier.carries,
    )


def _select_recent() -> Select[*tuple[Any, ...]]:
    done = deliveries.c
    return (
        select(done.topic, func.count(), func.max(done.done_ms))
        .where(_OF_PROVIDER, done.done_ms >= parameter("since_ms"))
        .where(~done.pending, done.change == Change.OPENED.value, done.group_id.is_(None), done.topic.is_not(None))
        .group_by(done.topic)
    )


_SELECT_RECENT = Prepared(_select_recent)


def _recent(connection: Connection, provider: str, since: float) -> dict[Topic, RecentOpenings]:
    rows = _SELECT_RECENT.rows(connection, provider=provider, since_ms=round(since * 1000))
    return {Topic.parse(row[0]): RecentOpenings(row[1], row[2] / 1000) for row in rows}
