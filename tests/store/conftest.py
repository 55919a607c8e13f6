"""A store on a file of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connext_monitor.store.store import Store
from tests.world.databases import open_store
from tests.world.recording import NAMES


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "monitor.db"


@pytest.fixture
async def store(file: Path) -> AsyncIterator[Store]:
    opened = await open_store(file, NAMES)
    yield opened
    await opened.close()
