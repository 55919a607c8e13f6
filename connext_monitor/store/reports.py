"""Reports on statistics, and whom they are still to be told."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.sqlite import insert

from connext_monitor.core.queue import QueuedReport
from connext_monitor.core.report import Report, read, written
from connext_monitor.store.instants import from_ms, to_ms
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.schema import report_deliveries, reports

_SUPERSEDED = "a newer report has been made since"


_SELECT_LAST = Prepared(select(func.max(reports.c.until_at)).where(reports.c.until_at <= parameter("now")))


def last(connection: Connection, now: float) -> int | None:
    """When the last period ended, no later than now, that was reported on or was not to be (Unix seconds)."""
    last: int | None = _SELECT_LAST(connection, now=now).scalar()
    return last


def begin(connection: Connection, until: int, at: datetime) -> None:
    """Note that reports begin with the period after this instant (Unix seconds)."""
    row = insert(reports).values(until_at=until, content="", made_ms=to_ms(at))
    connection.execute(row.on_conflict_do_nothing())


def add(connection: Connection, report: Report, providers: Collection[str], at: datetime) -> None:
    """Store a report with a delivery to each of these; what they have not taken of older ones is given up."""
    row = insert(reports).values(until_at=report.until, content=written(report), made_ms=to_ms(at))
    made = connection.execute(row.on_conflict_do_nothing().returning(reports.c.id))
    report_id = made.scalar()
    if report_id is None:
        return
    old = update(report_deliveries).where(report_deliveries.c.pending)
    connection.execute(old.values(pending=False, reason=_SUPERSEDED, done_ms=to_ms(at)))
    rows = [
        {"report_id": report_id, "provider": name, "pending": True, "attempts": 0, "next_attempt_ms": 0}
        for name in sorted(providers)
    ]
    if rows:
        connection.execute(insert(report_deliveries), rows)


def next_report(connection: Connection, provider: str) -> QueuedReport | None:
    """The report that is still to be told to a provider."""
    query = (
        select(report_deliveries, reports.c.content, reports.c.made_ms)
        .join(reports, reports.c.id == report_deliveries.c.report_id)
        .where(report_deliveries.c.provider == provider, report_deliveries.c.pending)
        .order_by(report_deliveries.c.report_id)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    made_at = from_ms(row.made_ms)
    return QueuedReport(row.report_id, read(row.content), row.attempts, row.next_attempt_ms / 1000, made_at)


def report_sent(connection: Connection, report_id: int, provider: str, at: datetime) -> None:
    """The channel took it."""
    _settle(connection, report_id, provider, pending=False, reason=None, done_ms=to_ms(at))


def report_postponed(
    connection: Connection, report_id: int, provider: str, attempts: int, next_attempt_at: float, reason: str
) -> None:
    """It is to be tried again, not before ``next_attempt_at`` (Unix seconds)."""
    again = round(next_attempt_at * 1000)
    _settle(connection, report_id, provider, attempts=attempts, next_attempt_ms=again, reason=reason)


def _settle(
    connection: Connection,
    report_id: int,
    provider: str,
    **values: Any,  # noqa: ANN401 - columns of all types
) -> None:
    mine = (report_deliveries.c.report_id == report_id, report_deliveries.c.provider == provider)
    changed = update(report_deliveries).where(*mine).values(**values)
    connection.execute(changed)
