"""Instances on a real server, and the bridge that they watch."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from connext_monitor.config import DatabaseUrl
from scripts.devnet import Devnet
from tests.world import postgres
from tests.world.made_bridge import made_bridge
from tests.world.postgres import pair, server

__all__ = ["bridge", "pair", "server", "url"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bridge() -> AsyncIterator[Devnet]:
    """Two chains with a block a second."""
    async with made_bridge(block_time=1) as running:
        yield running


@pytest.fixture
def url(server: postgres.Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabaseUrl]:
    """A database, as one instance has made it before, which processes find in ``$DATABASE_URL``."""
    with server.database() as url:
        monkeypatch.setenv("DATABASE_URL", url.get_secret_value())
        yield url
