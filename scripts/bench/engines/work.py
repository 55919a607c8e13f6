"""What is measured, in a process of its own; on a server with the turn of the owner of the work."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from connext_monitor.config import DatabaseUrl
from connext_monitor.core.ownership import Instance
from connext_monitor.store.lease_desk import LeaseDesk
from connext_monitor.store.turn import TermTurn
from scripts.bench.compare.in_tree import read_history, watch_live
from scripts.bench.engines.recorded import LIVE, play
from scripts.bench.made_up_bridge import Bridge

Where = Path | DatabaseUrl
_ME, _TOKEN = Instance("bench", "", ""), "bench"


async def _turn_on(where: Where) -> TermTurn | None:
    """The owner's on a server, where the lease is free; a file has none."""
    if isinstance(where, Path):
        return None
    desk = LeaseDesk(where)
    seen = await desk.look(_ME, 0)
    n = await desk.take(_ME, _TOKEN, seen.lease)
    await desk.close()
    if n is None:
        raise RuntimeError("the lease is another's")
    return TermTurn(_TOKEN, n, sys.exit)


async def read(where: Where, urls: Sequence[str], bridge: Bridge) -> dict[str, Any]:
    """See `read_history`."""
    return await read_history(urls, where, [bridge.head(0), bridge.head(1)], turn=await _turn_on(where))


async def watched(where: Where, urls: Sequence[str], seconds: float) -> dict[str, Any]:
    """See `watch_live`."""
    return await watch_live(urls, where, seconds, turn=await _turn_on(where))


async def recorded(where: Where, bridge: Bridge, blocks: int, live: int = LIVE) -> dict[str, Any]:
    """See `play`."""
    return await play(where, await _turn_on(where), bridge, blocks, live)


def in_process(work: Callable[..., Any], *args: object) -> dict[str, Any]:
    """What the coroutine function returns, called in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        figures: dict[str, Any] = process.submit(_run, work, *args).result()
        return figures


def _run(work: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401 - whatever it is
    return asyncio.run(work(*args))
