"""How SQLite finds what it is asked for: an event of a transfer by the transfer, never by going through its chain."""

from collections.abc import Callable
from pathlib import Path

import pytest

from connext_monitor.core.deadline import Durations
from connext_monitor.core.events import BlockNumber
from connext_monitor.store import deadlines, nonces, suspects
from connext_monitor.store.connection import Connection
from connext_monitor.store.executor import Inline
from tests.world.databases import open_store, watching
from tests.world.recording import NAMES
from tests.world.transfers import ALPHA, BETA

QUERIES: dict[str, Callable[[Connection], object]] = {
    "suspects": lambda connection: suspects.suspected(connection, ALPHA),
    "who holds a nonce": lambda connection: suspects.nonce_holders(connection, ALPHA, {1}),
    "the block of a nonce": lambda connection: nonces.block_of(connection, ALPHA, 1),
    "deadlines": lambda connection: deadlines.recompute_pathway(
        connection, (ALPHA, BETA), Durations(1, 2), watched_from=BlockNumber(5)
    ),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
async def test_an_event_is_found_by_its_transfer(file: Path, query: Callable[[Connection], object]) -> None:
    statements: list[str] = []

    def plans(connection: Connection) -> list[str]:
        statements.clear()
        query(connection)
        asked = [(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?")) for sql in statements]
        return [row[3] for explain, values in asked for row in connection.run(explain, values)]

    store = await open_store(file, NAMES, watching(statements.append, Inline))
    steps = [step for step in await store.database.write(plans) if "events" in step]
    await store.close()
    assert steps
    assert all("(transfer=?" in step for step in steps)
