"""A bridge whose blocks are mined only when a test says so, and a misbehaving proxy before each of its chains."""

from collections.abc import AsyncIterator

import pytest_asyncio

from scripts.devnet import Devnet
from tests.faults.proxy import Proxy
from tests.world.made_bridge import made_bridge


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bridge() -> AsyncIterator[Devnet]:
    """Two chains that mine a block per transaction."""
    async with made_bridge(block_time=None) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def origin(bridge: Devnet) -> AsyncIterator[Proxy]:
    """Before alpha."""
    async with Proxy(bridge.chain("alpha").http_url) as proxy:
        yield proxy


@pytest_asyncio.fixture(loop_scope="session")
async def destination(bridge: Devnet) -> AsyncIterator[Proxy]:
    """Before beta."""
    async with Proxy(bridge.chain("beta").http_url) as proxy:
        yield proxy
