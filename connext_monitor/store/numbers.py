"""What is counted for the metrics: one consistent look, through indexes over what is in flight, never over history."""

from sqlalchemy import ColumnElement, Connection, func, select

from connext_monitor.core.alerts.alert import AlertKind, AlertState
from connext_monitor.core.alerts.kinds.overdue import OVERDUE
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.coverage import Nonces
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId
from connext_monitor.core.stored_numbers import AwaitedLegs, Backlog, PathwayLeg, StoredNumbers
from connext_monitor.store.database import Database
from connext_monitor.store.schema import alerts, chains, deliveries, delivery_groups, transfers

_LEGS: dict[Leg, tuple[ColumnElement[int | None], ColumnElement[int | None]]] = {
    Leg.EXECUTE: (transfers.c.execute_due_at, transfers.c.executed_at),
    Leg.RECONCILE: (transfers.c.reconcile_due_at, transfers.c.reconciled_at),
}
_OVERDUE_LEGS = {kind.name: leg for leg, kind in OVERDUE.items()}


class Numbers:
    """Counts what stands in the database; reads only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look(self, now: float) -> StoredNumbers:
        """All of it as of one moment; ``now`` (Unix seconds) decides what is past due. Raises DatabaseError."""
        return await self._database.read(
            lambda connection: StoredNumbers(
                nonces=_nonces(connection),
                awaited={key: legs for leg in Leg for key, legs in _awaited(connection, leg, now).items()},
                overdue=_overdue(connection),
                open_alerts=_open_alerts(connection),
                backlogs=_backlogs(connection),
            )
        )


def _nonces(connection: Connection) -> dict[DomainId, Nonces]:
    columns = (chains.c.domain, chains.c.first_nonce, chains.c.contiguous_nonce, chains.c.next_nonce)
    known = select(*columns).where(chains.c.first_nonce.is_not(None), chains.c.next_nonce.is_not(None))
    return {DomainId(row[0]): Nonces(row[1], row[2], row[3]) for row in connection.execute(known)}


def _awaited(connection: Connection, leg: Leg, now: float) -> dict[PathwayLeg, AwaitedLegs]:
    due, arrived = _LEGS[leg]
    pathway = (transfers.c.origin, transfers.c.destination)
    rows = connection.execute(
        select(*pathway, func.count(), func.count().filter(due < now))
        # As a range, and not as IS NOT NULL: then SQLite searches the partial index of what is awaited.
        .where(arrived.is_(None), due >= 0)
        .group_by(*pathway)
    )
    return {(DomainId(row[0]), DomainId(row[1]), leg): AwaitedLegs(row[2], row[3]) for row in rows}


def _overdue(connection: Connection) -> dict[PathwayLeg, int]:
    columns = (transfers.c.origin, transfers.c.destination, alerts.c.kind)
    rows = connection.execute(
        select(*columns, func.count())
        .join(transfers, transfers.c.transfer_id == alerts.c.transfer_id)
        .where(alerts.c.state == AlertState.OPEN.value, alerts.c.kind.in_(_OVERDUE_LEGS))
        .group_by(*columns)
    )
    return {(DomainId(row[0]), DomainId(row[1]), _OVERDUE_LEGS[row[2]]): row[3] for row in rows}


def _open_alerts(connection: Connection) -> dict[tuple[AlertKind, Severity], int]:
    columns = (alerts.c.kind, alerts.c.severity)
    rows = connection.execute(
        select(*columns, func.count()).where(alerts.c.state == AlertState.OPEN.value).group_by(*columns)
    )
    return {(KINDS[row[0]], Severity(row[1])): row[2] for row in rows}


def _backlogs(connection: Connection) -> dict[str, Backlog]:
    """Alerts that wait to be told by themselves, and groups whose message has not been told or is to be tried again."""
    alone = deliveries.c
    rows = connection.execute(
        select(alone.provider, func.count(), func.min(alone.created_ms)).where(alone.pending).group_by(alone.provider)
    )
    found = {row[0]: Backlog(row[1], row[2] / 1000) for row in rows}
    groups = delivery_groups.c
    rows = connection.execute(
        # A message that was told once and is to be changed waits since then at the longest.
        select(groups.provider, func.count(), func.min(func.coalesce(groups.told_ms, groups.oldest_ms)))
        .where(~groups.ended, groups.told_ms.is_(None) | (groups.attempts > 0))
        .group_by(groups.provider)
    )
    for provider, waiting, since_ms in rows:
        before = found.get(provider, Backlog())
        oldest_at = since_ms / 1000 if before.oldest_at is None else min(before.oldest_at, since_ms / 1000)
        found[provider] = Backlog(before.waiting + waiting, oldest_at)
    return found
