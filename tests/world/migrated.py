"""Files that earlier versions left, once today's code has brought them up to date."""

from pathlib import Path

from connext_monitor.store.schema_revision import NEWEST
from connext_monitor.store.store import Store
from tests.world import old_database as old
from tests.world.two_chains import NAMES

SHAPES = tuple(sorted({since for since, *_ in old.ROWS} | {*old.COLUMNS_SINCE.values(), NEWEST}))
"""The revisions whose files hold rows of another shape than those of the one before. Others' migrations do no more."""

_MIGRATED: dict[str, bytes] = {}


async def open_migrated(file: Path, revision: str) -> Store:
    """The store on that file, which the version with this revision left; each is brought up to date once."""
    if revision not in _MIGRATED:
        file.write_bytes(old.left_by(revision))
        await (await Store.open(file, NAMES)).close()
        _MIGRATED[revision] = file.read_bytes()
    file.write_bytes(_MIGRATED[revision])
    return await Store.open(file, NAMES)
