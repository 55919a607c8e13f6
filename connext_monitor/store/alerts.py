"""Alerts, from their opening to their end; what becomes of them is news for the providers (`store.news`)."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, update
from sqlalchemy.dialects.sqlite import insert

from connext_monitor.core.alerts.alert import Alert, AlertKind, AlertState
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.effects import Decide, ResolveAlert, Route
from connext_monitor.core.alerts.kinds.overdue import OVERDUE
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import TransferId
from connext_monitor.core.selection import AlertRow
from connext_monitor.store import news
from connext_monitor.store.bulk import InsertMany, SelectIn, replacing
from connext_monitor.store.causes import read_causes, written
from connext_monitor.store.instants import from_ms, to_ms
from connext_monitor.store.prepared import Prepared
from connext_monitor.store.revisions import NEXT_REVISION, next_revision
from connext_monitor.store.schema import alerts
from connext_monitor.store.transfers import by_ids

_SELECT_STATES = SelectIn(select(alerts.c.row, alerts.c.id, alerts.c.state, alerts.c.resolved_ms), alerts.c.id)
_ALERT_COLUMNS = (
    alerts.c.id, alerts.c.kind, alerts.c.severity, alerts.c.subject, alerts.c.transfer_id, alerts.c.state,
    alerts.c.opened_ms, alerts.c.resolved_ms, alerts.c.resolution, alerts.c.details, alerts.c.causes,
    alerts.c.revision,
)  # fmt: skip
_OPEN = InsertMany(replacing(insert(alerts), alerts.c.id), _ALERT_COLUMNS)


def open_all(connection: Connection, openings: Sequence[tuple[Alert, Collection[str]]]) -> list[Alert]:
    """Store alerts as open, with a delivery for each of their providers; those that were not open already."""
    known = _SELECT_STATES(connection, [alert.id for alert, _ in openings]) if openings else []
    is_open = {alert_id for _, alert_id, state, _ in known if state == AlertState.OPEN.value}
    new = {alert.id: (alert, providers) for alert, providers in openings if alert.id not in is_open}
    if new:
        first = next_revision(connection)
        _OPEN(connection, [_row(alert, first + number) for number, (alert, _) in enumerate(new.values())])
        news.queue_openings(connection, list(new.values()))
    return [alert for alert, _ in new.values()]


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
    values = {"severity": now.severity.value, "details": now.details.written(), "revision": NEXT_REVISION}
    connection.execute(update(alerts).where(alerts.c.id == alert_id).values(values))
    news.queue_opening(connection, now, route(now), at)
    return True


def change_details(connection: Connection, alert_id: str, details: Details) -> None:
    """Store other details of an alert."""
    connection.execute(
        update(alerts).where(alerts.c.id == alert_id).values(details=details.written(), revision=NEXT_REVISION)
    )


def every_open(connection: Connection) -> list[Alert]:
    """All open alerts, the oldest first."""
    rows = connection.execute(select(alerts).where(alerts.c.state == AlertState.OPEN.value).order_by(alerts.c.row))
    return [read_alert(row) for row in rows]


def resolve_all(connection: Connection, ended: Sequence[ResolveAlert], at: datetime) -> list[str]:
    """Resolve those of these alerts that are open, and queue the news to all who got the opening; their ids."""
    resolutions = {effect.alert_id: effect.resolution for effect in ended}
    resolved = _open_among(connection, resolutions) if resolutions else []
    if resolved:
        first = next_revision(connection)
        end = update(alerts).where(alerts.c.id == bindparam("of_alert"))
        connection.execute(
            end.values(
                state=AlertState.RESOLVED.value,
                resolved_ms=to_ms(at),
                resolution=bindparam("how"),
                revision=bindparam("change"),
            ),
            [
                {"of_alert": alert_id, "how": resolutions[alert_id].value, "change": first + number}
                for number, alert_id in enumerate(resolved)
            ],
        )
        news.queue_ends(connection, {alert_id: resolutions[alert_id] for alert_id in resolved}, at)
    return resolved


def resolve_one(connection: Connection, ended: ResolveAlert, at: datetime) -> bool:
    """Resolve one alert; False where it is not open."""
    return bool(resolve_all(connection, [ended], at))


def resolve_decided(
    connection: Connection, decide: Callable[[Sequence[Alert]], Sequence[ResolveAlert]], at: datetime
) -> list[str]:
    """Resolve what ``decide``, which must be pure, ends of all alerts that are open; their ids."""
    return resolve_all(connection, decide(every_open(connection)), at)


def resolved_since(connection: Connection, alert_ids: Collection[str], since: datetime) -> dict[str, datetime]:
    """Those of these alerts that are resolved and were so since then, with when that was."""
    rows = _SELECT_STATES(connection, alert_ids) if alert_ids else []
    return {
        alert_id: from_ms(resolved_ms)
        for _, alert_id, state, resolved_ms in rows
        if state == AlertState.RESOLVED.value and resolved_ms > to_ms(since)
    }


def _open_among(connection: Connection, ids: Collection[str]) -> list[str]:
    """Those that are open, in the order in which they were first opened."""
    rows = sorted(_SELECT_STATES(connection, ids), key=lambda row: int(row[0]))
    return list(dict.fromkeys(alert_id for _, alert_id, state, _ in rows if state == AlertState.OPEN.value))


def open_of_kind(connection: Connection, kind: AlertKind) -> list[Alert]:
    """The open alerts of one kind."""
    return open_of_kinds(connection, [kind])


def open_of_kinds(connection: Connection, kinds: Collection[AlertKind]) -> list[Alert]:
    """The open alerts of these kinds."""
    rows = _select_open(tuple(kind.name for kind in kinds))(connection)
    return [read_alert(row) for row in rows]


@cache
def _select_open(kinds: tuple[str, ...]) -> Prepared:
    return Prepared(select(alerts).where(alerts.c.state == AlertState.OPEN.value, alerts.c.kind.in_(kinds)))


def by_id(connection: Connection, alert_id: str) -> Alert | None:
    """One alert."""
    row = connection.execute(select(alerts).where(alerts.c.id == alert_id)).one_or_none()
    return read_alert(row) if row else None


def of_transfer(connection: Connection, transfer_id: TransferId) -> list[Alert]:
    """The alerts of one transfer, the oldest first."""
    rows = connection.execute(
        select(alerts).where(alerts.c.transfer_id == transfer_id).order_by(alerts.c.opened_ms, alerts.c.row)
    )
    return [read_alert(row) for row in rows]


def listed(connection: Connection, state: AlertState | None, *, limit: int, after: int | None = None) -> list[AlertRow]:
    """At most ``limit`` alerts, newest first, from behind the row ``after`` on."""
    query = select(alerts)
    if state is not None:
        query = query.where(alerts.c.state == state.value)
    if after is not None:
        query = query.where(alerts.c.row < after)
    rows = connection.execute(query.order_by(alerts.c.row.desc()).limit(limit))
    return [AlertRow(row.row, read_alert(row)) for row in rows]


def count_open(connection: Connection) -> dict[tuple[AlertKind, Severity], int]:
    """How many alerts of each kind and severity are open: of one kind, some may have escalated."""
    columns = (alerts.c.kind, alerts.c.severity)
    rows = connection.execute(
        select(*columns, func.count()).where(alerts.c.state == AlertState.OPEN.value).group_by(*columns)
    )
    return {(KINDS[kind], Severity(severity)): count for kind, severity, count in rows}


def overdue_legs(connection: Connection, transfer_ids: Sequence[TransferId]) -> dict[TransferId, frozenset[Leg]]:
    """The legs of these transfers whose overdue alert is open."""
    ids = {OVERDUE[leg].alert_id(transfer_id): (transfer_id, leg) for transfer_id in transfer_ids for leg in Leg}
    legs: dict[TransferId, frozenset[Leg]] = {}
    for alert_id in _open_among(connection, ids):
        transfer_id, leg = ids[alert_id]
        legs[transfer_id] = legs.get(transfer_id, frozenset()) | {leg}
    return legs


def read_alert(row: Row[*tuple[Any, ...]]) -> Alert:
    """The alert of a row of the table."""
    kind = KINDS[row.kind]
    return Alert(
        id=row.id,
        kind=kind,
        severity=Severity(row.severity),
        subject=row.subject,
        opened_at=from_ms(row.opened_ms),
        transfer_id=TransferId(row.transfer_id) if row.transfer_id is not None else None,
        state=AlertState(row.state),
        resolved_at=from_ms(row.resolved_ms) if row.resolved_ms is not None else None,
        resolution=Resolution(row.resolution) if row.resolution is not None else None,
        details=kind.read_details(row.details),
        causes=read_causes(row.causes),
    )


def _row(alert: Alert, revision: int) -> tuple[object, ...]:
    """The values of `_ALERT_COLUMNS`, of an alert that opens."""
    return (
        alert.id, alert.kind.name, alert.severity.value, alert.subject, alert.transfer_id, AlertState.OPEN.value,
        to_ms(alert.opened_at), None, None, alert.details.written(), written(alert.causes), revision,
    )  # fmt: skip
