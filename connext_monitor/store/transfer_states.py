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

_FIRST = -1
"""Before any start."""
_BEFORE_ALL = (-1, -1, "", _FIRST)
# SQLite goes to the first entry that is not less, and from there on looks at each: of a state that is to be left behind
# none may be among these. By their first letters, statuses have the same order wherever texts are sorted.
_NEXT = Plain(
    "SELECT origin, destination, status FROM transfers WHERE (origin, destination, status, started_at) > (?, ?, ?, ?)"
    " ORDER BY origin, destination, status LIMIT 1"
)
_COUNT = Plain("SELECT count(*), min(started_at) FROM transfers WHERE origin = ? AND destination = ? AND status = ?")


def states(connection: Connection, statuses: Collection[Status] = tuple(Status)) -> list[State]:
    """Every state of one of these statuses that a transfer is in."""
    every: list[State] = []
    asked_for = sorted([status.value for status in statuses])
    behind: tuple[int, int, str, int] = _BEFORE_ALL
    while row := _NEXT.first(connection, behind):
        origin, destination, status = row
        if status in asked_for:
            every.append((DomainId(origin), DomainId(destination), Status(status)))
        # The next one that is asked for: of the same pathway, or of whichever comes next.
        following = next((value for value in asked_for if value > status), None)
        if following is None:
            destination, following = destination + 1, ""
        behind = (origin, destination, following, _FIRST)
    return every


def counted(connection: Connection, statuses: Collection[Status]) -> dict[State, tuple[int, int]]:
    """How many are in each of these states, and when the oldest of them began (Unix seconds)."""
    return {state: _count(connection, state) for state in states(connection, statuses)}


def _count(connection: Connection, state: State) -> tuple[int, int]:
    count, oldest = _COUNT.first(connection, state) or (0, 0)
    return count, oldest
