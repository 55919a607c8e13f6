"""Blocks that no endpoint has any more: what is left behind, and what never is, on loopback nodes that prune."""

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.config import ChainConfig
from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import Aim, BlockRange, Coverage, begin, skip_to
from connext_monitor.core.events import BlockNumber, DomainId
from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.intervals import Intervals, LossProof
from connext_monitor.monitoring.lost_history import LostHistory, oldest_readable
from tests.monitoring.covering import Memory, Whole, covered, covering, manual_clock, observing
from tests.monitoring.made_up_chain import CONFIG
from tests.monitoring.nodes import error, http_node, posting
from tests.world.waiting import until

WORDS = "History has been pruned for this block. To remove restrictions, order a dedicated full node"


@dataclass
class Pruning(Whole):
    """As `Whole`, without the logs of blocks before ``oldest``."""

    oldest: int = 0

    def answer(self, request: dict[str, Any]) -> str:
        if request["method"] == "eth_getLogs" and int(request["params"][0]["fromBlock"], 16) < self.oldest:
            return error(request, -32000, WORDS)
        return super().answer(request)


USUALLY = LossProof()
AT_ONCE = LossProof(hearings=1, lasting=0.0)
"""What an endpoint says once is believed."""
HASTY = Intervals(loss=AT_ONCE)


def stood_at(checkpoint: int) -> Memory:
    """A database that an earlier run left."""
    memory = Memory()
    memory.progress.append(ChainProgress(DomainId(1001), Coverage(BlockNumber(1), BlockNumber(checkpoint))))
    return memory


def lost(memory: Memory) -> list[BlockRange]:
    return [progress.unread for progress in memory.progress if progress.unread is not None]


async def test_a_chain_goes_on_after_lost_blocks_and_says_so() -> None:
    node, memory = Pruning(1000, oldest=600), stood_at(20)
    async with covering(node, memory, intervals=HASTY) as (coverer, _):
        await coverer.cover_for(Aim.CONFIRM)
    assert lost(memory) == [BlockRange(BlockNumber(21), BlockNumber(599))]
    reached = memory.progress[-1].coverage
    assert reached.covered is not None
    assert (reached.start, reached.checkpoint, reached.covered.number) == (600, 995, 1000)


async def test_lost_blocks_are_never_claimed_to_be_covered() -> None:
    node, memory = Pruning(1000, oldest=600), stood_at(20)
    async with covering(node, memory, intervals=HASTY) as (coverer, _):
        await coverer.cover_for(Aim.CONFIRM)
    behind = memory.progress[1].coverage
    assert (behind.start, behind.checkpoint, behind.covered) == (600, 599, None)


async def test_an_endpoint_that_still_has_the_past_is_asked_first() -> None:
    young, whole = Pruning(1000, oldest=600), Pruning(1000)
    async with (
        http_node(posting(young.answer)) as first,
        http_node(posting(whole.answer)) as second,
        observing(first, second, intervals=HASTY) as (observer, memory),
    ):
        await until(lambda: covered(observer) == 1000)
        assert lost(memory) == []
        assert memory.progress[-1].coverage.start == 1


async def test_of_two_pruned_endpoints_the_one_going_back_further_is_taken() -> None:
    young, older = Pruning(1000, oldest=600), Pruning(1000, oldest=300)
    async with (
        http_node(posting(young.answer)) as first,
        http_node(posting(older.answer)) as second,
        observing(first, second, intervals=HASTY) as (observer, memory),
    ):
        await until(lambda: covered(observer) == 1000)
        assert lost(memory) == [BlockRange(BlockNumber(1), BlockNumber(299))]


async def test_an_endpoint_that_has_not_even_its_head_loses_nothing() -> None:
    node = Pruning(1000, oldest=5000)
    async with http_node(posting(node.answer)) as url, observing(url) as (observer, memory):
        await until(lambda: "pruned" in str(observer.state.trouble))
        assert memory.progress == []


def test_an_endpoint_that_cannot_be_asked_gets_a_minute() -> None:
    clock = manual_clock()
    history = LostHistory(2, clock, AT_ONCE)
    assert history.lost_before(0, BlockNumber(50)) is None
    clock.advance(USUALLY.patience - 1)
    assert history.lost_before(0, BlockNumber(50)) is None
    clock.advance(1)
    assert history.lost_before(0, BlockNumber(50)) == 50


def test_what_another_endpoint_still_has_is_not_lost_however_long_that_takes() -> None:
    clock = manual_clock()
    history = LostHistory(2, clock, AT_ONCE)
    assert history.lost_before(0, BlockNumber(50)) is None
    clock.advance(USUALLY.patience)
    assert history.lost_before(1, BlockNumber(60)) is None
    assert history.lost_before(0, BlockNumber(50)) == 50


def test_what_was_said_before_something_was_read_is_forgotten() -> None:
    history = LostHistory(2, manual_clock())
    history.lost_before(0, BlockNumber(50))
    history.got_on()
    assert history.lost_before(1, BlockNumber(50)) is None


@pytest.mark.parametrize(("first", "oldest", "last"), [(1, 2, 2), (7, 700, 1000), (1, 1000, 1000), (5, 3, 9)])
async def test_the_first_block_that_is_left_is_found(first: int, oldest: int, last: int) -> None:
    node = Pruning(last, oldest=oldest)
    config = ChainConfig.model_validate(CONFIG)
    blocks = BlockRange(BlockNumber(first), BlockNumber(last))
    async with http_node(posting(node.answer)) as url, open_endpoint(url) as endpoint:
        assert await oldest_readable(endpoint, config.contract, blocks) == max(first, oldest)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_skip_only_goes_forward_and_covers_nothing(start: int, read: int, oldest: int) -> None:
    coverage = Coverage(BlockNumber(start), BlockNumber(start - 1 + read))
    skipped = skip_to(coverage, BlockNumber(oldest))
    assert skipped == begin(skipped.start)
    assert skipped.start > coverage.checkpoint


def test_what_is_said_once_or_for_a_moment_is_not_believed() -> None:
    clock = manual_clock()
    history = LostHistory(1, clock)
    said = []
    for _ in range(5):
        said.append(history.lost_before(0, BlockNumber(50)))
        clock.advance(USUALLY.lasting / 3)
    assert said == [None, None, None, 50, 50]


def test_of_what_one_address_says_the_furthest_back_counts() -> None:
    clock = manual_clock()
    history = LostHistory(1, clock)
    said = []
    for oldest in (50, 30, 60):
        said.append(history.lost_before(0, BlockNumber(oldest)))
        clock.advance(USUALLY.lasting)
    assert said == [None, None, 30]


@dataclass
class Balanced(Pruning):
    """Several nodes behind one address: any of them answers, and one of them, which is first, has lost the past."""

    nodes: int = 2
    draw: Random = field(default_factory=lambda: Random(7))  # noqa: S311 - spreads requests
    first: bool = True

    def answer(self, request: dict[str, Any]) -> str:
        if request["method"] == "eth_getLogs":
            whole, self.first = not self.first and self.draw.randrange(self.nodes) > 0, False
            if whole:
                return Whole.answer(self, request)
        return super().answer(request)


@pytest.mark.parametrize("nodes", [2, 3, 5])
async def test_one_node_of_several_behind_an_address_loses_nothing(nodes: int) -> None:
    node = Balanced(1000, oldest=600, nodes=nodes)
    async with http_node(posting(node.answer)) as url, observing(url) as (observer, memory):
        await until(lambda: covered(observer) == 1000)
        assert (lost(memory), memory.progress[-1].coverage.start) == ([], 1)


@dataclass
class Sliding(Pruning):
    """It keeps few blocks: whenever a range is asked for from the oldest on, a new block has pushed that out."""

    slides: int = 5

    def answer(self, request: dict[str, Any]) -> str:
        if request["method"] == "eth_getLogs":
            asked = request["params"][0]
            first, last = int(asked["fromBlock"], 16), int(asked["toBlock"], 16)
            if first == self.oldest and last > first and self.slides:
                self.oldest, self.slides = self.oldest + 1, self.slides - 1
        return super().answer(request)


async def test_a_window_that_slides_on_loses_each_block_once() -> None:
    node, memory = Sliding(1000, oldest=600), stood_at(20)
    async with asyncio.timeout(60), covering(node, memory, intervals=HASTY) as (coverer, _):
        await coverer.cover_for(Aim.CONFIRM)
    reached = memory.progress[-1].coverage
    assert reached.covered is not None
    assert reached.covered.number == 1000
    assert [block for blocks in lost(memory) for block in range(blocks.first, blocks.last + 1)] == list(
        range(21, reached.start)
    )
    assert all(blocks.first <= blocks.last for blocks in lost(memory))
