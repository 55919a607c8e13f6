"""Reports on statistics, and whom they are still to be told."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Executable, func, select, update
from sqlalchemy.dialects.sqlite import insert

from connext_monitor.core.delivery import QueuedReport
from connext_monitor.core.report import Report, read, written
from connext_monitor.store.database import Database
from connext_monitor.store.schema import report_deliveries, reports

_SUPERSEDED = "a newer report has been made since"


class Reports:
    """All reports. Each method is one transaction, or one consistent read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last(self, now: float) -> int | None:
        """When the last period ended, no later than now, that was reported on or was not to be (Unix seconds)."""
        query = select(func.max(reports.c.until_at)).where(reports.c.until_at <= now)

        def look(connection: Connection) -> int | None:
            last: int | None = connection.execute(query).scalar()
            return last

        return await self._database.read(look)

    async def begin(self, until: int, at: datetime) -> None:
        """Note that reports begin with the period after this instant (Unix seconds)."""
        row = insert(reports).values(until_at=until, content="", made_ms=_ms(at))
        await self._database.write(lambda connection: _execute(connection, row.on_conflict_do_nothing()))

    async def add(self, report: Report, providers: Collection[str], at: datetime) -> None:
        """Store a report with a delivery to each of these; what they have not taken of older ones is given up."""

        def work(connection: Connection) -> None:
            row = insert(reports).values(until_at=report.until, content=written(report), made_ms=_ms(at))
            made = connection.execute(row.on_conflict_do_nothing().returning(reports.c.id))
            report_id = made.scalar()
            if report_id is None:
                return
            old = update(report_deliveries).where(report_deliveries.c.pending)
            connection.execute(old.values(pending=False, reason=_SUPERSEDED, done_ms=_ms(at)))
            rows = [
                {"report_id": report_id, "provider": name, "pending": True, "attempts": 0, "next_attempt_ms": 0}
                for name in sorted(providers)
            ]
            if rows:
                connection.execute(insert(report_deliveries), rows)

        await self._database.write(work)

    async def next_report(self, provider: str) -> QueuedReport | None:
        """The report that is still to be told to a provider."""
        query = (
            select(report_deliveries, reports.c.content, reports.c.made_ms)
            .join(reports, reports.c.id == report_deliveries.c.report_id)
            .where(report_deliveries.c.provider == provider, report_deliveries.c.pending)
            .order_by(report_deliveries.c.report_id)
            .limit(1)
        )
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        if row is None:
            return None
        made_at = datetime.fromtimestamp(row.made_ms / 1000, UTC)
        return QueuedReport(row.report_id, read(row.content), row.attempts, row.next_attempt_ms / 1000, made_at)

    async def report_sent(self, report_id: int, provider: str, at: datetime) -> None:
        """The channel took it."""
        await self._settle(report_id, provider, pending=False, reason=None, done_ms=_ms(at))

    async def report_postponed(
        self, report_id: int, provider: str, attempts: int, next_attempt_at: float, reason: str
    ) -> None:
        """It is to be tried again, not before ``next_attempt_at`` (Unix seconds)."""
        again = round(next_attempt_at * 1000)
        await self._settle(report_id, provider, attempts=attempts, next_attempt_ms=again, reason=reason)

    async def _settle(self, report_id: int, provider: str, **values: Any) -> None:  # noqa: ANN401 - columns of all types
        mine = (report_deliveries.c.report_id == report_id, report_deliveries.c.provider == provider)
        changed = update(report_deliveries).where(*mine).values(**values)
        await self._database.write(lambda connection: _execute(connection, changed))


def _execute(connection: Connection, statement: Executable) -> None:
    connection.execute(statement)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
