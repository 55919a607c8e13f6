"""What is old and settled is pruned, a little at a time; what was pruned is known by its id, and does not come back.

A transfer is settled once it is completed by events that are final, its nonce lies within what was proven whole, and
nothing about it is open or still to be told. Every condition is looked at again in the transaction that prunes.

The last execution of a pathway on which transfers wait stays: without it all of them would count as sent since then.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, delete, exists, func, or_, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.events import Pathway, Timestamp, TransferId
from connext_monitor.core.transfer import Status
from connext_monitor.store import stalls
from connext_monitor.store.bulk import SelectIn
from connext_monitor.store.connection import Connection
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, list_parameter, parameter, parameters
from connext_monitor.store.report_tables import report_deliveries, reports
from connext_monitor.store.schema import (
    alerts,
    chains,
    deliveries,
    delivery_groups,
    events,
    group_members,
    malformed_logs,
    pruned,
    transfers,
)
from connext_monitor.store.sql_functions import Larger
from connext_monitor.store.transaction import Noun

_EVERY_ALERT = alerts.alias("every_alert")
_KNOWN_BY = 16
"""Bytes of an id: ids are hashes, and nobody finds two that agree in so many."""

_SELECT_PRUNED = SelectIn(lambda: select(pruned.c.id_start), pruned.c.id_start)
_SELECT_ANY_PRUNED = Prepared(lambda: select(pruned.c.id_start).limit(1))


@dataclass(frozen=True, slots=True)
class Settled:
    """A transfer that may be pruned: when it began (Unix seconds), and the number of its row."""

    started_at: int
    number: int


def pruned_among(connection: Connection, ids: Collection[TransferId]) -> frozenset[TransferId]:
    """Those of these transfers that have been pruned."""
    if not ids or (len(ids) > 1 and _SELECT_ANY_PRUNED.value(connection) is None):
        return frozenset()
    starts = {bytes(row[0]) for row in _SELECT_PRUNED(connection, [i[:_KNOWN_BY] for i in ids])}
    return frozenset(i for i in ids if i[:_KNOWN_BY] in starts)


def _is_settled() -> ColumnElement[bool]:
    """That a transfer is completed by final events, its nonce proven, and nobody is to hear of it any more."""
    row, origins, checked = transfers.c, chains.alias("origins"), chains.alias("checked")
    proven = exists().where(origins.c.domain == row.origin, row.nonce < origins.c.contiguous_nonce - 1)
    not_final = exists().where(
        events.c.transfer == row.id,
        checked.c.domain == events.c.domain,
        events.c.block_number > checked.c.checkpoint,
    )
    held = exists().where(alerts.c.transfer_id == row.transfer_id, _holds())
    return and_(
        row.started_at < _BEFORE,
        row.status.in_([Status.COMPLETED_FAST.value, Status.COMPLETED_SLOW.value]),
        row.executed_at < _BEFORE,
        row.reconciled_at < _BEFORE,
        proven,
        ~not_final,
        ~held,
    )


def _holds() -> ColumnElement[bool]:
    """That an alert is open, ended since then, is still to be told, or counted by or the subject of a changing message.

    Or that it changed last: the next change takes the number after its own, which nobody may have seen before.
    """
    waits = exists().where(deliveries.c.alert_id == alerts.c.id, deliveries.c.pending)
    counted = exists().where(
        group_members.c.alert_id == alerts.c.id,
        delivery_groups.c.id == group_members.c.group_id,
        ~delivery_groups.c.ended,
    )
    named = exists().where(delivery_groups.c.cause_id == alerts.c.id, ~delivery_groups.c.ended)
    return or_(
        alerts.c.state == AlertState.OPEN.value,
        alerts.c.resolved_ms.is_(None),
        alerts.c.resolved_ms >= _BEFORE_MS,
        waits,
        counted,
        named,
        alerts.c.revision == select(func.max(_EVERY_ALERT.c.revision)).scalar_subquery(),
    )


def _select_settled(*, behind: bool) -> Select[*tuple[Any, ...]]:
    position = (transfers.c.started_at, transfers.c.id)
    query = select(*position).where(_is_settled())
    if behind:
        query = query.where(tuple_(*position) > tuple_(parameter("after_started_at"), parameter("after_number")))
    return query.order_by(*position).limit(_MOST)


def _select_old_alerts() -> Select[*tuple[Any, ...]]:
    kept = exists().where(transfers.c.transfer_id == alerts.c.transfer_id)
    about_nothing_kept = or_(alerts.c.transfer_id.is_(None), ~kept)
    return select(alerts.c.id).where(~_holds(), about_nothing_kept).limit(_MOST)


def _is_group_over() -> ColumnElement[bool]:
    groups = delivery_groups.c
    member = exists().where(group_members.c.group_id == groups.id)
    return and_(groups.ended, groups.formed_ms < _BEFORE_MS, ~member)


def _select_old_reports() -> Select[*tuple[Any, ...]]:
    waits = exists().where(report_deliveries.c.report_id == reports.c.id, report_deliveries.c.pending)
    # The last one says up to when reports have been made.
    last = select(func.max(reports.c.until_at)).scalar_subquery()
    return select(reports.c.id).where(reports.c.until_at < _BEFORE, reports.c.until_at < last, ~waits).limit(_MOST)


_BEFORE, _BEFORE_MS, _MOST = parameter("before"), parameter("before_ms"), parameter("most")
_IDS, _NUMBERS = list_parameter("ids"), list_parameter("numbers")
_SELECT_SETTLED = Prepared(lambda: _select_settled(behind=False))
_SELECT_SETTLED_BEHIND = Prepared(lambda: _select_settled(behind=True))
_SELECT_GOING = Prepared(
    lambda: select(
        transfers.c.id,
        transfers.c.transfer_id,
        transfers.c.origin,
        transfers.c.destination,
        transfers.c.nonce,
        transfers.c.executed_at,
    ).where(transfers.c.id.in_(_NUMBERS), _is_settled())
)
_SELECT_ALERTS = Prepared(lambda: select(alerts.c.id).where(alerts.c.transfer_id.in_(_IDS)))
_SELECT_OLD_ALERTS = Prepared(_select_old_alerts)
_SELECT_SETTLED_ALERTS = Prepared(lambda: select(alerts.c.id).where(alerts.c.id.in_(_IDS), ~_holds()))
_SELECT_OLD_REPORTS = Prepared(_select_old_reports)
_DELETE_EVENTS = Prepared(lambda: delete(events).where(events.c.transfer.in_(_NUMBERS)))
_DELETE_TRANSFERS = Prepared(lambda: delete(transfers).where(transfers.c.id.in_(_NUMBERS)))
_DELETE_DELIVERIES = Prepared(lambda: delete(deliveries).where(deliveries.c.alert_id.in_(_IDS)))
_DELETE_MEMBERS = Prepared(lambda: delete(group_members).where(group_members.c.alert_id.in_(_IDS)))
_DELETE_ALERTS = Prepared(lambda: delete(alerts).where(alerts.c.id.in_(_IDS)))
_DELETE_REPORT_DELIVERIES = Prepared(lambda: delete(report_deliveries).where(report_deliveries.c.report_id.in_(_IDS)))
_DELETE_REPORTS = Prepared(lambda: delete(reports).where(reports.c.id.in_(_IDS)))
_KNOW = Prepared(lambda: insert(pruned).values(parameters("id_start")).on_conflict_do_nothing())
_RAISE_PRUNED_NONCE = Prepared(
    lambda: (
        update(chains)
        .where(chains.c.domain == parameter("of_origin"))
        .values(pruned_nonce=Larger(func.coalesce(chains.c.pruned_nonce, 0), parameter("reached")))
    )
)


class _Old:
    """What is old in one table by itself: which rows those are, and their end."""

    def __init__(self, table: Table, is_old: Callable[[], ColumnElement[bool]]) -> None:
        self.select = Prepared(lambda: select(table.c.id).where(is_old()).order_by(table.c.id).limit(_MOST))
        self.delete = Prepared(lambda: delete(table).where(table.c.id.in_(_IDS), is_old()))


_MALFORMED = _Old(malformed_logs, lambda: malformed_logs.c.seen_ms < _BEFORE_MS)
_GROUPS = _Old(delivery_groups, _is_group_over)


class Retention(Noun):
    """Prunes what is older than an instant; each method that prunes is one small transaction."""

    async def settled(self, before: int, after: Settled | None, limit: int) -> list[Settled]:
        """Transfers that began and ended before then (Unix seconds), the oldest first, behind ``after``."""
        values = _until(before) | {"most": limit}
        if after is not None:
            values |= {"after_started_at": after.started_at, "after_number": after.number}
        select_settled = _SELECT_SETTLED if after is None else _SELECT_SETTLED_BEHIND
        rows = await self.database.read(lambda connection: select_settled.rows(connection, **values))
        return [Settled(row.started_at, row.id) for row in rows]

    async def prune(self, settled: Sequence[Settled], before: int) -> int:
        """Prune those of these transfers that are settled still, with their events and alerts; how many were."""

        def work(connection: Connection) -> int:
            numbers = [transfer.number for transfer in settled]
            settled_still = _SELECT_GOING.rows(connection, numbers=numbers, **_until(before))
            needed = stalls.last_before_waiting(connection, _latest(settled_still))
            going = [row for row in settled_still if not _is_needed(row, needed)]
            _forget_transfers(connection, {row.id: TransferId(row.transfer_id) for row in going})
            for origin in {row.origin for row in going}:
                reached = 1 + max(row.nonce for row in going if row.origin == origin)
                _RAISE_PRUNED_NONCE.execute(connection, of_origin=origin, reached=reached)
            return len(going)

        return await self.database.write(work)

    async def prune_alerts(self, before: int, limit: int) -> int:
        """Prune old alerts that are about no transfer that is kept; how many there were, at most ``limit``."""
        ids = await self._ids(_SELECT_OLD_ALERTS, before, limit)

        def work(connection: Connection) -> None:
            _forget_alerts(connection, _SELECT_SETTLED_ALERTS.column(connection, ids=ids, **_until(before)))

        if ids:
            await self.database.write(work)
        return len(ids)

    async def prune_malformed(self, before: int, limit: int) -> int:
        """Prune logs that could not be read and were first seen before then; how many, at most ``limit``."""
        return await self._prune(_MALFORMED, before, limit)

    async def prune_groups(self, before: int, limit: int) -> int:
        """Prune messages of groups that have ended and of which no alert is kept; how many, at most ``limit``."""
        return await self._prune(_GROUPS, before, limit)

    async def prune_reports(self, before: int, limit: int) -> int:
        """Prune reports on periods that ended before then and that wait for nobody; how many, at most ``limit``."""
        ids = await self._ids(_SELECT_OLD_REPORTS, before, limit)

        def work(connection: Connection) -> None:
            _DELETE_REPORT_DELIVERIES.execute(connection, ids=ids)
            _DELETE_REPORTS.execute(connection, ids=ids)

        if ids:
            await self.database.write(work)
        return len(ids)

    async def _ids(self, query: Prepared, before: int, limit: int) -> list[Any]:
        return await self.database.read(lambda connection: query.column(connection, most=limit, **_until(before)))

    async def _prune(self, old: _Old, before: int, limit: int) -> int:
        ids = await self._ids(old.select, before, limit)
        if ids:
            await self.database.write(lambda connection: old.delete.execute(connection, ids=ids, **_until(before)))
        return len(ids)


def _latest(executed: Sequence[StoredRow]) -> dict[Pathway, Timestamp]:
    """When the last of these was executed, of each pathway."""
    in_order = sorted(executed, key=lambda row: row.executed_at)
    return {(row.origin, row.destination): row.executed_at for row in in_order}


def _is_needed(row: StoredRow, needed: Mapping[Pathway, Timestamp]) -> bool:
    """Whether its execution is the last of its pathway, and others wait there."""
    last = needed.get((row.origin, row.destination))
    return last is not None and row.executed_at >= last


def _until(before: int) -> dict[str, object]:
    """The parameters that say what is old."""
    return {"before": before, "before_ms": before * 1000}


def _forget_transfers(connection: Connection, going: Mapping[int, TransferId]) -> None:
    """Those with rows of these numbers."""
    if going:
        _forget_alerts(connection, _SELECT_ALERTS.column(connection, ids=going.values()))
        _DELETE_EVENTS.execute(connection, numbers=going)
        _DELETE_TRANSFERS.execute(connection, numbers=going)
        _KNOW.execute_many(connection, [{"id_start": transfer_id[:_KNOWN_BY]} for transfer_id in going.values()])


def _forget_alerts(connection: Connection, ids: Sequence[str]) -> None:
    if ids:
        _DELETE_DELIVERIES.execute(connection, ids=ids)
        _DELETE_MEMBERS.execute(connection, ids=ids)
        _DELETE_ALERTS.execute(connection, ids=ids)
