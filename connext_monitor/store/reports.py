"""Reports on statistics, and whom they are still to be told."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.dialects.sqlite import insert

from connext_monitor.core.queue import QueuedReport
from connext_monitor.core.report import Report, read, written
from connext_monitor.store.connection import Connection
from connext_monitor.store.instants import from_ms, to_ms
from connext_monitor.store.prepared import Prepared, parameter, parameters
from connext_monitor.store.report_tables import report_deliveries, reports

_SUPERSEDED = "a newer report has been made since"


def _select_next() -> Select[*tuple[Any, ...]]:
    return (
        select(report_deliveries, reports.c.content, reports.c.made_ms)
        .join(reports, reports.c.id == report_deliveries.c.report_id)
        .where(report_deliveries.c.provider == parameter("provider"), report_deliveries.c.pending)
        .order_by(report_deliveries.c.report_id)
        .limit(1)
    )


_THIS = (
    report_deliveries.c.report_id == parameter("of_report"),
    report_deliveries.c.provider == parameter("to_provider"),
)
_SELECT_LAST = Prepared(lambda: select(func.max(reports.c.until_at)).where(reports.c.until_at <= parameter("now")))
_ADD = Prepared(
    lambda: (
        insert(reports)
        .values(parameters("until_at", "content", "made_ms"))
        .on_conflict_do_nothing()
        .returning(reports.c.id)
    )
)
_SUPERSEDE = Prepared(
    lambda: (
        update(report_deliveries)
        .where(report_deliveries.c.pending)
        .values(pending=False, reason=_SUPERSEDED, done_ms=parameter("done_ms"))
    )
)
_QUEUE = Prepared(
    lambda: insert(report_deliveries).values(
        parameters("report_id", "provider") | {"pending": True, "attempts": 0, "next_attempt_ms": 0}
    )
)
_SELECT_NEXT = Prepared(_select_next)
_SENT = Prepared(
    lambda: update(report_deliveries).where(*_THIS).values(parameters("done_ms") | {"pending": False, "reason": None})
)
_POSTPONED = Prepared(
    lambda: update(report_deliveries).where(*_THIS).values(parameters("attempts", "next_attempt_ms", "reason"))
)


def last(connection: Connection, now: float) -> int | None:
    """When the last period ended, no later than now, that was reported on or was not to be (Unix seconds)."""
    last: int | None = _SELECT_LAST.value(connection, now=now)
    return last


def begin(connection: Connection, until: int, at: datetime) -> None:
    """Note that reports begin with the period after this instant (Unix seconds)."""
    _ADD.execute(connection, until_at=until, content="", made_ms=to_ms(at))


def add(connection: Connection, report: Report, providers: Collection[str], at: datetime) -> None:
    """Store a report with a delivery to each of these; what they have not taken of older ones is given up."""
    report_id = _ADD.value(connection, until_at=report.until, content=written(report), made_ms=to_ms(at))
    if report_id is None:
        return
    _SUPERSEDE.execute(connection, done_ms=to_ms(at))
    _QUEUE.execute_many(connection, [{"report_id": report_id, "provider": name} for name in sorted(providers)])


def next_report(connection: Connection, provider: str) -> QueuedReport | None:
    """The report that is still to be told to a provider."""
    row = _SELECT_NEXT.row(connection, provider=provider)
    if row is None:
        return None
    made_at = from_ms(row.made_ms)
    return QueuedReport(row.report_id, read(row.content), row.attempts, row.next_attempt_ms / 1000, made_at)


def report_sent(connection: Connection, report_id: int, provider: str, at: datetime) -> None:
    """The channel took it."""
    _SENT.execute(connection, of_report=report_id, to_provider=provider, done_ms=to_ms(at))


def report_postponed(
    connection: Connection, report_id: int, provider: str, attempts: int, next_attempt_at: float, reason: str
) -> None:
    """It is to be tried again, not before ``next_attempt_at`` (Unix seconds)."""
    again = round(next_attempt_at * 1000)
    mine = {"of_report": report_id, "to_provider": provider}
    _POSTPONED.execute(connection, **mine, attempts=attempts, next_attempt_ms=again, reason=reason)
