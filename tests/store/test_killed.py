"""Killed between any two statements, a commit is whole or not there (promise 1)."""

import asyncio
import shutil
from pathlib import Path

import pytest

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.coverage import Nonces
from connext_monitor.store.store import Store
from tests.store.killing import (
    CALLED,
    EXECUTED,
    ORIGIN,
    PARTS,
    PROGRESS,
    Work,
    change,
    contents,
    gather,
    kill_before,
    left_before_each_statement,
    make,
    open_alert,
    prepare,
)
from tests.world.recording import NAMES
from tests.world.transfers import ALPHA, BETA

EMPTY = ["BEGIN TRANSACTION;", "COMMIT;"]


async def left_as_it_was(work: Work, file: Path, *, statements: int) -> list[Path]:
    """What is left of a prepared file by those killed before each of at least so many statements: all as it was."""
    await prepare(file)
    before = contents(file)
    left = await left_before_each_statement(work, file, file.parent)
    assert len(left) >= statements
    assert all(contents(killed) == before for killed in left)
    return left


async def test_promise_1_a_batch_killed_at_any_statement_is_whole_or_absent(tmp_path: Path) -> None:
    file = tmp_path / "batch.db"
    left = await left_as_it_was(change, file, statements=16)
    after = contents(file)
    assert after != contents(left[-1])
    # What was killed is told again after the restart, and then stands like what was never disturbed.
    await change(left[-1])
    assert contents(left[-1]) == after


@pytest.mark.parametrize("share", [0.0, 0.4, 0.8, 1.0])
async def test_a_process_really_killed_in_a_batch_leaves_what_is_copied(tmp_path: Path, share: float) -> None:
    file, killed = tmp_path / "batch.db", tmp_path / "killed.db"
    await prepare(file)
    shutil.copyfile(file, killed)
    left = await left_before_each_statement(change, file, tmp_path)
    statement = 1 + round(share * (len(left) - 1))
    await asyncio.to_thread(kill_before, statement, change, killed)
    copied = left[statement - 1]
    assert [Path(f"{killed}{part}").exists() for part in PARTS] == [Path(f"{copied}{part}").exists() for part in PARTS]
    assert contents(killed) == contents(copied)
    await change(killed)
    assert contents(killed) == contents(file)


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
    assert written == {
        *("events", "transfers", "fronted", "last_executions", "router_books"),
        *("alerts", "deliveries", "chains", "malformed_logs"),
    }
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
    file = tmp_path / "gathered.db"
    await left_as_it_was(gather, file, statements=5)
    store = await Store.open(file, NAMES)
    queue = await store.outbox.queue("ops", 0.0)
    assert ([group.members for group in queue.groups], queue.waiting) == ([2], [])
    await store.close()


async def test_promise_1_an_alert_is_stored_with_its_deliveries_or_absent(tmp_path: Path) -> None:
    file = tmp_path / "alert.db"
    left = await left_as_it_was(open_alert, file, statements=5)
    before, after = tables(left[-1]), tables(file)
    assert {name: len(after[name]) - len(before[name]) for name in ("alerts", "deliveries")} == {
        "alerts": 1,
        "deliveries": 2,
    }


async def test_promise_1_a_migration_killed_at_any_statement_is_whole_or_absent(tmp_path: Path) -> None:
    file = tmp_path / "made.db"
    left = [killed for killed in await left_before_each_statement(make, file, tmp_path) if killed.exists()]
    assert len(left) > 20
    assert all(contents(killed) == EMPTY for killed in left)
    await make(left[-1])
    assert contents(left[-1]) == contents(file)


async def test_a_process_really_killed_in_a_migration_leaves_an_empty_file(tmp_path: Path) -> None:
    killed = tmp_path / "killed.db"
    await asyncio.to_thread(kill_before, 60, make, killed)
    assert contents(killed) == EMPTY
    await make(killed)
    await make(tmp_path / "made.db")
    assert contents(killed) == contents(tmp_path / "made.db")
