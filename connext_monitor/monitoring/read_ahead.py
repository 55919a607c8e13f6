"""Reads the ranges up to a block, several at once, and gives them in their order."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from connext_monitor.core.coverage import BlockRange
from connext_monitor.monitoring.range_reader import ReadRange

Next = Callable[[BlockRange | None], BlockRange | None]
"""From the range begun last to the next one, None if there is none."""
Read = Callable[[BlockRange], Awaitable[ReadRange]]


class ReadAhead:
    """Iterate over it for the ranges. It is a context: leaving it cancels the ranges that are still being read.

    ``at_once`` says, whenever one could be begun, how many ranges may be in flight.
    """

    def __init__(self, following: Next, at_once: Callable[[], int], read: Read) -> None:
        self._following = following
        self._at_once = at_once
        self._read = read
        self._begun: BlockRange | None = None
        self._in_flight: deque[asyncio.Task[ReadRange]] = deque()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._in_flight:
            task.cancel()
        if self._in_flight:
            await asyncio.gather(*self._in_flight, return_exceptions=True)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ReadRange:
        """The next range; raises what reading it raised."""
        if not self._in_flight and self._at_once() == 1:
            return await self._read_next()
        self._begin()
        if not self._in_flight:
            raise StopAsyncIteration
        # Waited for before it is taken off the queue: whoever is cancelled here gives it up with the rest.
        await asyncio.wait({self._in_flight[0]})
        return self._in_flight.popleft().result()

    async def _read_next(self) -> ReadRange:
        blocks = self._following(self._begun)
        if blocks is None:
            raise StopAsyncIteration
        self._begun = blocks
        return await self._read(blocks)

    def _begin(self) -> None:
        while len(self._in_flight) < self._at_once() and (blocks := self._following(self._begun)):
            self._in_flight.append(asyncio.ensure_future(self._read(blocks)))
            self._begun = blocks
