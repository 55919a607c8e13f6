"""How long work shares the event loop: in slices of some milliseconds, with room for others between them."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class YieldEvery:
    """After so many ``items`` others have the event loop to themselves for ``rest`` seconds."""

    items: int
    rest: float


FOREGROUND: Final = YieldEvery(100, 0.0)
"""The loop is only given back, which is quickest for the work itself."""
BACKGROUND: Final = YieldEvery(50, 0.004)
"""For work beside which something urgent may come.

A commit returns to the loop some twenty times: if it found long work there each time, what was just pushed would wait
for all of that work.
"""


async def in_slices(items: Iterable[T], every: YieldEvery) -> AsyncIterator[list[T]]:
    """The items in slices, in order, with the loop given to others between two slices."""
    remaining = iter(items)
    part = list(islice(remaining, every.items))
    while part:
        yield part
        part = list(islice(remaining, every.items))
        if part:
            await asyncio.sleep(every.rest)
