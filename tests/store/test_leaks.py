"""Whatever was opened is closed, also where the one who opened it is cancelled."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from connext_monitor.store.database import Database
from connext_monitor.store.errors import DatabaseError
from connext_monitor.store.store import Store
from tests.world.databases import open_store
from tests.world.recording import NAMES, put, seen
from tests.world.transfers import info, sighting, xcalled
from tests.world.waiting import until

XCALLED = xcalled(info(), sighting(10))


class Connections:
    """Every connection to SQLite of this process, from the moment that it is made; none of them is ever collected."""

    def __init__(self) -> None:
        self._made: list[sqlite3.Connection] | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "sqlite3.connect/handle" and self._made is not None:
            self._made.append(arguments[0])

    @contextmanager
    def kept(self) -> Iterator[list[sqlite3.Connection]]:
        """Those that are made within the block."""
        made: list[sqlite3.Connection] = []
        self._made = made
        try:
            yield made
        finally:
            self._made = None


CONNECTIONS = Connections()  # an audit hook stays as long as the process


def is_open(connection: sqlite3.Connection) -> bool:
    try:
        return connection.total_changes >= 0
    except sqlite3.ProgrammingError:
        return False


@asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """Nothing that was opened within the block is open after it."""
    with CONNECTIONS.kept() as made:
        yield
        # What was under way is closed by the thread that did it.
        await until(lambda: not any(map(is_open, made)), why=lambda: f"{sum(map(is_open, made))} of {len(made)} open")
        assert made


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
            await cancelled_after(turns, lambda: reading.transfers.by_id(XCALLED.event.transfer_id))
        assert await reading.transfers.by_id(XCALLED.event.transfer_id) is not None
        await reading.close()


async def test_a_cancelled_crowd_of_readers_leaves_no_file_open(file: Path) -> None:
    store = await open_store(file, NAMES)
    await put(store, seen(XCALLED))
    await store.close()
    async with nothing_left():
        reading = await Store.open_readonly(file, NAMES)
        crowd = [asyncio.ensure_future(reading.transfers.by_id(XCALLED.event.transfer_id)) for _ in range(40)]
        for turn, reader in enumerate(crowd):
            if turn % 4 == 0:
                await asyncio.sleep(0)
            reader.cancel()
        await asyncio.gather(*crowd, return_exceptions=True)
        assert await reading.transfers.by_id(XCALLED.event.transfer_id) is not None
        await reading.close()


# One that is fresh is made first, which all these turns fall into.
@pytest.mark.parametrize(
    ("turns", "fresh"),
    [*((turns, False) for turns in (*range(12), 20, 40, 80)), *((turns, True) for turns in (0, 1, 2, 80))],
)
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
