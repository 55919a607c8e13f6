"""Transfers by their state: their pathway and how far they have come.

There are few states, and an index holds the transfers of each by their start. So what is asked of some of them is asked
of each state by itself, and no other transfer is looked at. In plain SQL, as `status` shows some of it.
"""

from collections.abc import Collection

from connext_monitor.core.events import DomainId
from connext_monitor.core.transfer import Status
from connext_monitor.store.connection import Connection
from connext_monitor.store.plain import Plain

State = tuple[DomainId, DomainId, Status]
"""Origin, destination, status."""

_BEFORE_ALL = (-1, -1, "")
_BEHIND_ITS_LAST = 2**63 - 1
# SQLite goes to the first entry that is not less, and from there on looks at each. Without a start later than any, that
# would be the first of the very state that is to be left behind, and all of them would be looked at.
_NEXT = Plain(
    "SELECT origin, destination, status FROM transfers WHERE (origin, destination, status, started_at) > (?, ?, ?, ?)"
    " ORDER BY origin, destination, status LIMIT 1"
)
_COUNT = Plain("SELECT count(*), min(started_at) FROM transfers WHERE origin = ? AND destination = ? AND status = ?")


def states(connection: Connection, statuses: Collection[Status] = tuple(Status)) -> list[State]:
    """Every state of one of these statuses that a transfer is in."""
    every: list[State] = []
    after: tuple[int, int, str] = _BEFORE_ALL
    while row := _NEXT.first(connection, (*after, _BEHIND_ITS_LAST)):
        origin, destination, status = after = row[0], row[1], row[2]
        if status in statuses:
            every.append((DomainId(origin), DomainId(destination), Status(status)))
    return every


def counted(connection: Connection, statuses: Collection[Status]) -> dict[State, tuple[int, int]]:
    """How many are in each of these states, and when the oldest of them began (Unix seconds)."""
    return {state: _count(connection, state) for state in states(connection, statuses)}


def _count(connection: Connection, state: State) -> tuple[int, int]:
    count, oldest = _COUNT.first(connection, state) or (0, 0)
    return count, oldest
