"""What becomes of alerts that were only counted with their cause once that has ended: who is to be told of them now."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import exists, func, or_, select, update

from connext_monitor.core.alerts.alert import Alert, AlertState
from connext_monitor.core.alerts.effects import Route
from connext_monitor.core.alerts.table import INHIBITING
from connext_monitor.core.delivery import Change
from connext_monitor.store import carriers, glance, groups, inhibition, news
from connext_monitor.store.connection import Connection
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, list_parameter, parameter
from connext_monitor.store.schema import alerts, deliveries, delivery_groups, group_members

_EVERY = 1 << 62
_GROUP = parameter("of_group")
_other = deliveries.alias("other")
_SELECT_GROUPS = Prepared(
    lambda: (
        select(delivery_groups)
        .where(~delivery_groups.c.ended, delivery_groups.c.cause_id.in_(list_parameter("causes")))
        .order_by(delivery_groups.c.id)
    )
)
_SELECT_LEFT = Prepared(
    # Not those of which the provider was told anew since: they have a message of their own.
    lambda: (
        select(alerts)
        .join(group_members, group_members.c.alert_id == alerts.c.id)
        .where(group_members.c.group_id == _GROUP, group_members.c.open, alerts.c.state == AlertState.OPEN.value)
        .where(
            ~exists().where(
                _other.c.alert_id == alerts.c.id,
                _other.c.provider == parameter("provider"),
                _other.c.change == Change.OPENED.value,
                or_(_other.c.group_id.is_(None), _other.c.group_id != _GROUP),
                _other.c.id
                > select(func.max(deliveries.c.id))
                .where(deliveries.c.alert_id == alerts.c.id, deliveries.c.group_id == _GROUP)
                .correlate(alerts)
                .scalar_subquery(),
            )
        )
        .order_by(alerts.c.row)
    )
)
_LET_GO = Prepared(lambda: update(group_members).where(group_members.c.group_id == _GROUP).values(open=False))
_END = Prepared(lambda: update(delivery_groups).where(delivery_groups.c.id == _GROUP).values(ended=True))


def causes_ended(connection: Connection, causes: Collection[str], route: Route | None, at: datetime) -> None:
    """Mark anew what these causes, which have ended, inhibited; and queue what was only counted with them.

    What has ended meanwhile is told nobody by itself; what is open, those of its providers that ``route`` still names.
    """
    inhibition.mark_again(connection)
    counting = _SELECT_GROUPS.rows(connection, causes=causes)
    for provider in sorted({group.provider for group in counting}):
        # What ended before its cause is not told by itself now, nor counted any more anywhere.
        groups.note_ends(connection, provider, at, most=_EVERY)
    left = [(alert, group.provider) for group in counting for alert in _let_go(connection, group)]
    # What is a cause itself comes first: others may be counted with it.
    left.sort(key=lambda alert_and_provider: alert_and_provider[0].kind not in INHIBITING)
    for alert, provider in left:
        if route is None or provider in route(alert):
            news.queue_opening(connection, alert, [provider], at)


def _let_go(connection: Connection, group: StoredRow) -> list[Alert]:
    """End the counting of a group; its members of which its provider is to be told otherwise."""
    left = _SELECT_LEFT.rows(connection, of_group=group.id, provider=group.provider)
    _LET_GO.execute(connection, of_group=group.id)
    # Where its message was tried, the channel may have it: then its end is told as well.
    untold = group.told_ms is None and not group.attempts
    if untold or carriers.of(connection, group).carries:
        _END.execute(connection, of_group=group.id)
    return [glance.read_alert(row) for row in left]
