"""Waiting for conditions, with a bound that says what was missing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

_T = TypeVar("_T")
BOUND = 60.0
"""Seconds after which a test that waits has failed; far longer than anything here takes."""


async def until(
    condition: Callable[[], object | Awaitable[object]], seconds: float = BOUND, why: Callable[[], object] = str
) -> None:
    """Until it holds; fails after ``seconds`` with the words of ``why``.

    What has to be asked for, over HTTP or of a database, is asked for less often than what is looked up.
    """
    pause = 0.001
    try:
        async with asyncio.timeout(seconds):
            while True:
                held = condition()
                asked = isinstance(held, Awaitable)
                if await held if isinstance(held, Awaitable) else held:
                    return
                await asyncio.sleep(pause)
                pause = max(2 * pause, 0.02) if asked else 2 * pause
                pause = min(pause, 0.25 if asked else 0.02)
    except TimeoutError:
        raise AssertionError(f"waited {seconds} s in vain: {why()}") from None


async def within_bound(awaitable: Awaitable[_T]) -> _T:
    """What it returns; fails when that takes longer than the bound."""
    async with asyncio.timeout(BOUND):
        return await awaitable


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
