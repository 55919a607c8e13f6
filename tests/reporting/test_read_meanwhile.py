"""What a page shows beside its statistics is read while these are counted."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from connext_monitor.core.stats import Window, WindowStats
from connext_monitor.core.stored_numbers import PendingLegs
from connext_monitor.store.nouns import Statistics, Transfers
from connext_monitor.store.store import Store
from tests.world.databases import open_store
from tests.world.two_chains import NAMES


class CountsLast(Store):
    """A store that counts statistics only after what is on its way has been read."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.database, NAMES)
        read = asyncio.Event()

        class LateStatistics(Statistics):
            async def over(self, window: Window, width: int | None = None) -> WindowStats:
                await read.wait()
                return await store.statistics.over(window, width)

        class ReadTransfers(Transfers):
            async def count_pending(self) -> list[PendingLegs]:
                pending = await store.transfers.count_pending()
                read.set()
                return pending

        self.statistics = LateStatistics(store.database, NAMES)
        self.transfers = ReadTransfers(store.database, NAMES)


@pytest.fixture
async def store(database: Path) -> AsyncIterator[Store]:
    opened = await open_store(database, NAMES)
    yield CountsLast(opened)
    await opened.close()


@pytest.mark.parametrize("path", ["/", "/pathways/here/there"])
async def test_a_page_reads_the_rest_while_statistics_are_counted(client: aiohttp.ClientSession, path: str) -> None:
    async with asyncio.timeout(10), client.get(path) as response:
        assert response.status == 200
