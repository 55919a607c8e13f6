"""Silences, and what is queued when they end."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import insert, select, update

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.alerts.silence import Silence
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.store import alert_rows, inhibition, news
from connext_monitor.store.connection import Connection
from connext_monitor.store.instants import from_ms, to_ms
from connext_monitor.store.messages import Messages
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, parameter, parameters
from connext_monitor.store.schema import silences
from connext_monitor.store.sql_functions import Smaller

_COLUMNS = ("until_ms", "kind", "origin", "destination", "subject", "reason", "ack", "made_ms", "done")
_THIS = silences.c.id == parameter("silence_id")
_MAKE = Prepared(lambda: insert(silences).values(parameters(*_COLUMNS)).returning(*silences.c))
_SELECT_STANDING = Prepared(lambda: select(silences).where(~silences.c.done).order_by(silences.c.id))
_CUT_SHORT = Prepared(
    lambda: (
        update(silences)
        .where(_THIS, ~silences.c.done)
        .values(until_ms=Smaller(silences.c.made_ms, parameter("at_ms")))
        .returning(silences.c.id)
    )
)
_REDATE = Prepared(
    # What was cut short meanwhile stays so.
    lambda: (
        update(silences)
        .where(_THIS, ~silences.c.done, silences.c.until_ms > silences.c.made_ms)
        .values(parameters("until_ms", "made_ms"))
    )
)
_END = Prepared(lambda: update(silences).where(_THIS).values(done=True))


def made(connection: Connection, silence: Silence, at: datetime) -> Silence:
    """Store a new one; as it is stored, with its id."""
    (row,) = _MAKE.rows(
        connection,
        until_ms=to_ms(silence.until),
        kind=silence.kind.name if silence.kind else None,
        origin=silence.origin,
        destination=silence.destination,
        subject=silence.subject,
        reason=silence.reason,
        ack=silence.ack,
        made_ms=to_ms(at),
        done=False,
    )
    return _read(row)


def standing(connection: Connection) -> list[Silence]:
    """Those whose end has not been dealt with, the oldest first."""
    return [_read(row) for row in _SELECT_STANDING.rows(connection)]


def cut_short(connection: Connection, silence_id: int, at: datetime) -> bool:
    """Let it end at ``at``; False where there is none of this id that has not ended.

    Before it was made, if that was later: whoever ends it may have a different clock from whoever looks for its end.
    """
    return _CUT_SHORT.row(connection, silence_id=silence_id, at_ms=to_ms(at)) is not None


def redate(connection: Connection, silence: Silence) -> None:
    """Keep when it was made and when it ends, by the clock that its end is looked for with."""
    if silence.made_at is None:
        raise ValueError("a silence without the time that it was made at")
    _REDATE.execute(connection, silence_id=silence.id, until_ms=to_ms(silence.until), made_ms=to_ms(silence.made_at))


def end(
    connection: Connection, silence: Silence, providers_by_alert: Mapping[str, Collection[str]], at: datetime
) -> int:
    """Note that its end has been dealt with, and queue those of these alerts (id → providers) that are still open."""
    _END.execute(connection, silence_id=silence.id)
    count = 0
    for alert_id, providers in providers_by_alert.items():
        alert = alert_rows.by_id(connection, alert_id)
        if alert is None or alert.state is not AlertState.OPEN:
            continue
        if silence.ack:
            news.queue_repeat(connection, alert, providers, at)
            count += len(set(providers))
            continue
        # What became critical meanwhile is told as that, and by itself, also to who knows of it or has it counted.
        escalated = alert.escalated_at is not None
        knowing = Messages.of(connection, [alert_id]).knowing(alert_id, escalated=escalated)
        counting = () if escalated else inhibition.counting(connection, alert_id)
        due = set(providers).difference(knowing, counting)
        news.queue_opening(connection, alert, due, at, anew=escalated)
        count += len(due)
    return count


def _read(row: StoredRow) -> Silence:
    return Silence(
        id=row.id,
        until=from_ms(row.until_ms),
        kind=KINDS[row.kind] if row.kind else None,
        origin=row.origin,
        destination=row.destination,
        subject=row.subject,
        reason=row.reason,
        ack=bool(row.ack),
        made_at=from_ms(row.made_ms),
    )
