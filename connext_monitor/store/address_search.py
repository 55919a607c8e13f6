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
    positions = [(int(row.started_at), TransferId(row.transfer_id)) for row in rows]
    if len(positions) > limit:
        positions = positions[:limit]
        end: Cursor | None = positions[-1]
    else:
        end = _end(connection, window, looked_through)
    known = by_ids(connection, [transfer_id for _, transfer_id in positions]).values()
    # Bytes that look like the address may stand elsewhere: in a caller, or across two numbers.
    mine = {stored.transfer.transfer_id for stored in known if address in parties(stored.transfer)}
    return TransferIdPage([transfer_id for _, transfer_id in positions if transfer_id in mine], end)


def _window(filters: TransferFilter, after: Cursor | None, most: int) -> Subquery:
    """The next transfers of the list that are looked through."""
    position = (transfers.c.started_at, transfers.c.transfer_id)
    query = select(*position).where(*conditions(filters))
    if after is not None:
        query = query.where(tuple_(*position) < tuple_(*after))
    return query.order_by(*(column.desc() for column in position)).limit(most).subquery()


def _end(connection: Connection, window: Subquery, most: int) -> Cursor | None:
    """The last transfer of a full window; None where the list ends within it."""
    last = select(window).order_by(window.c.started_at.desc(), window.c.transfer_id.desc())
    row = Prepared(lambda: last.offset(most - 1)).row(connection)
    return (int(row.started_at), TransferId(row.transfer_id)) if row else None


def _holding(address: Address, window: Subquery, limit: int) -> Select[*tuple[Any, ...]]:
    """The first of the window's transfers with the address somewhere in their events."""
    held = select(events.c.id).where(
        events.c.transfer_id == window.c.transfer_id, func.instr(events.c.payload, bytes(address)) > 0
    )
    newest_first = (window.c.started_at.desc(), window.c.transfer_id.desc())
    return select(window).where(held.exists()).order_by(*newest_first).limit(limit)
