"""Where the transfers of a list stand: those of each state by their start, merged."""

from heapq import merge
from itertools import islice

from connext_monitor.core.selection import Cursor, TransferFilter
from connext_monitor.store.connection import Connection
from connext_monitor.store.plain import Plain
from connext_monitor.store.transfer_states import State, states

_BY_START = Plain(
    "SELECT started_at, id FROM transfers WHERE (started_at, id) < (?, ?) ORDER BY started_at DESC, id DESC LIMIT ?"
)
_OF_STATE = Plain(
    "SELECT started_at, id FROM transfers WHERE origin = ? AND destination = ? AND status = ?"
    " AND (started_at, id) < (?, ?) ORDER BY started_at DESC, id DESC LIMIT ?"
)
_BEHIND_ALL = (2**63 - 1, 2**63 - 1)


def newest(connection: Connection, filters: TransferFilter, *, limit: int, after: Cursor | None) -> list[Cursor]:
    """At most ``limit`` of those that meet the filters, newest first, from behind ``after`` on."""
    begin = _BEHIND_ALL if after is None else after
    if filters.started_before is not None:
        # Numbers begin at 1.
        begin = min(begin, (filters.started_before, 0))
    if filters.statuses is None and filters.origin is None and filters.destination is None:
        return list(_BY_START.stream(connection, (*begin, limit)))
    of_each = [
        _OF_STATE.stream(connection, (*state, *begin, limit)) for state in states(connection) if _is_in(state, filters)
    ]
    return list(islice(merge(*of_each, reverse=True), limit))


def _is_in(state: State, filters: TransferFilter) -> bool:
    origin, destination, status = state
    return (
        (filters.statuses is None or status in filters.statuses)
        and filters.origin in {None, origin}
        and filters.destination in {None, destination}
    )
