"""One running bridge for all end-to-end tests of a worker; each test has a monitor, a database and webhooks of its own.

The tests of one worker run one after the other, so each may freeze a chain as long as it lets it go on again.
"""

from collections.abc import AsyncIterator

import pytest_asyncio

from scripts.devnet import Devnet
from tests.world.made_bridge import made_bridge
from tests.world.postgres import server

__all__ = ["bridge", "server"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bridge() -> AsyncIterator[Devnet]:
    """Three chains with a block a second."""
    async with made_bridge("alpha", "beta", "gamma", block_time=1) as running:
        yield running
