"""What providers are to be told of alerts, queued in the transaction that changes them: each opening, and each end."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import insert, select

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.grouping import is_fresh
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.delivery import Change
from connext_monitor.core.events import DomainId
from connext_monitor.core.queue import Topic
from connext_monitor.store.bulk import SelectIn
from connext_monitor.store.connection import Connection
from connext_monitor.store.instants import to_ms
from connext_monitor.store.prepared import Prepared, parameter, parameters
from connext_monitor.store.schema import deliveries, delivery_groups, transfers

_NEWS_COLUMNS = (
    deliveries.c.id, deliveries.c.alert_id, deliveries.c.provider, deliveries.c.change, deliveries.c.reference,
    delivery_groups.c.cause_id,
)  # fmt: skip
_NEWS = deliveries.outerjoin(delivery_groups, delivery_groups.c.id == deliveries.c.group_id)
_SELECT_NEWS = SelectIn(lambda: select(*_NEWS_COLUMNS).select_from(_NEWS), deliveries.c.alert_id)
_SELECT_PATHWAY = Prepared(
    lambda: select(transfers.c.origin, transfers.c.destination).where(
        transfers.c.transfer_id == parameter("transfer_id")
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

StandingMessages = dict[str, list[str | None]]
"""The providers that know an alert as open, with the channel's own names of the messages that say so.

None where it gives none or has not been told yet.
"""


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


def _openings(
    connection: Connection, alert: Alert, providers: Collection[str], at: datetime
) -> list[dict[str, object]]:
    if not providers:
        return []
    grouping = {"topic": str(_topic(connection, alert)), "fresh": is_fresh(alert)}
    return [_delivery(alert.id, provider, Change.OPENED, at) | grouping for provider in sorted(providers)]


def standing_messages(connection: Connection, alert_ids: Collection[str]) -> dict[str, StandingMessages]:
    """The providers whose last news of each of these alerts, told or queued, is that it is open.

    Not those that merely had it counted in the message of its cause.
    """
    rows = _SELECT_NEWS(connection, alert_ids) if alert_ids else []
    standing: dict[str, StandingMessages] = {alert_id: {} for alert_id in alert_ids}
    # A provider may have been told of an alert more than once before it ended, and each message is to change.
    once = {int(row[0]): row for row in rows}
    for _, alert_id, provider, change, reference, cause in (once[delivery_id] for delivery_id in sorted(once)):
        if cause is not None:
            continue
        if change == Change.OPENED.value:
            standing[alert_id].setdefault(provider, []).append(reference)
        else:
            standing[alert_id].pop(provider, None)
    return standing


def _topic(connection: Connection, alert: Alert) -> Topic:
    if alert.transfer_id is None or alert.pathway is not None:
        return Topic(alert.kind, alert.pathway)
    row = _SELECT_PATHWAY.row(connection, transfer_id=alert.transfer_id)
    return Topic(alert.kind, (DomainId(row.origin), DomainId(row.destination)) if row else None)


def queue_ends(connection: Connection, ended: Mapping[str, Resolution], at: datetime) -> None:
    """Queue the ends of these alerts (id → resolution) for all who know them as open."""
    # An alert that opened again may have gone to others than before: only the last change a provider got counts.
    rows: list[dict[str, object]] = []
    for alert_id, by_provider in standing_messages(connection, ended).items():
        for provider, messages in sorted(by_provider.items()):
            # An alert that was told anew stands in several messages, and all of them change.
            earlier = [reference for reference in messages[:-1] if reference is not None]
            end = _delivery(alert_id, provider, Change.RESOLVED, at)
            end |= {"resolution": ended[alert_id].value, "resolved_ms": to_ms(at)}
            rows += [end | {"reference": reference} for reference in (None, *reversed(earlier))]
    _queue(connection, rows)


def _delivery(alert_id: str, provider: str, change: Change, at: datetime) -> dict[str, object]:
    return {"alert_id": alert_id, "provider": provider, "change": change.value, "created_ms": to_ms(at)}


def _queue(connection: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Store new deliveries."""
    if rows:
        _INSERT.execute_many(connection, [_NEW | row for row in rows])
