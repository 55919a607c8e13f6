"""Files that earlier versions left, once today's code has brought them up to date."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from connext_monitor.store.schema_revision import NEWEST
from connext_monitor.store.store import Store
from tests.world import old_database as old
from tests.world.made_once import made_once
from tests.world.two_chains import NAMES

SHAPES = tuple(sorted({since for since, *_ in old.ROWS} | {*old.COLUMNS_SINCE.values(), NEWEST}))
"""The revisions whose files hold rows of another shape than those of the one before. Others' migrations do no more."""


async def open_migrated(file: Path, revision: str) -> Store:
    """The store on that file, which the version with this revision left; each is brought up to date once."""
    file.write_bytes(_migrated(revision))
    return await Store.open(file, NAMES)


@cache
def _migrated(revision: str) -> bytes:
    return made_once(f"migrated-{revision}.db", lambda file: _bring_up_to_date(file, revision)).read_bytes()


def _bring_up_to_date(file: Path, revision: str) -> None:
    async def run() -> None:
        await (await Store.open(file, NAMES)).close()

    file.write_bytes(old.left_by(revision))
    with ThreadPoolExecutor(1) as thread:  # whose loop is none of the test's
        thread.submit(asyncio.run, run()).result()
