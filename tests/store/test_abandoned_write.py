"""A write whose caller has gone: what keeps it from being made is nobody's traceback."""

import asyncio
import gc
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from connext_monitor.store.connection import Connection
from tests.world.databases import open_store
from tests.world.recording import NAMES
from tests.world.waiting import until


async def test_a_write_failing_after_its_caller_was_cancelled_logs_nothing(tmp_path: Path) -> None:
    said: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: said.append(context))
    store = await open_store(tmp_path / "monitor.db", NAMES)
    database = store.database
    asked: list[Connection] = []

    def work(connection: Connection) -> None:
        asked.append(connection)

    with closing(sqlite3.connect(tmp_path / "monitor.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE").close()
        writing = asyncio.create_task(database.write(work))
        await asyncio.sleep(0)
        writing.cancel()
        database.end()
        await until(lambda: database.condition.write_trouble is not None)
    await store.close()
    await asyncio.wait({writing})
    del writing  # its frames hold on to what it waited for
    gc.collect()
    assert not asked
    assert not said
