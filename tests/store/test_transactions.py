"""One writer, readers beside it: nobody sees a half, and nobody who goes away leaves one (promise 1)."""

import asyncio
import math
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connext_monitor.core.batch import Batch, ChainProgress, UnreadableLog
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.events import BlockNumber
from connext_monitor.store.connection import Connection
from connext_monitor.store.database import Database
from connext_monitor.store.executor import MakeExecutor, Threads
from connext_monitor.store.store import Store
from tests.world.databases import open_store, watching
from tests.world.recording import NAMES, NOW, accuse, commit, put, seen
from tests.world.transfers import BETA, executed, info, sighting, xcalled

XCALLED = xcalled(info(), sighting(10))
EXECUTED = executed(info(), sighting(20))
PROGRESS = ChainProgress(BETA, Coverage(BlockNumber(0), BlockNumber(20), sighting(30).block), 0, 1)
MALFORMED = UnreadableLog(BETA, b"raw", "it is no log")


def contents(file: Path) -> list[str]:
    """Everything in the file, in SQL, as another program reads it."""
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


async def prepared(file: Path, executor: MakeExecutor = Threads) -> Store:
    """A transfer whose execution is called overdue."""
    store = await open_store(file, NAMES, executor)
    await put(store, seen(XCALLED))
    await accuse(store, XCALLED, "ops")
    return store


async def execution(store: Store) -> None:
    """A batch that touches every table: the leg, its alert's end, that news, a malformed log, the checkpoint."""
    await commit(store, seen(EXECUTED), progress=[PROGRESS], unreadable=[MALFORMED])


def provider(connection: Connection, name: str) -> None:
    connection.run("INSERT INTO channels VALUES (?, 'ok', NULL, 0)", (name,))


def providers(connection: Connection) -> list[str]:
    return [name for (name,) in connection.run("SELECT provider FROM channels ORDER BY 1")]


async def cancelled_at(statement: int, file: Path) -> bool:
    """Cancel the caller of a commit at its n-th statement; whether there was one."""
    loop, left = asyncio.get_running_loop(), [math.inf]

    def count(_statement: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            loop.call_soon_threadsafe(caller.cancel)
            assert ended.wait(60)

    store = await prepared(file, watching(count))
    left[0] = statement
    caller = asyncio.create_task(execution(store))
    ended = threading.Event()
    caller.add_done_callback(lambda _: ended.set())
    outcome = await asyncio.gather(caller, return_exceptions=True)
    await put(store, seen(xcalled(info(1), sighting(11))))
    await store.close()
    return isinstance(outcome[0], asyncio.CancelledError)


async def test_a_commit_cancelled_at_any_statement_is_whole(
    tmp_path: Path,
) -> None:
    undisturbed = tmp_path / "0.db"
    assert not await cancelled_at(0, undisturbed)
    statement = 1
    while await cancelled_at(statement, tmp_path / f"{statement}.db"):
        assert contents(tmp_path / f"{statement}.db") == contents(undisturbed)
        statement += 1
    assert statement > 8


async def test_a_commit_cancelled_before_its_turn_is_whole_too(file: Path) -> None:
    database = await Database.open(file)
    inside, go_on = threading.Event(), threading.Event()

    def first(connection: Connection) -> None:
        inside.set()
        assert go_on.wait(60)
        provider(connection, "first")

    writing = asyncio.create_task(database.write(first))
    assert await asyncio.to_thread(inside.wait, 60)
    waiting = asyncio.create_task(database.write(lambda connection: provider(connection, "second")))
    await asyncio.sleep(0)
    waiting.cancel()
    go_on.set()
    await writing
    await database.write(lambda connection: provider(connection, "third"))
    assert await database.read(providers) == ["first", "second", "third"]
    await database.close()


async def test_closing_waits_for_the_write_under_way(file: Path) -> None:
    database = await Database.open(file)
    writing = asyncio.create_task(database.write(lambda connection: provider(connection, "ops")))
    await asyncio.sleep(0)
    await database.close()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT provider FROM channels").fetchall() == [("ops",)]
    await writing


async def test_a_reader_goes_on_seeing_what_it_saw_first(file: Path) -> None:
    database = await Database.open(file)
    looked, written = threading.Event(), threading.Event()

    def look_twice(connection: Connection) -> tuple[list[str], list[str]]:
        before = providers(connection)
        looked.set()
        assert written.wait(60)
        return before, providers(connection)

    reading = asyncio.create_task(database.read(look_twice))
    assert await asyncio.to_thread(looked.wait, 60)
    await database.write(lambda connection: provider(connection, "ops"))
    written.set()
    assert await reading == ([], [])
    assert await database.read(providers) == ["ops"]
    await database.close()


async def test_readers_that_are_cancelled_leave_room_for_others(file: Path) -> None:
    store = await prepared(file)
    for _ in range(10):
        reading = asyncio.create_task(store.transfers.by_id(XCALLED.event.transfer_id))
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    assert await store.transfers.by_id(XCALLED.event.transfer_id) is not None
    await store.close()


async def test_a_batch_whose_decision_fails_leaves_nothing_of_it(file: Path) -> None:
    store = await prepared(file)
    before = contents(file)

    def decide(_known: object) -> Any:
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        await store.record(Batch(progress=[PROGRESS], unreadable=[MALFORMED]), decide, lambda _alert: (), NOW)
    assert contents(file) == before
    await execution(store)
    assert await store.chains.coverage(BETA) == PROGRESS.coverage
    await store.close()


async def test_a_batch_that_fails_at_its_last_statement_leaves_nothing_of_it(file: Path) -> None:
    store = await prepared(file)
    before = contents(file)
    # A number that no column of the database can hold: the checkpoint is stored after all else.
    too_high = ChainProgress(BETA, Coverage(BlockNumber(0), BlockNumber(2**64)))
    with pytest.raises(OverflowError):
        await put(store, seen(EXECUTED), progress=[too_high])
    assert contents(file) == before
    await store.close()
