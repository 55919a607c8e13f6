"""Waiting for conditions, with a bound."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from connext_monitor.core.cause import Cause
from connext_monitor.core.deadline import Leg
from connext_monitor.core.transfer import Transfer


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Until it holds; fails after ``seconds``."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the conditions here are facts about servers and stores, not events
            await asyncio.sleep(0.005)


async def nothing_learned(_transfer: Transfer, _leg: Leg) -> tuple[Cause, ...]:
    """For a scheduler whose alerts need no token's name and no cause."""
    return ()


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator["asyncio.Task[None]"]:
    """Runs beside the block, and is cancelled after it."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
