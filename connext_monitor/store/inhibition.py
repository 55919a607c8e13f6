"""Alerts that need no message of their own while their cause stands: the marks, and who knows of the cause.

Every alert says because of which other it is. Whether a provider is told of it by itself depends on what that provider
knows of the cause, and is decided when its queue is read (`counted_with`).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, and_, case, delete, exists, literal, null, select, update

from connext_monitor.core.alerts.alert import Alert, AlertState
from connext_monitor.core.alerts.inhibition import cause_of
from connext_monitor.core.alerts.table import INHIBITED, INHIBITING
from connext_monitor.core.delivery import Change
from connext_monitor.store import glance
from connext_monitor.store.bulk import parts
from connext_monitor.store.connection import Connection
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, list_parameter, parameter, parameters
from connext_monitor.store.revisions import next_revision
from connext_monitor.store.schema import alerts, deliveries, delivery_groups, group_members

COMING, STANDS = "coming", "stands"

_OPENED = Change.OPENED.value


def counted_with(provider: ColumnElement[str]) -> ColumnElement[str | None]:
    """Of a row of ``deliveries`` and its alert's: how far the ``provider`` has been told of the alert's cause.

    `STANDS` where a message stands that says so, `COMING` where one is about to be sent for the first time; NULL where
    the alert is to be told by itself.
    """
    stands = _news_of_cause(provider, ~_of_cause.c.pending, _group_of_cause.c.cause_id.is_(None))
    coming = _news_of_cause(provider, _of_cause.c.pending, _of_cause.c.attempts == 0)
    return case((deliveries.c.anew.is_not(None), null()), (stands, literal(STANDS)), (coming, literal(COMING)))


_of_cause = deliveries.alias("of_cause")
_group_of_cause = delivery_groups.alias("group_of_cause")
_cause = alerts.alias("cause")


def _news_of_cause(provider: ColumnElement[str], *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return (
        select(_of_cause.c.id)
        .select_from(
            _of_cause.join(_cause, _cause.c.id == _of_cause.c.alert_id).outerjoin(
                _group_of_cause, _group_of_cause.c.id == _of_cause.c.group_id
            )
        )
        .where(
            _of_cause.c.alert_id == alerts.c.inhibited_by,
            _of_cause.c.provider == provider,
            _of_cause.c.change == _OPENED,
            _cause.c.state == AlertState.OPEN.value,
            *conditions,
        )
        .correlate(alerts)
        .exists()
    )


_MARK = Prepared(
    lambda: update(alerts).where(alerts.c.id == parameter("alert_id")).values(parameters("inhibited_by", "revision"))
)
_OF_SOME_CAUSE = (~delivery_groups.c.ended, delivery_groups.c.cause_id.is_not(None))
_SELECT_ANY_GROUP = Prepared(lambda: select(delivery_groups.c.id).where(*_OF_SOME_CAUSE).limit(1))
_NOTE_ENDS = Prepared(
    # Not of those that have opened again before their group counted an earlier end, which waits: that is its to count.
    lambda: (
        update(group_members)
        .where(group_members.c.open, group_members.c.alert_id.in_(list_parameter("ids")))
        .where(
            exists()
            .where(delivery_groups.c.id == group_members.c.group_id, *_OF_SOME_CAUSE)
            .where(
                ~exists()
                .where(
                    deliveries.c.alert_id == group_members.c.alert_id,
                    deliveries.c.provider == delivery_groups.c.provider,
                    deliveries.c.change == Change.RESOLVED.value,
                    deliveries.c.pending,
                    deliveries.c.anew.is_(None),
                )
                .correlate(group_members, delivery_groups)
            )
        )
        .values(open=False)
    )
)
_SELECT_COUNTING = Prepared(
    lambda: (
        select(delivery_groups.c.provider)
        .join(group_members, group_members.c.group_id == delivery_groups.c.id)
        .where(group_members.c.alert_id == parameter("alert_id"), group_members.c.open)
        .where(*_OF_SOME_CAUSE)
    )
)


def is_overtaken(provider: ColumnElement[str]) -> ColumnElement[bool]:
    """Of a row of ``deliveries`` and its alert's: that it opened and ended while its cause stood, which has ended too.

    Neither is news to a ``provider`` that has been told, or is to be told, of that cause and its end.
    """
    opening, of_cause = deliveries.alias("opening_of_it"), deliveries.alias("news_of_cause")
    of_its_cause = (of_cause.c.alert_id == alerts.c.inhibited_by, of_cause.c.provider == provider)
    known_before = (
        select(of_cause.c.change)
        .where(*of_its_cause, of_cause.c.anew.is_(None), of_cause.c.id < opening.c.id)
        .order_by(of_cause.c.id.desc())
        .limit(1)
        .correlate(alerts, opening)
        .scalar_subquery()
    )
    ended_since = (
        exists()
        .where(*of_its_cause, of_cause.c.change == Change.RESOLVED.value, of_cause.c.anew.is_(None))
        .where(of_cause.c.id > opening.c.id, of_cause.c.resolved_ms >= alerts.c.resolved_ms)
        .correlate(alerts, opening)
    )
    untold = (
        select(opening.c.id)
        .where(opening.c.alert_id == deliveries.c.alert_id, opening.c.provider == provider)
        .where(opening.c.pending, opening.c.attempts == 0, opening.c.change == _OPENED, opening.c.anew.is_(None))
        .where(opening.c.id <= deliveries.c.id, known_before == _OPENED, ended_since)
        .correlate(alerts, deliveries)
        .exists()
    )
    further = and_(deliveries.c.change == Change.RESOLVED.value, deliveries.c.anew.is_not(None))
    return and_(alerts.c.state == AlertState.RESOLVED.value, alerts.c.inhibited_by.is_not(None), ~further, untold)


_SELECT_OVERTAKEN = Prepared(
    lambda: (
        select(deliveries.c.id, deliveries.c.created_ms)
        .join(alerts, alerts.c.id == deliveries.c.alert_id)
        .where(deliveries.c.provider == parameter("provider"), deliveries.c.pending, deliveries.c.attempts == 0)
        .where(is_overtaken(parameter("provider")))
        .order_by(deliveries.c.id)
    )
)
_DROP = Prepared(lambda: delete(deliveries).where(deliveries.c.id.in_(list_parameter("ids"))))


def overtaken(connection: Connection, provider: str) -> Sequence[StoredRow]:
    """The deliveries that need not be made any more, with ``id`` and ``created_ms``; see `is_overtaken`."""
    return _SELECT_OVERTAKEN.rows(connection, provider=provider)


def drop_overtaken(connection: Connection, provider: str) -> None:
    """Tell nobody of them."""
    for part in parts(row.id for row in overtaken(connection, provider)):
        _DROP.execute(connection, ids=part)


def marked(connection: Connection, opening: Sequence[Alert]) -> list[Alert]:
    """Alerts that are about to open, each with the one that inhibits it: one of them, or one that is open."""
    if not any(alert.kind in INHIBITED for alert in opening):
        return list(opening)
    standing = {cause.id: cause for cause in glance.open_of_kinds(connection, INHIBITING)}
    standing |= {alert.id: alert for alert in opening if alert.kind in INHIBITING}
    return [replace(alert, inhibited_by=cause_of(alert, standing.values())) for alert in opening]


def causes_opened(connection: Connection, opened: Iterable[Alert]) -> None:
    """Mark what was open before, where causes are among those that have opened."""
    if any(alert.kind in INHIBITING for alert in opened):
        mark_again(connection)


def mark_again(connection: Connection) -> None:
    """Mark every open alert with the cause that stands now."""
    standing = glance.open_of_kinds(connection, INHIBITING)
    open_alerts = glance.open_of_kinds(connection, INHIBITED)
    marks = [(alert.id, cause_of(alert, standing), alert.inhibited_by) for alert in open_alerts]
    wrong = [(alert_id, now) for alert_id, now, before in marks if now != before]
    first = next_revision(connection) if wrong else 0
    _MARK.execute_many(
        connection,
        [
            {"alert_id": alert_id, "inhibited_by": now, "revision": first + number}
            for number, (alert_id, now) in enumerate(wrong)
        ],
    )


def note_ends(connection: Connection, ended: Collection[str]) -> None:
    """Note of these alerts, where groups count them with their cause, that they have ended."""
    if _SELECT_ANY_GROUP.value(connection) is not None:
        for part in parts(ended):
            _NOTE_ENDS.execute(connection, ids=part)


def counting(connection: Connection, alert_id: str) -> list[str]:
    """The providers that were told of the alert as one of those that are late because of their cause."""
    return _SELECT_COUNTING.column(connection, alert_id=alert_id)
