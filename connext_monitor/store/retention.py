"""What is old and settled is pruned, a little at a time; what was pruned is known by its id, and does not come back.

A transfer is settled once it is completed by events that are final, its nonce lies within what was proven whole, and
nothing about it is open or still to be told. Every condition is looked at again in the transaction that prunes.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Select,
    Table,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.events import TransferId
from connext_monitor.core.transfer import Status
from connext_monitor.store.bulk import SelectIn
from connext_monitor.store.schema import (
    alerts,
    chains,
    deliveries,
    delivery_groups,
    events,
    group_members,
    malformed_logs,
    pruned,
    report_deliveries,
    reports,
    transfers,
)
from connext_monitor.store.transaction import Noun

_KNOWN_BY = 16
"""Bytes of an id: ids are hashes, and nobody finds two that agree in so many."""

_SELECT_PRUNED = SelectIn(select(pruned.c.id_start), pruned.c.id_start)


@dataclass(frozen=True, slots=True)
class Settled:
    """A transfer that may be pruned, with when it began (Unix seconds)."""

    started_at: int
    transfer_id: TransferId


def pruned_among(connection: Connection, ids: Collection[TransferId]) -> frozenset[TransferId]:
    """Those of these transfers that have been pruned."""
    if not ids or connection.execute(select(exists(pruned.select()))).scalar() is False:
        return frozenset()
    starts = {bytes(row[0]) for row in _SELECT_PRUNED(connection, [i[:_KNOWN_BY] for i in ids])}
    return frozenset(i for i in ids if i[:_KNOWN_BY] in starts)


class Retention(Noun):
    """Prunes what is older than an instant; each method that prunes is one small transaction."""

    async def settled(self, before: int, after: Settled | None, limit: int) -> list[Settled]:
        """Transfers that began and ended before then (Unix seconds), the oldest first, behind ``after``."""
        query = select(transfers.c.started_at, transfers.c.transfer_id).where(_is_settled(before))
        if after is not None:
            query = query.where(
                tuple_(transfers.c.started_at, transfers.c.transfer_id) > (after.started_at, after.transfer_id)
            )
        ordered = query.order_by(transfers.c.started_at, transfers.c.transfer_id).limit(limit)
        return await self.database.read(
            lambda connection: [
                Settled(row.started_at, TransferId(row.transfer_id)) for row in connection.execute(ordered)
            ]
        )

    async def prune(self, settled: Sequence[Settled], before: int) -> int:
        """Prune those of these transfers that are settled still, with their events and alerts; how many were."""

        def work(connection: Connection) -> int:
            candidates = [transfer.transfer_id for transfer in settled]
            rows = connection.execute(
                select(transfers.c.transfer_id, transfers.c.origin, transfers.c.nonce).where(
                    transfers.c.transfer_id.in_(candidates), _is_settled(before)
                )
            )
            going = rows.all()
            ids = [row.transfer_id for row in going]
            if not ids:
                return 0
            theirs = connection.execute(select(alerts.c.id).where(alerts.c.transfer_id.in_(ids)))
            _forget_alerts(connection, list(theirs.scalars()))
            connection.execute(delete(events).where(events.c.transfer_id.in_(ids)))
            connection.execute(delete(transfers).where(transfers.c.transfer_id.in_(ids)))
            known = [{"id_start": transfer_id[:_KNOWN_BY]} for transfer_id in ids]
            connection.execute(insert(pruned).on_conflict_do_nothing(), known)
            for origin in {row.origin for row in going}:
                reached = 1 + max(row.nonce for row in going if row.origin == origin)
                raised = func.max(func.coalesce(chains.c.pruned_nonce, 0), reached)
                connection.execute(update(chains).where(chains.c.domain == origin).values(pruned_nonce=raised))
            return len(ids)

        return await self.database.write(work)

    async def prune_alerts(self, before: int, limit: int) -> int:
        """Prune old alerts that are about no transfer that is kept; how many there were, at most ``limit``."""
        kept = exists().where(transfers.c.transfer_id == alerts.c.transfer_id)
        old = select(alerts.c.id).where(~_holds(before), or_(alerts.c.transfer_id.is_(None), ~kept)).limit(limit)
        ids = await self._ids(old)
        if ids:
            await self.database.write(lambda connection: _forget_alerts_that_are_settled(connection, ids, before))
        return len(ids)

    async def prune_malformed(self, before: int, limit: int) -> int:
        """Prune logs that could not be read and were first seen before then; how many, at most ``limit``."""
        return await self._prune(malformed_logs, malformed_logs.c.seen_ms < before * 1000, limit)

    async def prune_groups(self, before: int, limit: int) -> int:
        """Prune messages of groups that have ended and of which no alert is kept; how many, at most ``limit``."""
        groups = delivery_groups.c
        member = exists().where(group_members.c.group_id == groups.id)
        return await self._prune(delivery_groups, and_(groups.ended, groups.formed_ms < before * 1000, ~member), limit)

    async def prune_reports(self, before: int, limit: int) -> int:
        """Prune reports on periods that ended before then and that wait for nobody; how many, at most ``limit``."""
        waits = exists().where(report_deliveries.c.report_id == reports.c.id, report_deliveries.c.pending)
        # The last one says up to when reports have been made.
        last = select(func.max(reports.c.until_at)).scalar_subquery()
        ids = await self._ids(
            select(reports.c.id).where(reports.c.until_at < before, reports.c.until_at < last, ~waits).limit(limit)
        )

        def work(connection: Connection) -> None:
            connection.execute(delete(report_deliveries).where(report_deliveries.c.report_id.in_(ids)))
            connection.execute(delete(reports).where(reports.c.id.in_(ids)))

        if ids:
            await self.database.write(work)
        return len(ids)

    async def _ids(self, query: Select[Any]) -> list[Any]:
        return await self.database.read(lambda connection: list(connection.execute(query).scalars()))

    async def _prune(self, table: Table, is_old: ColumnElement[bool], limit: int) -> int:
        ids = await self._ids(select(table.c.id).where(is_old).order_by(table.c.id).limit(limit))
        if ids:
            gone = delete(table).where(table.c.id.in_(ids), is_old)
            await self.database.write(lambda connection: _execute(connection, gone))
        return len(ids)


def _execute(connection: Connection, statement: Executable) -> None:
    connection.execute(statement)


def _is_settled(before: int) -> ColumnElement[bool]:
    """That a transfer is completed by final events, its nonce proven, and nobody is to hear of it any more."""
    row, origins, checked = transfers.c, chains.alias("origins"), chains.alias("checked")
    proven = exists().where(origins.c.domain == row.origin, row.nonce < origins.c.contiguous_nonce - 1)
    not_final = exists().where(
        events.c.transfer_id == row.transfer_id,
        checked.c.domain == events.c.domain,
        events.c.block_number > checked.c.checkpoint,
    )
    held = exists().where(alerts.c.transfer_id == row.transfer_id, _holds(before))
    return and_(
        row.started_at < before,
        row.status.in_([Status.COMPLETED_FAST.value, Status.COMPLETED_SLOW.value]),
        row.executed_at < before,
        row.reconciled_at < before,
        proven,
        ~not_final,
        ~held,
    )


def _holds(before: int) -> ColumnElement[bool]:
    """That an alert is open, ended since then, is still to be told, or is counted by a message that may change."""
    waits = exists().where(deliveries.c.alert_id == alerts.c.id, deliveries.c.pending)
    counted = exists().where(
        group_members.c.alert_id == alerts.c.id,
        delivery_groups.c.id == group_members.c.group_id,
        ~delivery_groups.c.ended,
    )
    return or_(
        alerts.c.state == AlertState.OPEN.value,
        alerts.c.resolved_ms.is_(None),
        alerts.c.resolved_ms >= before * 1000,
        waits,
        counted,
    )


def _forget_alerts_that_are_settled(connection: Connection, ids: Collection[str], before: int) -> None:
    rows = connection.execute(select(alerts.c.id).where(alerts.c.id.in_(ids), ~_holds(before)))
    _forget_alerts(connection, list(rows.scalars()))


def _forget_alerts(connection: Connection, ids: Collection[str]) -> None:
    if ids:
        connection.execute(delete(deliveries).where(deliveries.c.alert_id.in_(ids)))
        connection.execute(delete(group_members).where(group_members.c.alert_id.in_(ids)))
        connection.execute(delete(alerts).where(alerts.c.id.in_(ids)))
