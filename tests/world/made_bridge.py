"""A bridge that is deployed once in a run of tests, and started from what its chains then held."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from scripts.devnet import Devnet
from scripts.devnet.kept import keep
from tests.world.made_once import made_once


@asynccontextmanager
async def made_bridge(*names: str, block_time: int | None) -> AsyncIterator[Devnet]:
    """`Devnet.start` with new chains of these names, alpha and beta by default."""
    names = names or ("alpha", "beta")
    kept = await asyncio.to_thread(made_once, f"bridge of {' '.join(names)}", partial(_make, names))
    async with Devnet.start(names, block_time=block_time, kept=kept) as running:
        yield running


def _make(names: tuple[str, ...], folder: Path) -> None:
    async def make() -> None:
        async with Devnet.start(names, block_time=None) as devnet:
            await keep(devnet.chains, folder)

    asyncio.run(make())
