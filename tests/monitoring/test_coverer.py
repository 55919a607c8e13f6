"""Covering a made-up chain that a loopback node answers from."""

import asyncio
import math
from collections.abc import Awaitable
from dataclasses import replace
from typing import ClassVar

import pytest

from connext_monitor.clock import SystemClock
from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import Aim, BlockRange, StoredRange
from connext_monitor.core.events import BlockNumber, DomainId
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.intervals import Intervals
from connext_monitor.monitoring.json_rpc import EndpointUnavailable
from connext_monitor.monitoring.observation import Observation
from connext_monitor.monitoring.pacer import Urgency
from connext_monitor.monitoring.yielding import BACKGROUND, FOREGROUND, YieldEvery
from tests.monitoring.covering import Announce, Memory, covering
from tests.monitoring.made_up_chain import Chain, hash_at
from tests.monitoring.made_up_logs import seen_in


async def test_a_new_chain_is_covered_from_its_start_to_its_head() -> None:
    node, memory = Chain(2500), Memory()
    async with covering(node, memory, start=100) as (coverer, _):
        await coverer.cover_for(Aim.CONFIRM)
    assert node.ranges[0][0] == 100
    assert all(after[0] == before[1] + 1 for before, after in zip(node.ranges, node.ranges[1:], strict=False))
    assert memory.progress[-1].coverage.covered is not None
    assert (memory.progress[-1].coverage.covered.number, memory.progress[-1].coverage.checkpoint) == (2500, 2495)


async def test_latest_begins_with_the_head() -> None:
    node, memory = Chain(2500), Memory()
    async with covering(node, memory, start="latest") as (coverer, _):
        await coverer.cover_for(Aim.CONFIRM)
    assert node.ranges == [(2500, 2500)]


class Dated(Memory):
    """Knows when something was read first."""

    def __init__(self) -> None:
        super().__init__()
        self.first_read_at = math.inf

    async def stored(self, domain: DomainId, blocks: BlockRange) -> StoredRange:
        self.first_read_at = min(self.first_read_at, SystemClock().monotonic())
        return await super().stored(domain, blocks)


async def test_what_was_read_is_as_old_as_its_first_question() -> None:
    node, memory = Chain(100), Dated()
    async with covering(node, memory) as (coverer, _):
        began = SystemClock().monotonic()
        await coverer.cover_for(Aim.CONFIRM)
        assert began <= coverer.state.read_at <= memory.first_read_at


async def test_a_start_after_the_head_reads_nothing_yet() -> None:
    node, memory = Chain(10), Memory()
    async with covering(node, memory, start=11) as (coverer, announce):
        await coverer.cover_for(Aim.CONFIRM)
        assert (node.ranges, memory.progress) == ([], [])
        await announce(12)
        await coverer.cover_for(Aim.ADVANCE)
        assert node.ranges == [(11, 12)]


@pytest.mark.parametrize(("announced", "reached"), [(11, 11), (9, 10)])
async def test_an_older_answer_does_not_replace_the_head_announced_meanwhile(announced: int, reached: int) -> None:
    node, memory, arriving = Chain(10), Memory(), list[Awaitable[None]]()

    class Overtaken(Endpoint):
        """What it says of its head is overtaken by what arrives."""

        async def head(self) -> Header:
            said = await super().head()
            while arriving:
                await arriving.pop()
            return said

    async def arrives(announce: Announce) -> None:
        await announce(announced)
        node.head = max(announced, 10)

    async with covering(node, memory, start=11, endpoint_type=Overtaken) as (coverer, announce):
        arriving.append(arrives(announce))
        await coverer.cover_for(Aim.CONFIRM)
        assert coverer.state.head is not None
        assert coverer.state.head.number == reached
        assert node.ranges == ([(11, 11)] if announced == 11 else [])


async def test_confirming_reads_from_the_checkpoint_and_advancing_what_is_new() -> None:
    node, memory = Chain(100), Memory()
    async with covering(node, memory) as (coverer, announce):
        await coverer.cover_for(Aim.CONFIRM)
        await announce(101)
        await coverer.cover_for(Aim.ADVANCE)
        await coverer.cover_for(Aim.CONFIRM)
    assert node.ranges[1:] == [(101, 101), (96, 101)]


class Later(Memory):
    """Commits what it is given after a while, in the order in which it came."""

    async def put(self, observation: Observation) -> "asyncio.Future[None]":
        return asyncio.create_task(self._commit(observation))

    async def _commit(self, observation: Observation) -> None:
        await (await super().put(observation))


class Counting(Memory):
    """Counts how many ranges are read at once."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0
        self._at_once = 0

    async def stored(self, domain: DomainId, blocks: BlockRange) -> StoredRange:
        self._at_once += 1
        self.most = max(self.most, self._at_once)
        return await super().stored(domain, blocks)

    async def put(self, observation: Observation) -> "asyncio.Future[None]":
        self._at_once -= observation.progress is not None
        return await super().put(observation)


class Noting(Endpoint):
    """Notes how urgent the requests made over it are, and how often the work with them yields."""

    asked_at: ClassVar[list[tuple[Urgency, YieldEvery]]] = []

    def at(self, urgency: Urgency, yield_every: YieldEvery = FOREGROUND) -> Endpoint:
        self.asked_at.append((urgency, yield_every))
        return super().at(urgency, yield_every)


async def test_history_is_read_in_haste_and_what_comes_later_in_the_background() -> None:
    node, memory = Chain(20_000), Counting()
    async with covering(node, memory, endpoint_type=Noting) as (coverer, announce):
        await coverer.cover_for(Aim.CONFIRM)
        history = (memory.most > 1, Noting.asked_at[-1])
        memory.most = 0
        await announce(60_000)
        before = len(node.ranges)
        await coverer.cover_for(Aim.CONFIRM)
    assert history == (True, (Urgency.HISTORY, FOREGROUND))
    assert len(node.ranges) > before + 2
    assert (memory.most, Noting.asked_at[-1]) == (1, (Urgency.USUAL, BACKGROUND))


async def test_a_restart_goes_on_at_the_checkpoint() -> None:
    node, memory = Chain(100), Memory()
    async with covering(node, memory) as (coverer, _):
        await coverer.cover_for(Aim.CONFIRM)
    async with covering(node, memory) as (coverer, _):
        await coverer.cover_for(Aim.CONFIRM)
    assert node.ranges[-1] == (96, 100)


async def test_the_next_endpoint_goes_on_at_a_checkpoint_that_went_back() -> None:
    node, memory = Chain(100), Later()
    async with covering(node, memory) as (coverer, _):
        await coverer.cover_for(Aim.CONFIRM)
        end = memory.progress[-1].coverage
        rewound = ChainProgress(DomainId(1001), replace(end, checkpoint=BlockNumber(40)), replaced=BlockNumber(95))
        await memory.put(Observation(DomainId(1001), progress=rewound))
        await coverer.begin()
        await coverer.cover_for(Aim.ADVANCE)
        await coverer.cover_for(Aim.CONFIRM)
    assert node.ranges[-1] == (41, 100)


async def test_an_endpoint_that_lags_behind_what_is_covered_moves_nothing_back() -> None:
    node, memory = Chain(100), Memory()
    async with covering(node, memory) as (coverer, announce):
        await coverer.cover_for(Aim.CONFIRM)
        await announce(97)
        await coverer.cover_for(Aim.CONFIRM)
    assert memory.progress[-1].coverage.covered is not None
    assert memory.progress[-1].coverage.covered.number == 100


async def test_a_known_block_that_was_replaced_is_gone() -> None:
    node, memory = Chain(100), Memory()
    async with covering(node, memory) as (coverer, _):
        await coverer.cover_for(Aim.CONFIRM)
        await memory.put(seen_in(BlockNumber(98), hash_at(98)))
        node.branch = dict.fromkeys(range(98, 101), 1)
        await coverer.cover_for(Aim.CONFIRM)
    assert memory.gone == {hash_at(98)}


async def test_a_refusal_nobody_understands_makes_ranges_smaller() -> None:
    node, memory = Chain(1000, most=60), Memory()
    async with covering(node, memory) as (coverer, _):
        await coverer.cover_for(Aim.CONFIRM)
    assert node.ranges[-1][1] == 1000


async def test_an_endpoint_that_refuses_even_one_block_is_given_up() -> None:
    node, memory = Chain(10, most=0), Memory()
    async with covering(node, memory, intervals=Intervals(retry=0.001)) as (coverer, _):
        with pytest.raises(EndpointUnavailable, match="too much for me"):
            await coverer.cover_for(Aim.CONFIRM)
    assert memory.progress == []
