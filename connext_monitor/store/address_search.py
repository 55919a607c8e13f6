"""Transfers that an address has a part in.

No index knows addresses: one would have to be kept with every event that is read, and nobody asks often. The payloads
are looked through instead, the newest transfers first, a bounded number of them at a time.
"""

from typing import Any

from sqlalchemy import Select, Subquery, func, select, tuple_

from connext_monitor.core.events import Address, TransferId
from connext_monitor.core.selection import Cursor, TransferFilter, TransferIdPage, parties
from connext_monitor.store.connection import Connection
from connext_monitor.store.prepared import Prepared
from connext_monitor.store.schema import events, transfers
from connext_monitor.store.transfers import by_ids, conditions

LOOKED_THROUGH = 20_000
"""Transfers at a time."""


def page(
    connection: Connection,
    address: Address,
    filters: TransferFilter,
    *,
    limit: int,
    after: Cursor | None,
    looked_through: int = LOOKED_THROUGH,
) -> TransferIdPage:
    """At most ``limit`` transfers, newest first, from behind ``after`` on, of the next ``looked_through``.

    ``next`` is where to go on: behind the last one found, or behind the last one looked at.
    """
    window = _window(filters, after, looked_through)
    rows = Prepared(lambda: _holding(address, window, limit + 1)).rows(connection)
    if len(rows) > limit:
        rows = rows[:limit]
        end: Cursor | None = (rows[-1].started_at, rows[-1].id)
    else:
        end = _end(connection, window, looked_through)
    ids = [TransferId(row.transfer_id) for row in rows]
    # Bytes that look like the address may stand elsewhere: in a caller, or across two numbers.
    known = by_ids(connection, ids).values()
    mine = {stored.transfer.transfer_id for stored in known if address in parties(stored.transfer)}
    return TransferIdPage([transfer_id for transfer_id in ids if transfer_id in mine], end)


def _window(filters: TransferFilter, after: Cursor | None, most: int) -> Subquery:
    """The next transfers of the list that are looked through."""
    position = (transfers.c.started_at, transfers.c.id)
    query = select(*position, transfers.c.transfer_id).where(*conditions(filters))
    if after is not None:
        query = query.where(tuple_(*position) < tuple_(*after))
    return query.order_by(*(column.desc() for column in position)).limit(most).subquery()


def _end(connection: Connection, window: Subquery, most: int) -> Cursor | None:
    """The last transfer of a full window; None where the list ends within it."""
    last = select(window).order_by(window.c.started_at.desc(), window.c.id.desc())
    row = Prepared(lambda: last.offset(most - 1)).row(connection)
    return (row.started_at, row.id) if row else None


def _holding(address: Address, window: Subquery, limit: int) -> Select[*tuple[Any, ...]]:
    """The first of the window's transfers with the address somewhere in their events."""
    held = select(events.c.id).where(events.c.transfer == window.c.id, func.instr(events.c.payload, bytes(address)) > 0)
    newest_first = (window.c.started_at.desc(), window.c.id.desc())
    return select(window).where(held.exists()).order_by(*newest_first).limit(limit)
