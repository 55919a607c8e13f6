"""Transfers that an address has a part in.

No index knows addresses: one would have to be kept with every event that is read, and nobody asks often. The payloads
are looked through instead, the newest transfers first, a bounded number of them at a time.
"""

from typing import Any

from sqlalchemy import Select, case, exists, or_, select

from connext_monitor.core.events import Address
from connext_monitor.core.selection import Cursor, TransferFilter, TransferIdPage, parties
from connext_monitor.store import transfer_lists
from connext_monitor.store.bulk import parts
from connext_monitor.store.connection import Connection
from connext_monitor.store.event_kinds import EXECUTED, XCALLED
from connext_monitor.store.prepared import Prepared, list_parameter, parameter
from connext_monitor.store.schema import events, transfers
from connext_monitor.store.sql_functions import Contains
from connext_monitor.store.transfers import by_numbers

LOOKED_THROUGH = 20_000
"""Transfers at a time."""


def _select_holding() -> Select[*tuple[Any, ...]]:
    """Those of the transfers with the address among the routers or the parameters.

    Any event but a Reconciled has the parameters, XCalled the token too: where it was seen, nothing else is read.
    """
    address = parameter("address")
    telling = case((transfers.c.xcalled_at.is_(None), EXECUTED), else_=XCALLED)
    in_event = exists().where(
        events.c.transfer == transfers.c.id, events.c.kind <= telling, Contains(events.c.payload, address)
    )
    return select(transfers.c.id).where(
        transfers.c.id.in_(list_parameter("numbers")), or_(Contains(transfers.c.routers, address), in_event)
    )


_HOLDING = Prepared(_select_holding)


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
    window = transfer_lists.newest(connection, filters, limit=looked_through, after=after)
    holding = _holding(connection, address, window, limit + 1)
    if len(holding) > limit:
        holding = holding[:limit]
        end: Cursor | None = holding[-1]
    else:
        end = window[-1] if len(window) == looked_through else None
    # Bytes that look like the address may stand elsewhere: in a caller, or across two numbers.
    known = by_numbers(connection, [number for _, number in holding])
    mine = [stored.transfer.transfer_id for stored in known if address in parties(stored.transfer)]
    return TransferIdPage(mine, end)


def _holding(connection: Connection, address: Address, window: list[Cursor], most: int) -> list[Cursor]:
    """The first of the window's transfers with the address somewhere in their events: ``most``, or somewhat more."""
    holding: list[Cursor] = []
    for part in parts(window):
        numbers = set(_HOLDING.column(connection, numbers=[number for _, number in part], address=bytes(address)))
        holding += [position for position in part if position[1] in numbers]
        if len(holding) >= most:
            break
    return holding
