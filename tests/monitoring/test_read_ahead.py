"""Ranges are read several at once and given in their order."""

import asyncio

import pytest

from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.events import BlockNumber, BlockRef, Hash32, Timestamp
from connext_monitor.monitoring.range_reader import ReadRange
from connext_monitor.monitoring.read_ahead import ReadAhead


class Ranges:
    """Ten blocks a range up to block 99; each is read once it is let go."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.given_up: list[int] = []
        self.gates = {first: asyncio.Event() for first in range(0, 100, 10)}
        self.fails: int | None = None

    def following(self, begun: BlockRange | None) -> BlockRange | None:
        first = begun.last + 1 if begun else 0
        return BlockRange(BlockNumber(first), BlockNumber(first + 9)) if first < 100 else None

    async def read(self, blocks: BlockRange) -> ReadRange:
        self.begun.append(blocks.first)
        try:
            await self.gates[blocks.first].wait()
        except asyncio.CancelledError:
            self.given_up.append(blocks.first)
            raise
        if blocks.first == self.fails:
            raise LookupError
        end = BlockRef(blocks.last, Hash32(bytes(32)), Timestamp(0))
        return ReadRange(blocks, end, [], [], frozenset(), frozenset())

    def let_go(self, *firsts: int) -> None:
        for first in firsts:
            self.gates[first].set()


async def test_ranges_come_in_their_order_whichever_is_read_first() -> None:
    ranges = Ranges()
    ranges.let_go(*reversed(range(10, 100, 10)))
    firsts = []
    async with ReadAhead(ranges.following, lambda: 3, ranges.read) as ahead:
        asyncio.get_running_loop().call_later(0.01, ranges.let_go, 0)
        async for range_read in ahead:
            firsts.append(range_read.blocks.first)  # noqa: PERF401 - what came before an error matters
    assert firsts == list(range(0, 100, 10))


async def test_no_more_are_under_way_than_allowed() -> None:
    ranges = Ranges()
    ranges.let_go(0)
    async with ReadAhead(ranges.following, lambda: 3, ranges.read) as ahead:
        await anext(ahead)
        await asyncio.sleep(0)
        assert ranges.begun == [0, 10, 20]


async def test_ranges_before_a_failure_come_and_the_rest_is_given_up() -> None:
    ranges = Ranges()
    ranges.fails = 10
    ranges.let_go(0, 10)
    async with ReadAhead(ranges.following, lambda: 3, ranges.read) as ahead:
        assert (await anext(ahead)).blocks.first == 0
        with pytest.raises(LookupError):
            await anext(ahead)
    assert 20 in ranges.given_up
