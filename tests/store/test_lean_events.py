"""The migration that gave events the number of their transfer: a thousand transfers are shown as they were."""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from structlog.testing import capture_logs

from connext_monitor.core.deadline import DueDates
from connext_monitor.core.events import BlockNumber, BlockRef, DomainId, EventKind, Hash32, Timestamp, TransferId
from connext_monitor.core.payload import unpack
from connext_monitor.core.selection import TransferFilter
from connext_monitor.core.stats import Window
from connext_monitor.core.transfer import EventRecord, Sighting, Status, Transfer, fold
from connext_monitor.store.store import Store
from tests.store.killing import contents, left_before_each_statement, make
from tests.world import old_database as old
from tests.world.databases import awaited_in, make_old
from tests.world.two_chains import NAMES, ROUTER, Sample

BEFORE = "0014"
MANY = 1_000
ELSEWHERE = 1003
ARRIVED = {"executed_at": old.AT + 60, "reconciled_at": old.AT + 3600}
NOT_BEGUN = {"xcalled_at": None, "execute_due_at": None, "reconcile_due_at": None}


def rows_of(nonce: int) -> Iterable[old.Row]:
    """A transfer in one of the states that there are, with its events, as the version before left it."""
    transfer_id = Sample(nonce).id
    arrived: dict[str, object] = dict(ARRIVED)
    called = old.event_row(transfer_id, nonce, "xcalled", 0)
    executed = old.event_row(transfer_id, nonce, "executed", 60)
    slowly = old.event_row(transfer_id, nonce, "executed", 60, routers=())
    reconciled = old.event_row(transfer_id, nonce, "reconciled", 3600)
    executed_only: dict[str, object] = {"executed_at": old.AT + 60}
    reconciled_only: dict[str, object] = {"reconciled_at": old.AT + 3600}
    phantom: dict[str, object] = {**NOT_BEGUN, **executed_only, "started_at": old.AT + 60, "routers": ROUTER}
    unbegun: dict[str, object] = {**NOT_BEGUN, **reconciled_only, "started_at": old.AT + 3600, "nonce": None}
    states: list[tuple[str, dict[str, object], list[old.Row]]] = [
        ("XCalled", {}, [called]),
        ("XCalled", {"execute_due_at": None, "reconcile_due_at": None}, [called]),
        ("XCalled", {}, [called, old.event_row(transfer_id, nonce, "xcalled", 7)]),
        ("XCalled", {}, [called, old.event_row(transfer_id, nonce, "executed", 9, domain=ELSEWHERE)]),
        ("Executed", {**executed_only, "routers": ROUTER}, [called, executed]),
        ("Executed", {**executed_only, "routers": b""}, [called, slowly]),
        (
            "Executed",
            {**executed_only, "routers": ROUTER},
            [called, executed, old.event_row(transfer_id, nonce, "executed", 90, routers=())],
        ),
        ("Reconciled", reconciled_only, [called, reconciled]),
        ("CompletedFast", {**arrived, "routers": ROUTER}, [called, executed, reconciled]),
        ("CompletedSlow", {**arrived, "routers": b""}, [reconciled, slowly, called]),
        ("Unknown", phantom, [executed]),
        ("Unknown", unbegun, [reconciled]),
    ]
    status, values, events = states[nonce % len(states)]
    return [old.transfer_row(transfer_id, nonce, status, **values), *events]


@cache
def left() -> bytes:
    """The file of the version before: many transfers, one gap in their numbers, and what it kept besides."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "old.db"
        make_old(file, BEFORE)
        old.add(file, BEFORE, old.ROWS)
        # What stands where it cannot stand made no transfer, and is shown nowhere.
        nowhere = old.event_row(b"\x99" * 32, 77, "executed", 5, domain=ELSEWHERE)
        old.add(file, BEFORE, [nowhere, *(row for nonce in range(10, 10 + MANY) for row in rows_of(nonce))])
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("DELETE FROM events WHERE transfer_id = ?", [Sample(15).id])
            connection.execute("DELETE FROM transfers WHERE transfer_id = ?", [Sample(15).id])
            connection.execute("INSERT INTO pruned VALUES (?)", [Sample(15).id[:16]])
        return file.read_bytes()


@pytest.fixture
def before(file: Path) -> Path:
    """That file."""
    file.write_bytes(left())
    return file


Seen = dict[TransferId, tuple[Transfer, DueDates | None, Status]]


def seen_before(file: Path) -> Seen:
    """What the version before showed: what a transfer's events amount to, and its deadlines."""
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        records: dict[bytes, list[EventRecord]] = {}
        for row in connection.execute("SELECT * FROM events"):
            event = unpack(EventKind(row["kind"]), TransferId(row["transfer_id"]), row["payload"])
            block = BlockRef(BlockNumber(row["block_number"]), Hash32(row["block_hash"]), Timestamp(row["block_at"]))
            sighting = Sighting(block, Hash32(row["tx_hash"]), row["log_index"])
            records.setdefault(row["transfer_id"], []).append(EventRecord(DomainId(row["domain"]), event, sighting))
        shown: Seen = {}
        for row in connection.execute("SELECT * FROM transfers"):
            transfer = fold(records[row["transfer_id"]])
            assert transfer is not None
            due = (row["execute_due_at"], row["reconcile_due_at"])
            shown[transfer.transfer_id] = (transfer, None if None in due else DueDates(*due), Status(row["status"]))
    return shown


async def test_everything_that_is_shown_stays_as_it_was(before: Path) -> None:
    shown = seen_before(before)
    assert len(shown) == MANY - 1 + 5
    assert set(Status) == {status for _, _, status in shown.values()}
    store = await Store.open(before, NAMES)
    views = await store.transfers.listed(TransferFilter(), limit=2 * MANY)
    assert {view.transfer.transfer_id: (view.transfer, view.due, view.transfer.status) for view in views} == shown
    starts = [view.transfer.started_at for view in views]
    assert starts == sorted(starts, reverse=True)
    for status in Status:
        of_status = await store.transfers.listed(TransferFilter(frozenset({status})), limit=2 * MANY)
        assert {view.transfer.transfer_id for view in of_status} == {key for key in shown if shown[key][2] is status}
    in_flight = {counted.status: counted.count for counted in await store.transfers.count_by_status()}
    all_of = Counter(status for _, _, status in shown.values())
    assert in_flight == {status: all_of[status] for status in in_flight}
    await store.close()


async def test_each_is_still_looked_up_by_its_transactions_and_awaited(before: Path) -> None:
    shown = seen_before(before)
    store = await Store.open(before, NAMES)
    for transfer, _, _ in list(shown.values())[::50]:
        for sighting in (transfer.xcalled, transfer.executed, transfer.reconciled):
            if sighting is not None:
                views = await store.transfers.by_id_or_tx(sighting.tx_hash)
                assert transfer in [view.transfer for view in views]
    due = [due for transfer, due, _ in shown.values() if due is not None and transfer.xcalled is not None]
    missing = Counter({"execute": 0, "reconcile": 0})
    for transfer, dates, _ in shown.values():
        if dates is not None:
            missing["execute"] += transfer.executed is None
            missing["reconcile"] += transfer.reconciled is None
    assert due
    assert Counter(leg.leg.value for leg in await awaited_in(store)) == missing
    numbers = await store.statistics.over(Window(old.AT - 1, old.AT + 10_000))
    completed = Counter(status for transfer, _, status in shown.values() if transfer.xcalled is not None)
    counted = [(pathway.completed_fast, pathway.completed_slow) for pathway in numbers.stats.pathways]
    assert counted == [(completed[Status.COMPLETED_FAST], completed[Status.COMPLETED_SLOW])]
    await store.close()


async def test_nothing_else_in_the_file_changes(before: Path) -> None:
    def others() -> list[str]:
        changed = ("events", "transfers", "alembic_version")
        lines = [line for line in contents(before) if line.startswith("INSERT")]
        # Columns that later migrations append are empty.
        return [re.sub(r"(,NULL)+\);$", ");", line) for line in lines if line.split('"')[1] not in changed]

    there = others()
    kept = {line.split('"')[1] for line in there}
    await (await Store.open(before, NAMES)).close()
    assert there == [line for line in others() if line.split('"')[1] in kept]


async def test_the_log_says_that_an_old_file_is_converted(before: Path, tmp_path: Path) -> None:
    with capture_logs() as lines:
        await (await Store.open(before, NAMES)).close()
        await (await Store.open(before, NAMES)).close()
        await (await Store.open(tmp_path / "new.db", NAMES)).close()
    assert [line["event"] for line in lines] == ["database.updating", "database.updated"]
    assert (lines[0]["schema"], lines[1]["seconds"] >= 0) == (BEFORE, True)


async def test_killed_while_the_file_is_converted_it_is_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    file.write_bytes(old.left_by(BEFORE))
    was = contents(file)
    left = await left_before_each_statement(make, file, tmp_path)
    assert len(left) > 20
    assert all(contents(killed) == was for killed in left)
    assert contents(file) != was
