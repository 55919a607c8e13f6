"""Fixtures of real chains: starting them takes half a second, so most tests share one pair."""

from collections.abc import AsyncIterator

import pytest_asyncio

from scripts.devnet import Devnet


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def devnet() -> AsyncIterator[Devnet]:
    """Two chains that mine a block per transaction; tests add to them, and take nothing away."""
    async with Devnet.start(block_time=None) as running:
        yield running
