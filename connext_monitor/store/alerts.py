"""Alerts, from their opening to their end; what becomes of them is news for the providers (`store.news`)."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.dialects.sqlite import insert

from connext_monitor.core.alerts.alert import Alert, AlertState
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.effects import Decide, ResolveAlert, Route
from connext_monitor.core.events import TransferId
from connext_monitor.store import cause_ends, inhibition, news
from connext_monitor.store.alert_rows import alert_states, by_id, every_open, open_among
from connext_monitor.store.bulk import InsertMany, flat, replacing
from connext_monitor.store.cause_text import written
from connext_monitor.store.connection import Connection
from connext_monitor.store.instants import to_ms
from connext_monitor.store.prepared import Prepared, parameter, parameters
from connext_monitor.store.revisions import next_revision, upcoming_revision
from connext_monitor.store.schema import alerts
from connext_monitor.store.transfers import by_ids

_ALERT_COLUMNS = (
    alerts.c.id, alerts.c.kind, alerts.c.severity, alerts.c.subject, alerts.c.transfer_id, alerts.c.state,
    alerts.c.opened_ms, alerts.c.resolved_ms, alerts.c.resolution, alerts.c.details, alerts.c.causes,
    alerts.c.revision, alerts.c.inhibited_by,
)  # fmt: skip
_OPEN = InsertMany(lambda: replacing(insert(alerts), alerts.c.id), _ALERT_COLUMNS)
_THIS = alerts.c.id == parameter("alert_id")
_ESCALATE = Prepared(
    lambda: update(alerts).where(_THIS).values(parameters("severity", "details") | {"revision": upcoming_revision()})
)
_CHANGE_DETAILS = Prepared(
    lambda: update(alerts).where(_THIS).values(parameters("details") | {"revision": upcoming_revision()})
)
_RESOLVE = Prepared(
    lambda: (
        update(alerts)
        .where(_THIS)
        .values(parameters("resolved_ms", "resolution", "revision") | {"state": AlertState.RESOLVED.value})
    )
)


def open_all(connection: Connection, openings: Sequence[tuple[Alert, Collection[str]]]) -> list[Alert]:
    """Store alerts as open, with a delivery for each of their providers; those that were not open already."""
    known = alert_states(connection, [alert.id for alert, _ in openings]) if openings else []
    is_open = {alert_id for _, alert_id, state, _ in known if state == AlertState.OPEN.value}
    new = {alert.id: (alert, providers) for alert, providers in openings if alert.id not in is_open}
    if not new:
        return []
    opened = inhibition.marked(connection, [alert for alert, _ in new.values()])
    first = next_revision(connection)
    _OPEN(connection, flat(_row(alert, first + number) for number, alert in enumerate(opened)))
    news.queue_openings(connection, [(alert, new[alert.id][1]) for alert in opened])
    inhibition.causes_opened(connection, opened)
    return opened


def open_one(connection: Connection, alert: Alert, providers: Collection[str]) -> bool:
    """Store one alert as open, with a delivery for each provider; False where it is open already."""
    return bool(open_all(connection, [(alert, providers)]))


def open_decided(connection: Connection, decisions: Sequence[tuple[TransferId, Decide]], route: Route) -> list[Alert]:
    """Open what each decision makes of its transfer as that stands within this transaction; those that are new.

    Decisions and ``route`` must be pure.
    """
    known = by_ids(connection, {transfer_id for transfer_id, _ in decisions})
    decided = [decide(known.get(transfer_id)) for transfer_id, decide in decisions]
    return open_all(connection, [(alert, route(alert)) for alert in decided if alert is not None])


def escalate(connection: Connection, alert_id: str, route: Route, at: datetime) -> bool:
    """Make an alert critical and queue it anew, once; False where it has ended or was escalated before.

    ``route`` must be pure.
    """
    alert = by_id(connection, alert_id)
    if alert is None or alert.state is not AlertState.OPEN or alert.escalated_at is not None:
        return False
    now = alert.escalated(at)
    _ESCALATE.execute(connection, alert_id=alert_id, severity=now.severity.value, details=now.details.written())
    news.queue_opening(connection, now, route(now), at, anew=True)
    return True


def change_details(connection: Connection, alert_id: str, details: Details) -> None:
    """Store other details of an alert."""
    _CHANGE_DETAILS.execute(connection, alert_id=alert_id, details=details.written())


def resolve_all(
    connection: Connection, ended: Sequence[ResolveAlert], at: datetime, route: Route | None = None
) -> list[str]:
    """Resolve those of these alerts that are open, and queue the news to all who got the opening; their ids.

    What was only counted with one of them is told now by itself, to those whom ``route`` still names for it.
    """
    resolutions = {effect.alert_id: effect.resolution for effect in ended}
    resolved = open_among(connection, resolutions) if resolutions else []
    if resolved:
        first = next_revision(connection)
        ends = [
            {"alert_id": alert_id, "resolution": resolutions[alert_id].value, "revision": first + number}
            for number, alert_id in enumerate(resolved)
        ]
        _RESOLVE.execute_many(connection, [end | {"resolved_ms": to_ms(at)} for end in ends])
        inhibition.note_ends(connection, resolved)
        news.queue_ends(connection, {alert_id: resolutions[alert_id] for alert_id in resolved}, at)
        kinds = {effect.alert_id: effect.kind for effect in ended}
        if causes := [alert_id for alert_id in resolved if kinds[alert_id].inhibits]:
            cause_ends.causes_ended(connection, causes, route, at)
    return resolved


def resolve_one(connection: Connection, ended: ResolveAlert, at: datetime, route: Route | None = None) -> bool:
    """Resolve one alert; False where it is not open."""
    return bool(resolve_all(connection, [ended], at, route))


def resolve_decided(
    connection: Connection,
    decide: Callable[[Sequence[Alert]], Sequence[ResolveAlert]],
    at: datetime,
    route: Route | None = None,
) -> list[str]:
    """Resolve what ``decide``, which must be pure, ends of all alerts that are open; their ids."""
    return resolve_all(connection, decide(every_open(connection)), at, route)


def _row(alert: Alert, revision: int) -> tuple[object, ...]:
    """The values of `_ALERT_COLUMNS`, of an alert that opens."""
    return (
        alert.id, alert.kind.name, alert.severity.value, alert.subject, alert.transfer_id, AlertState.OPEN.value,
        to_ms(alert.opened_at), None, None, alert.details.written(), written(alert.causes),
        revision, alert.inhibited_by,
    )  # fmt: skip
