"""Databases for tests: the migrations run once, and each test gets a copy of what they made."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from connext_monitor.core.events import DomainId
from connext_monitor.store.store import Store

_made: list[bytes] = []


async def open_store(file: Path, names: Mapping[DomainId, str]) -> Store:
    """The store on that file, which a first run has made if it was not there."""
    if not file.exists():
        if not _made:
            _made.append(await _first_run())
        file.write_bytes(_made[0])
    return await Store.open(file, names)


async def _first_run() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "monitor.db"
        await (await Store.open(file, {})).close()
        return file.read_bytes()
