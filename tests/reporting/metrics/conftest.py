"""A page over a store of its own, and who scrapes it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connext_monitor.store.store import Store
from tests.reporting.metrics.scraping import Parts, Scraper, served


@pytest.fixture
def parts(store: Store, database: Path) -> Parts:
    return Parts(database, store.statistics.measure)


@pytest.fixture
async def scraper(store: Store, parts: Parts) -> AsyncIterator[Scraper]:
    async with served(store, parts) as scraper:
        yield scraper
