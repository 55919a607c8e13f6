"""Killed between any two statements, a commit is whole or not there (promise 1)."""

import asyncio
from pathlib import Path

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.coverage import Nonces
from connext_monitor.store.store import Store
from tests.store.killing import CALLED, EXECUTED, ORIGIN, PROGRESS, change, contents, make, prepare, survivor
from tests.world.recording import NAMES
from tests.world.transfers import ALPHA, BETA

EMPTY = ["BEGIN TRANSACTION;", "COMMIT;"]


async def test_promise_1_a_batch_killed_at_any_statement_is_whole_or_absent(tmp_path: Path) -> None:
    await prepare(tmp_path / "prepared.db")
    before = contents(tmp_path / "prepared.db")
    survived = await asyncio.to_thread(survivor, "change", tmp_path)
    assert survived > 15
    assert all(contents(tmp_path / f"{statement}.db") == before for statement in range(1, survived))
    after = contents(tmp_path / f"{survived}.db")
    assert after != before
    # What was killed is told again after the restart, and then stands like what was never disturbed.
    await change(tmp_path / f"{survived - 1}.db")
    assert contents(tmp_path / f"{survived - 1}.db") == after


def tables(file: Path) -> dict[str, list[str]]:
    """The rows of each table, in SQL."""
    inserts: dict[str, list[str]] = {}
    for line in contents(file):
        if line.startswith("INSERT INTO"):
            inserts.setdefault(line.split('"')[1], []).append(line)
    return inserts


async def test_the_batch_of_that_test_writes_all_that_promise_1_names(tmp_path: Path) -> None:
    await prepare(tmp_path / "whole.db")
    before = tables(tmp_path / "whole.db")
    await change(tmp_path / "whole.db")
    after = tables(tmp_path / "whole.db")
    written = {name for name, rows in after.items() if rows != before.get(name)}
    assert written == {"events", "transfers", "fronted", "alerts", "deliveries", "chains", "malformed_logs"}
    store = await Store.open(tmp_path / "whole.db", NAMES)
    watched = await store.transfers.by_id(EXECUTED.event.transfer_id)
    assert watched is not None
    assert watched.transfer.executed == EXECUTED.sighting
    assert await store.transfers.by_id(CALLED[1].event.transfer_id) is None
    ends = {row.alert.resolution for row, _ in await store.alerts.listed(AlertState.RESOLVED, limit=10)}
    assert ends == {"executed", "reorged"}
    assert {channel.provider: channel.waiting for channel in await store.outbox.channels()} == {"desk": 4, "ops": 4}
    assert [await store.chains.coverage(chain.domain) for chain in (PROGRESS, ORIGIN)] == [
        PROGRESS.coverage,
        ORIGIN.coverage,
    ]
    assert await store.chains.nonces(ALPHA) == Nonces(first=0, contiguous=1, next=2)
    assert await store.chains.malformed_counts() == {BETA: 1}
    await store.close()


async def test_alerts_are_in_their_group_or_wait_wherever_it_is_killed(tmp_path: Path) -> None:
    await prepare(tmp_path / "prepared.db")
    before = tables(tmp_path / "prepared.db")
    survived = await asyncio.to_thread(survivor, "gather", tmp_path)
    assert survived > 5
    assert all(tables(tmp_path / f"{statement}.db") == before for statement in range(1, survived))
    store = await Store.open(tmp_path / f"{survived}.db", NAMES)
    queue = await store.outbox.queue("ops", 0.0)
    assert ([group.members for group in queue.groups], queue.waiting) == ([2], [])
    await store.close()


async def test_promise_1_an_alert_is_stored_with_its_deliveries_or_absent(
    tmp_path: Path,
) -> None:
    await prepare(tmp_path / "prepared.db")
    before = tables(tmp_path / "prepared.db")
    survived = await asyncio.to_thread(survivor, "open_alert", tmp_path)
    assert survived > 5
    assert all(tables(tmp_path / f"{statement}.db") == before for statement in range(1, survived))
    after = tables(tmp_path / f"{survived}.db")
    assert {name: len(after[name]) - len(before[name]) for name in ("alerts", "deliveries")} == {
        "alerts": 1,
        "deliveries": 2,
    }


async def test_promise_1_a_migration_killed_at_any_statement_is_whole_or_absent(tmp_path: Path) -> None:
    survived = await asyncio.to_thread(survivor, "make", tmp_path)
    assert survived > 20
    made = [file for n in range(1, survived) if (file := tmp_path / f"{n}.db").exists()]
    assert all(contents(file) == EMPTY for file in made)
    await make(made[-1])
    assert contents(made[-1]) == contents(tmp_path / f"{survived}.db")
