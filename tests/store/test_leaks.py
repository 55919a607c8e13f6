"""Whatever was opened is closed, also where the one who opened it is cancelled."""

import asyncio
import gc
import sqlite3
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from connext_monitor.store.database import Database, DatabaseError
from connext_monitor.store.store import Store
from tests.world.databases import open_store
from tests.world.recording import NAMES, put, seen
from tests.world.transfers import info, sighting, xcalled
from tests.world.waiting import until

XCALLED = xcalled(info(), sighting(10))


def open_connections() -> int:
    """How many connections to SQLite this process has, whether or not anybody still knows of them."""
    return sum(issubclass(type(one), sqlite3.Connection) and is_open(one) for one in gc.get_objects())


def is_open(connection: sqlite3.Connection) -> bool:
    try:
        return connection.total_changes >= 0
    except sqlite3.ProgrammingError:
        return False


@asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """Nothing is open afterwards that was not before, and nothing was closed only because it was collected."""
    before = open_connections()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", ResourceWarning)
        gc.disable()
        try:
            yield
            # What was under way is closed by the thread that did it.
            await until(lambda: open_connections() <= before)
        finally:
            gc.enable()
            gc.collect()
    assert [str(one.message) for one in warned if issubclass(one.category, ResourceWarning)] == []


async def cancelled_after(turns: int, work: Callable[[], Coroutine[Any, Any, object]]) -> bool:
    """Cancel it after so many turns of the loop; whether it had not ended before."""
    task = asyncio.ensure_future(work())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    [outcome] = await asyncio.gather(task, return_exceptions=True)
    return isinstance(outcome, asyncio.CancelledError)


@pytest.mark.parametrize("turns", [*range(12), 20, 40, 80])
async def test_a_reader_that_is_cancelled_leaves_no_file_open(file: Path, turns: int) -> None:
    store = await open_store(file, NAMES)
    await put(store, seen(XCALLED))
    await store.close()
    async with nothing_left():
        reading = await Store.open_readonly(file, NAMES)
        for _ in range(6):
            await cancelled_after(turns, lambda: reading.watched(XCALLED.event.transfer_id))
        assert await reading.watched(XCALLED.event.transfer_id) is not None
        await reading.close()


async def test_a_crowd_of_readers_that_is_cancelled_leaves_room_and_no_file_open(file: Path) -> None:
    store = await open_store(file, NAMES)
    await put(store, seen(XCALLED))
    await store.close()
    async with nothing_left():
        reading = await Store.open_readonly(file, NAMES)
        crowd = [asyncio.ensure_future(reading.watched(XCALLED.event.transfer_id)) for _ in range(40)]
        for turn, one in enumerate(crowd):
            if turn % 4 == 0:
                await asyncio.sleep(0)
            one.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)
        assert await reading.watched(XCALLED.event.transfer_id) is not None
        await reading.close()


@pytest.mark.parametrize("turns", [*range(12), 20, 40, 80])
@pytest.mark.parametrize("fresh", [True, False])
async def test_an_opening_that_is_cancelled_leaves_no_file_open(file: Path, turns: int, fresh: bool) -> None:
    if not fresh:
        await (await open_store(file, NAMES)).close()

    async def open_and_close() -> None:
        await (await Store.open(file, NAMES)).close()

    async with nothing_left():
        await cancelled_after(turns, open_and_close)
        await open_and_close()


async def test_a_file_that_cannot_be_used_is_left_closed(file: Path) -> None:
    async with nothing_left():
        file.write_bytes(b"no database" * 1000)
        with pytest.raises(DatabaseError):
            await Database.open(file)
        with pytest.raises(DatabaseError):
            await Database.open_readonly(file)
