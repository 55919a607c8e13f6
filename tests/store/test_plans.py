"""How SQLite finds what it is asked for: through an index, never by going through all there is."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from connext_monitor.core.deadline import Durations
from connext_monitor.core.events import Address, BlockNumber
from connext_monitor.core.selection import TransferFilter
from connext_monitor.core.stats import Window
from connext_monitor.core.transfer import UNFINISHED, Status
from connext_monitor.store import (
    address_search,
    alert_log,
    deadlines,
    debts,
    glance,
    in_flight,
    metrics,
    nonces,
    owed,
    statistics,
    suspects,
    transfer_changes,
    transfer_states,
    transfers,
    views,
)
from connext_monitor.store.connection import Connection
from connext_monitor.store.executor import Inline
from connext_monitor.store.store import Store
from tests.world.databases import open_store, watching
from tests.world.recording import NAMES, put, seen
from tests.world.transfers import ALPHA, BETA, GAMMA, executed, info, reconciled, sighting, xcalled

Query = Callable[[Connection], object]
CALLED = [xcalled(info(nonce), sighting(10 + nonce)) for nonce in range(3)]
BEHIND = (CALLED[2].sighting.block.timestamp, 2)


async def plans(file: Path, query: Query) -> list[str]:
    """The steps of every statement of a query, on a database with transfers in several states."""
    statements: list[str] = []

    def explained(connection: Connection) -> list[str]:
        statements.clear()
        query(connection)
        asked = [(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?")) for sql in statements]
        return [row[3] for explain, values in asked for row in connection.run(explain, values)]

    store = await open_store(file, NAMES, watching(statements.append, Inline))
    await put(store, seen(*CALLED, executed(info(1), sighting(20)), executed(info(2), sighting(21))))
    await put(store, seen(reconciled(info(2), sighting(22))))
    steps = await store.database.write(explained)
    await store.close()
    return steps


OF_EVENTS: dict[str, Query] = {
    "what was fronted": lambda connection: owed.owed(connection, Window(0, 1)),
    "what is to be read of that": lambda connection: owed.read_events(connection, 1),
    "suspects": lambda connection: suspects.suspected(connection, ALPHA),
    "who holds a nonce": lambda connection: suspects.nonce_holders(connection, ALPHA, {1}),
    "the block of a nonce": lambda connection: nonces.block_of(connection, ALPHA, 1),
    "deadlines": lambda connection: deadlines.recompute_pathway(
        connection, (ALPHA, BETA), Durations(1, 2), watched_from=BlockNumber(5)
    ),
}


@pytest.mark.parametrize("query", OF_EVENTS.values(), ids=OF_EVENTS)
async def test_an_event_is_found_by_its_transfer(file: Path, query: Query) -> None:
    steps = [step for step in await plans(file, query) if "events" in step]
    assert steps
    assert all("(transfer=?" in step for step in steps)


async def test_deadlines_are_recomputed_without_a_look_at_what_is_completed(file: Path) -> None:
    steps = await plans(file, OF_EVENTS["deadlines"])
    assert {step for step in steps if "SEARCH transfers" in step} == {
        "SEARCH transfers USING INDEX transfers_by_state (origin=? AND destination=? AND status=?)"
    }


async def test_an_event_is_found_by_the_start_of_its_transaction(file: Path) -> None:
    steps = await plans(file, lambda connection: transfers.ids_by_tx(connection, CALLED[0].sighting.tx_hash))
    assert any("SEARCH events USING INDEX events_by_tx (tx_start=?)" in step for step in steps)


async def test_a_run_of_nonces_is_followed_from_each_to_the_next(file: Path) -> None:
    steps = await plans(file, lambda connection: nonces.first_missing(connection, ALPHA, 0, 3))
    assert "SEARCH following USING INDEX transfers_by_nonce (origin=? AND nonce=?)" in steps


FILTERS = {
    "everything": TransferFilter(),
    "begun before": TransferFilter(started_before=BEHIND[0]),
    "of a status": TransferFilter(frozenset({Status.COMPLETED_FAST})),
    "of a status that none has": TransferFilter(frozenset({Status.RECONCILED})),
    "unfinished": TransferFilter(UNFINISHED),
    "of an origin": TransferFilter(origin=ALPHA),
    "of an origin that none has": TransferFilter(origin=GAMMA),
    "to a destination": TransferFilter(destination=BETA),
    "of all that": TransferFilter(UNFINISHED, ALPHA, BETA, BEHIND[0]),
}


@pytest.mark.parametrize("after", [None, BEHIND], ids=["first", "behind"])
@pytest.mark.parametrize("filters", FILTERS.values(), ids=FILTERS)
async def test_no_list_goes_through_what_it_does_not_hold(
    file: Path, filters: TransferFilter, after: tuple[int, int] | None
) -> None:
    steps = await plans(file, lambda connection: transfers.listed(connection, filters, limit=10, after=after))
    positions = [step for step in steps if "transfers_by_" in step]
    assert positions
    searched_by = {
        "transfers_by_state ((origin,destination,status,started_at)>(?,?,?,?))",
        "transfers_by_state (origin=? AND destination=? AND status=? AND started_at<?)",
        "transfers_by_start (started_at<?)",
    }
    assert {step.removeprefix("SEARCH transfers USING COVERING INDEX ") for step in positions} <= searched_by
    assert not [step for step in steps if "SCAN transfers" in step or "TEMP B-TREE" in step]


COUNTS: dict[str, Query] = {
    "in flight by status": glance.count_in_flight,
    "in flight by leg": in_flight.by_pathway,
}


@pytest.mark.parametrize("query", COUNTS.values(), ids=COUNTS)
async def test_what_is_in_flight_is_counted_without_what_is_not(file: Path, query: Query) -> None:
    assert all(step.startswith("SEARCH transfers USING COVERING INDEX") for step in await plans(file, query))


async def test_deadlines_are_counted_without_the_rows_of_those_that_are_to_come(file: Path) -> None:
    steps = await plans(file, lambda connection: metrics.look(connection, 0.0))
    assert {step.removeprefix("SEARCH transfers USING ") for step in steps if "transfers" in step} == {
        "COVERING INDEX transfers_by_state ((origin,destination,status,started_at)>(?,?,?,?))",
        "COVERING INDEX transfers_by_state (origin=? AND destination=? AND status=?)",
        "INDEX transfers_awaiting_execute (execute_due_at=?)",
        "INDEX transfers_awaiting_execute (execute_due_at>? AND execute_due_at<?)",
        "INDEX transfers_awaiting_reconcile (reconcile_due_at=?)",
        "INDEX transfers_awaiting_reconcile (reconcile_due_at>? AND reconcile_due_at<?)",
        "INDEX transfers_by_id (transfer_id=?)",
        # When what was fronted a moment ago, and is not read yet, was executed.
        "INTEGER PRIMARY KEY (rowid=?)",
    }


WINDOW, ID = Window(0, 86_400), CALLED[0].event.transfer_id
SHOWN: dict[str, Query] = {
    "statistics": lambda connection: statistics.over(connection, WINDOW),
    "of a pathway": lambda connection: statistics.over(connection, replace(WINDOW, origin=ALPHA, destination=BETA)),
    "open alerts": alert_log.open_by_topic,
    "a transfer": lambda connection: views.by_id_or_tx(connection, NAMES, ID),
    "a transaction": lambda connection: views.by_id_or_tx(connection, NAMES, CALLED[0].sighting.tx_hash),
    "an address": lambda connection: address_search.page(
        connection, Address(bytes(20)), TransferFilter(), limit=1, after=None
    ),
}


@pytest.mark.parametrize("query", SHOWN.values(), ids=SHOWN)
async def test_nothing_shown_takes_a_look_at_every_transfer(file: Path, query: Query) -> None:
    steps = await plans(file, query)
    assert [step for step in steps if "transfers" in step]
    assert not [step for step in steps if step.startswith(("SCAN transfers", "SCAN events"))]


async def test_what_is_owed_is_read_off_in_order(file: Path) -> None:
    read, *_unread = await plans(file, lambda connection: owed.owed(connection, replace(WINDOW, origin=ALPHA)))
    assert read == "SCAN fronted USING COVERING INDEX fronted_by_routers"


async def test_what_is_owed_is_added_up_without_a_look_at_others(file: Path) -> None:
    def add_up(connection: Connection) -> None:
        owed.read_events(connection, 9)
        debts.add_up(connection, 9)

    steps = await plans(file, add_up)
    assert {step for step in steps if "debts" in step or "fronted_by_routers" in step} == {
        "SCAN debts USING INDEX debts_to_add_up",
        "SEARCH fronted USING COVERING INDEX fronted_by_routers (destination=? AND routers=? AND asset=?)",
        "SEARCH debts USING PRIMARY KEY (destination=? AND routers=? AND asset=?)",
    }


@pytest.mark.sqlite_only("counts SQLite's own steps")
async def test_one_step_leaves_a_state_behind_however_many_are_in_it(store: Store) -> None:
    await put(store, seen(*[xcalled(info(nonce), sighting(10)) for nonce in range(1_000)]))
    steps = 0

    def states(connection: Connection) -> object:
        nonlocal steps

        def count() -> None:
            nonlocal steps
            steps += 1

        transfer_states.states(connection)
        connection.driver.set_progress_handler(count, 1)
        every = transfer_states.states(connection)
        connection.driver.set_progress_handler(None, 1)
        return every

    assert await store.database.write(states) == [(ALPHA, BETA, Status.XCALLED)]
    assert steps < 200


CHANGES: dict[str, Query] = {
    "known": lambda connection: transfer_changes.known(
        connection, frozenset({CALLED[0].event.transfer_id}), {(ALPHA, CALLED[1].sighting.block.hash)}
    ),
}


@pytest.mark.parametrize("query", CHANGES.values(), ids=CHANGES)
async def test_a_batch_reads_nothing_that_it_does_not_touch(file: Path, query: Query) -> None:
    steps = await plans(file, query)
    assert not [step for step in steps if step.startswith("SCAN") and step != "SCAN CONSTANT ROW"]
