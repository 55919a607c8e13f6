"""Silences, and what is queued when they end."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.alerts.silence import Silence
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.store import alert_rows, news
from connext_monitor.store.instants import from_ms, to_ms
from connext_monitor.store.prepared import Prepared
from connext_monitor.store.schema import silences


def made(connection: Connection, silence: Silence, at: datetime) -> Silence:
    """Store a new one; as it is stored, with its id."""
    values = {
        "until_ms": to_ms(silence.until),
        "kind": silence.kind.name if silence.kind else None,
        "origin": silence.origin,
        "destination": silence.destination,
        "subject": silence.subject,
        "reason": silence.reason,
        "ack": silence.ack,
        "made_ms": to_ms(at),
        "done": False,
    }
    row = connection.execute(insert(silences).values(values).returning(*silences.c)).one()
    return _read(row)


_SELECT_STANDING = Prepared(select(silences).where(~silences.c.done).order_by(silences.c.id))


def standing(connection: Connection) -> list[Silence]:
    """Those whose end has not been dealt with, the oldest first."""
    rows = _SELECT_STANDING(connection)
    return [_read(row) for row in rows]


def cut_short(connection: Connection, silence_id: int, at: datetime) -> bool:
    """Let it end at ``at``; False where there is none of this id that has not ended.

    Before it was made, if that was later: whoever ends it may have another clock than whoever looks for its end.
    """
    mine = (silences.c.id == silence_id, ~silences.c.done)
    ended = {"until_ms": func.min(silences.c.made_ms, to_ms(at))}
    rows = connection.execute(update(silences).where(*mine).values(ended).returning(silences.c.id))
    return rows.first() is not None


def redate(connection: Connection, silence: Silence) -> None:
    """Keep when it was made and when it ends, by the clock that its end is looked for with."""
    if silence.made_at is None:
        raise ValueError("a silence without the time that it was made at")
    # What was cut short meanwhile stays so.
    mine = (silences.c.id == silence.id, ~silences.c.done, silences.c.until_ms > silences.c.made_ms)
    dated = {"until_ms": to_ms(silence.until), "made_ms": to_ms(silence.made_at)}
    connection.execute(update(silences).where(*mine).values(dated))


def end(
    connection: Connection, silence: Silence, providers_by_alert: Mapping[str, Collection[str]], at: datetime
) -> int:
    """Note that its end has been dealt with, and queue those of these alerts (id → providers) that are still open."""
    connection.execute(update(silences).where(silences.c.id == silence.id).values(done=True))
    count = 0
    for alert_id, providers in providers_by_alert.items():
        alert = alert_rows.by_id(connection, alert_id)
        if alert is None or alert.state is not AlertState.OPEN:
            continue
        knowing = () if silence.ack else news.standing_messages(connection, [alert_id])[alert_id]
        due = sorted(set(providers).difference(knowing))
        news.queue_opening(connection, alert, due, at)
        count += len(due)
    return count


def _read(row: object) -> Silence:
    stored = row._mapping  # type: ignore[attr-defined]  # noqa: SLF001 - SQLAlchemy's own name for a row's columns
    return Silence(
        id=stored["id"],
        until=from_ms(stored["until_ms"]),
        kind=KINDS[stored["kind"]] if stored["kind"] else None,
        origin=stored["origin"],
        destination=stored["destination"],
        subject=stored["subject"],
        reason=stored["reason"],
        ack=bool(stored["ack"]),
        made_at=from_ms(stored["made_ms"]),
    )
