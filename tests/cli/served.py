"""A web server over the program's database, as a running monitor has one."""

import time
from pathlib import Path

from connext_monitor.clock import SystemClock
from connext_monitor.config import ListenAddress
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.reporting.web.server import WebServer
from connext_monitor.store.store import Store
from tests.cli.conftest import OtherLoop, Program
from tests.world.configs import chain_table
from tests.world.databases import open_store
from tests.world.two_chains import (
    DESTINATION,
    LABELS,
    NAMES,
    ORIGIN,
    Sample,
    chain_status,
    covered,
    fill,
)

ANY_PORT = ListenAddress("127.0.0.1", 0)
CHAINS = (chain_table("here", 1001), chain_table("there", 1002))


async def all_is_well(store: Store) -> None:
    now = int(time.time())
    await fill(
        store,
        [Sample(0, now).xcalled(), Sample(1, now).xcalled(), Sample(1, now).executed()],
        progress=[covered(ORIGIN, upcoming=2, at=now), covered(DESTINATION, at=now)],
    )


class Running:
    """A web server over the program's database, as a running monitor has one."""

    def __init__(self, monitor: Program, elsewhere: OtherLoop) -> None:
        now = int(time.time())
        self.statuses: list[ChainStatus] = [chain_status(ORIGIN, at=now), chain_status(DESTINATION, at=now)]
        self._elsewhere = elsewhere
        self.address: ListenAddress = elsewhere.complete(self._start(monitor.database))

    async def _start(self, database: Path) -> ListenAddress:
        self._store = await open_store(database, NAMES)
        self._server = WebServer(ANY_PORT, self._store, lambda: self.statuses, ["console"], LABELS, SystemClock())
        return await self._server.start()

    async def _stop(self) -> None:
        await self._server.stop()
        await self._store.close()

    def stop(self) -> None:
        self._elsewhere.complete(self._stop())
