"""The states that transfers are in: all that are asked for, and no other."""

from itertools import product

import pytest

from connext_monitor.core.events import DomainId
from connext_monitor.core.transfer import Status
from connext_monitor.store import transfer_states
from connext_monitor.store.connection import Connection
from connext_monitor.store.store import Store

_DOMAINS = [DomainId(1), DomainId(2), DomainId(4), DomainId(2**32 - 1)]
_PATHWAYS = [(origin, destination) for origin, destination in product(_DOMAINS, _DOMAINS) if origin != destination]
_THERE = [
    (origin, destination, status)
    for number, (origin, destination) in enumerate(_PATHWAYS)
    for index, status in enumerate(Status)
    if (number + 1) & (1 << index)
]
"""Each pathway has other statuses."""


def _put(connection: Connection) -> None:
    values = "(id, transfer_id, origin, destination, started_at, status)"
    for number, (origin, destination, status) in enumerate(_THERE, 1):
        for again in range(2):
            row = (2 * number + again, bytes([number, again]) * 16, origin, destination, again * 10**9, status.value)
            connection.run(f"INSERT INTO transfers {values} VALUES (?, ?, ?, ?, ?, ?)", row)  # noqa: S608 - our own


@pytest.mark.sqlite_only("rows in plain SQL")
async def test_every_state_of_the_statuses_asked_for_is_found(store: Store) -> None:
    await store.database.write(_put)
    for bits in range(1 << len(Status)):
        asked_for = frozenset(status for index, status in enumerate(Status) if bits & (1 << index))
        states = await store.database.read(lambda connection: transfer_states.states(connection, asked_for))  # noqa: B023
        assert sorted(states) == sorted(state for state in _THERE if state[2] in asked_for)
        assert len(set(states)) == len(states)
