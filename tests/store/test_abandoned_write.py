"""A write whose caller has gone: what keeps it from being made is nobody's traceback."""

import asyncio
import gc
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from connext_monitor.config import DatabaseUrl
from connext_monitor.core.delivery_records import ChannelState
from connext_monitor.store import channels
from connext_monitor.store.connection import Connection
from connext_monitor.store.database import Database
from connext_monitor.store.engine import engine_of
from connext_monitor.store.errors import DatabaseUnavailableError
from connext_monitor.store.store import Store
from tests.world.recording import NOW
from tests.world.waiting import until


async def writes(database: Database) -> bool:
    try:
        await database.write(lambda _connection: None)
    except DatabaseUnavailableError:
        return False
    return True


async def test_a_write_failing_after_its_caller_was_cancelled_logs_nothing(
    store: Store, where: Path | DatabaseUrl
) -> None:
    said: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: said.append(context))
    database = store.database

    def work(connection: Connection) -> None:
        channels.save_channel(connection, "ops", ChannelState.OK, None, NOW)

    with closing(engine_of(where).writer()) as holder:
        holder.begin()
        holder.run("SELECT 1").fetchone()  # by now it has its turn
        writing = asyncio.create_task(database.write(work))
        await asyncio.sleep(0)
        writing.cancel()
        database.end()
        await until(lambda: database.condition.write_trouble is not None)
    assert await store.outbox.channels() == []
    await until(partial(writes, database))  # it holds on to the last one
    await store.close()
    await asyncio.wait({writing})
    del writing  # its frames hold on to what it waited for
    gc.collect()
    assert not said
