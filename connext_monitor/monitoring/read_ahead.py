"""Reads the ranges up to a block, several at once, and gives them in their order."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from connext_monitor.core.coverage import BlockRange
from connext_monitor.monitoring.range_reader import ReadRange

Next = Callable[[BlockRange | None], BlockRange | None]
"""From the range begun last to the next one; None: there is none."""
Read = Callable[[BlockRange], Awaitable[ReadRange]]


class ReadAhead:
    """A context, since what is under way is given up with it; iterate over it for the ranges.

    ``at_once`` says, whenever one could be begun, how many ranges may be under way.
    """

    def __init__(self, following: Next, at_once: Callable[[], int], read: Read) -> None:
        self._following = following
        self._at_once = at_once
        self._read = read
        self._begun: BlockRange | None = None
        self._under_way: deque[asyncio.Task[ReadRange]] = deque()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ReadRange:
        """The next range; raises what reading it raised."""
        self._begin()
        if not self._under_way:
            raise StopAsyncIteration
        # Waited for before it is taken off the queue: whoever is cancelled here gives it up with the rest.
        await asyncio.wait({self._under_way[0]})
        return self._under_way.popleft().result()

    def _begin(self) -> None:
        while len(self._under_way) < self._at_once() and (blocks := self._following(self._begun)):
            self._under_way.append(asyncio.ensure_future(self._read(blocks)))
            self._begun = blocks
