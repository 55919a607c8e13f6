"""What a run leaves behind, read from events and from a database as the program makes it."""

import sqlite3
from pathlib import Path

import pytest

from tests.faults.truth import ChainTruth, Event
from tests.soak.evidence import EXECUTE, RECONCILE, Leg, differences, legs_of, stored_alerts
from tests.world.databases import open_store

ID, BLOCK, TX = "0x" + "01" * 32, "0x" + "02" * 32, "0x" + "03" * 32
CALLED = Event(1001, 10, "xcalled", ID, BLOCK, TX, 0, 1_000)
EXECUTED = Event(1002, 20, "executed", ID, BLOCK, TX, 0, 1_009)
NAMES = {1001: "alpha", 1002: "beta"}
DURATIONS = {EXECUTE: 15, RECONCILE: 30}
TRUTH = [ChainTruth(1001, 1, 10), ChainTruth(1002, 0, 20)]


def test_a_transfer_is_owed_two_legs_on_the_other_chain() -> None:
    assert legs_of({CALLED, EXECUTED}, NAMES, DURATIONS) == [
        Leg(ID, EXECUTE, "alpha", "beta", 1_015, 1_009),
        Leg(ID, RECONCILE, "alpha", "beta", 1_030, None),
    ]


@pytest.mark.parametrize(("arrived", "in_time"), [(None, False), (1_015, True), (1_016, False)])
def test_a_leg_in_the_block_of_its_deadline_is_in_time(arrived: int | None, in_time: bool) -> None:
    assert Leg(ID, EXECUTE, "alpha", "beta", 1_015, arrived).in_time is in_time


@pytest.fixture
async def database(tmp_path: Path) -> Path:
    """One as the program makes it, that holds just what `TRUTH` says."""
    file = tmp_path / "monitor.db"
    await (await open_store(file, {})).close()
    with sqlite3.connect(file) as connection:
        for kind, event in ((1, CALLED), (2, EXECUTED)):
            connection.execute(
                "INSERT INTO events (transfer, domain, kind, block_number, block_hash, block_at, tx_hash, log_index,"
                " payload, tx_start) VALUES (1, ?, ?, ?, ?, ?, ?, ?, x'', x'')",
                [
                    *(event.domain, kind, event.block),
                    bytes.fromhex(event.block_hash[2:]),
                    event.timestamp,
                    bytes.fromhex(event.tx_hash[2:]),
                    event.log_index,
                ],
            )
        connection.execute(
            "INSERT INTO transfers (id, transfer_id, origin, destination, status, started_at, xcalled_at, executed_at,"
            " execute_due_at, reconcile_due_at) VALUES (1, ?, 1001, 1002, 'Executed', 1000, 1000, 1009, 1015, 1030)",
            [bytes.fromhex(ID[2:])],
        )
        connection.execute(
            "INSERT INTO chains (domain, start_block, checkpoint, covered_number, contiguous_nonce, next_nonce)"
            " VALUES (1001, 1, 0, 30, 1, 1), (1002, 1, 0, 30, 0, 0)"
        )
        connection.execute(
            "INSERT INTO alerts (id, kind, severity, subject, state, opened_ms, resolved_ms, resolution, details)"
            " VALUES ('a1', 'execute_overdue', 'critical', ?, 'resolved', 1016500, 1020000, 'executed', '{}')",
            [ID],
        )
    connection.close()
    return file


def test_a_database_that_agrees_has_no_differences(database: Path) -> None:
    assert differences(database, {CALLED, EXECUTED}, TRUTH, DURATIONS) == []


@pytest.fixture(
    params=[
        "UPDATE events SET block_at = 1010 WHERE kind = 2",
        "DELETE FROM events WHERE kind = 2",
        "UPDATE transfers SET executed_at = NULL",
        "UPDATE transfers SET execute_due_at = 1014",
        "UPDATE transfers SET reconcile_due_at = NULL",
        "UPDATE chains SET covered_number = 19 WHERE domain = 1002",
        "UPDATE chains SET contiguous_nonce = 0 WHERE domain = 1001",
        "UPDATE chains SET next_nonce = 2, contiguous_nonce = 2 WHERE domain = 1001",
        "DELETE FROM chains WHERE domain = 1002",
        """INSERT INTO deliveries (alert_id, provider, change, pending, attempts, next_attempt_ms, created_ms)
        VALUES ('a1', 'ops', 'opened', 1, 0, 0, 0)""",
    ]
)
def changed(database: Path, request: pytest.FixtureRequest) -> Path:
    """The same with one thing wrong."""
    with sqlite3.connect(database) as connection:
        connection.execute(request.param)
    connection.close()
    return database


def test_whatever_differs_is_said(changed: Path) -> None:
    assert differences(changed, {CALLED, EXECUTED}, TRUTH, DURATIONS) != []


def test_an_event_that_the_chain_does_not_have_is_said(database: Path) -> None:
    assert any("not on the chain" in words for words in differences(database, {CALLED}, TRUTH, DURATIONS))


def test_alerts_are_read_in_seconds(database: Path) -> None:
    (alert,) = stored_alerts(database)
    assert (alert.kind, alert.subject, alert.opened, alert.resolved) == (EXECUTE, ID, 1_016.5, 1_020.0)
    assert alert.resolution == "executed"
