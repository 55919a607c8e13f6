"""What providers are to be told of alerts, queued in the transaction that changes them: each opening, and each end."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import func, insert, select, update

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.grouping import is_fresh
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.delivery import Change
from connext_monitor.core.events import DomainId
from connext_monitor.core.queue import Topic
from connext_monitor.store.bulk import parts
from connext_monitor.store.connection import Connection
from connext_monitor.store.instants import to_ms
from connext_monitor.store.messages import Messages
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, list_parameter, parameter, parameters
from connext_monitor.store.schema import deliveries, transfers

_SELECT_PATHWAY = Prepared(
    lambda: select(transfers.c.origin, transfers.c.destination).where(
        transfers.c.transfer_id == parameter("transfer_id")
    )
)
_SELECT_ENDS = Prepared(
    lambda: (
        select(deliveries)
        .where(deliveries.c.id.in_(list_parameter("ids")), deliveries.c.change == Change.RESOLVED.value)
        .where(deliveries.c.anew.is_(None))
        .order_by(deliveries.c.id)
    )
)
_COUNT_REPEATS = Prepared(
    lambda: (
        select(func.count(deliveries.c.created_ms.distinct()))
        .where(deliveries.c.alert_id == parameter("alert_id"), deliveries.c.change == Change.OPENED.value)
        .where(deliveries.c.anew.is_not(None))
    )
)
_NEW = {
    "pending": True,
    "attempts": 0,
    "next_attempt_ms": 0,
    "reference": None,
    "resolution": None,
    "resolved_ms": None,
    "topic": None,
    "fresh": None,
    "anew": None,
}
"""What a delivery says unless more is known of it."""
_INSERT = Prepared(lambda: insert(deliveries).values(parameters("alert_id", "provider", "change", "created_ms", *_NEW)))
_HAND_OVER = Prepared(
    lambda: (
        update(deliveries)
        .where(deliveries.c.id == parameter("of_delivery"))
        .values(parameters("group_id", "done_ms") | {"pending": False})
    )
)


def queue_openings(connection: Connection, opened: Sequence[tuple[Alert, Collection[str]]]) -> None:
    """Queue the news that these alerts have opened, each for its providers."""
    _queue(connection, [row for alert, to in opened for row in _openings(connection, alert, to, alert.opened_at)])


def queue_opening(
    connection: Connection, alert: Alert, providers: Collection[str], at: datetime, *, anew: bool = False
) -> None:
    """Queue the news that an alert is open for each of these providers; ``anew`` is not merely counted with its cause.

    Whoever was told before is told again, as of an alert that has become critical.
    """
    said = {"anew": True} if anew else {}
    _queue(connection, [row | said for row in _openings(connection, alert, providers, at)])


def queue_repeat(connection: Connection, alert: Alert, providers: Collection[str], at: datetime) -> None:
    """Queue an open alert once more for each of these providers, in a message other than those that tell of it."""
    again = 1 + _COUNT_REPEATS.value(connection, alert_id=alert.id)
    _queue(connection, [row | {"anew": True} for row in _openings(connection, alert, providers, at, again)])


def _openings(
    connection: Connection, alert: Alert, providers: Collection[str], at: datetime, again: int = 0
) -> list[dict[str, object]]:
    if not providers:
        return []
    topic = replace(_topic(connection, alert), again=again)
    grouping = {"topic": str(topic), "fresh": is_fresh(alert)}
    return [_delivery(alert.id, provider, Change.OPENED, at) | grouping for provider in sorted(providers)]


def _topic(connection: Connection, alert: Alert) -> Topic:
    escalated = alert.escalated_at is not None
    if alert.transfer_id is None or alert.pathway is not None:
        return Topic(alert.kind, alert.pathway, escalated)
    row = _SELECT_PATHWAY.row(connection, transfer_id=alert.transfer_id)
    return Topic(alert.kind, (DomainId(row.origin), DomainId(row.destination)) if row else None, escalated)


def queue_ends(connection: Connection, ended: Mapping[str, Resolution], at: datetime) -> None:
    """Queue the ends of these alerts (id → resolution), for each provider that knows an alert as open.

    One each, even where an alert stands in several messages; `queue_further_ends` goes on from that.
    """
    # An alert that opened again may have gone to others than before: only the last change a provider got counts.
    messages = Messages.of(connection, ended)
    _queue(
        connection,
        [
            _delivery(alert_id, provider, Change.RESOLVED, at) | {"resolution": how.value, "resolved_ms": to_ms(at)}
            for alert_id, how in ended.items()
            for provider in sorted(messages.knowing(alert_id))
        ],
    )


def hand_over(connection: Connection, taken: Sequence[tuple[int, int]], at: datetime) -> None:
    """From now on these deliveries are told by the messages of their groups (delivery and group).

    Where one is an end, the messages that told of its alert by themselves are to change next.
    """
    done = {"done_ms": to_ms(at)}
    _HAND_OVER.execute_many(
        connection, [{"of_delivery": delivery_id, "group_id": group_id} | done for delivery_id, group_id in taken]
    )
    queue_further_ends(connection, [delivery_id for delivery_id, _ in taken])


def queue_further_ends(connection: Connection, made: Collection[int]) -> None:
    """Of these deliveries, which have just been made, queue the ends anew for other messages about the same alerts.

    Not before, as what a provider calls a message is known only once it has been told of all that came before the end.
    """
    ends = [row for part in parts(made) for row in _SELECT_ENDS.rows(connection, ids=part)]
    messages = Messages.of(connection, {end.alert_id for end in ends})
    _queue(connection, [further for end in ends for further in _further(end, messages)])


def _further(end: StoredRow, messages: Messages) -> list[dict[str, object]]:
    about = end.alert_id, end.provider, end.id
    standing = messages.standing(*about)
    if end.group_id is None:
        *others, changed = standing or [None]
        others = [reference for reference in others if reference not in {None, changed}]
    else:
        # The end of a member is told by its group, and by itself where the member was told by itself. Where no message
        # can be named, that would be read as the end of what has opened again meanwhile; its own end says it then.
        others = [reference for reference in standing if reference is not None]
        if not others and messages.unnamed_stands(*about) and not messages.opened_after(*about):
            others = [None]
    kept = ("alert_id", "provider", "change", "resolution", "resolved_ms", "created_ms")
    further = {name: getattr(end, name) for name in kept} | {"anew": True}
    return [further | {"reference": reference} for reference in dict.fromkeys(reversed(others))]


def _delivery(alert_id: str, provider: str, change: Change, at: datetime) -> dict[str, object]:
    return {"alert_id": alert_id, "provider": provider, "change": change.value, "created_ms": to_ms(at)}


def _queue(connection: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Store new deliveries."""
    if rows:
        _INSERT.execute_many(connection, [_NEW | row for row in rows])
