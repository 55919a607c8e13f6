import io
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
import structlog

from connext_monitor.config import ListenAddress
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.router_checks import RouterChecks
from connext_monitor.process.logs import configure_logging
from connext_monitor.reporting.web.server import WebServer
from connext_monitor.store.store import Store
from tests.world.clocks import ManualClock
from tests.world.databases import open_store
from tests.world.two_chains import AT, DESTINATION, LABELS, NAMES, ORIGIN, chain_status

PROVIDERS = ["machines", "ops"]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "monitor.db"


@pytest.fixture
async def store(database: Path) -> AsyncIterator[Store]:
    store = await open_store(database, NAMES)
    yield store
    await store.close()


@pytest.fixture
def statuses() -> list[ChainStatus]:
    """What the observers see; a test changes it as it likes."""
    return [chain_status(ORIGIN), chain_status(DESTINATION)]


@pytest.fixture
def checks() -> RouterChecks:
    """What is known of routers beside their books; a test adds to it as it likes."""
    return RouterChecks()


@pytest.fixture
def server_at(store: Store, statuses: list[ChainStatus], checks: RouterChecks) -> Callable[[ListenAddress], WebServer]:
    return lambda listen: WebServer(listen, store, lambda: statuses, PROVIDERS, LABELS, ManualClock(AT), checks=checks)


@pytest.fixture
async def client(server_at: Callable[[ListenAddress], WebServer]) -> AsyncIterator[aiohttp.ClientSession]:
    """Asks a server that really listens."""
    server = server_at(ListenAddress("127.0.0.1", 0))
    address = await server.start()
    async with aiohttp.ClientSession(f"http://{address}") as session:
        yield session
    await server.stop()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the program logs, as JSON."""
    configured = structlog.get_config()
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configured)
