"""Waiting for conditions, with a bound that says what was missing."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(
    condition: Callable[[], object | Awaitable[object]], seconds: float = 30, why: Callable[[], object] = str
) -> None:
    """Until it holds; fails after ``seconds`` with the words of ``why``."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                held = condition()
                if await held if isinstance(held, Awaitable) else held:
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"waited {seconds} s in vain: {why()}") from None
