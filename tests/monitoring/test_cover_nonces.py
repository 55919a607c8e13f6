"""When a chain's nonces are asked for while it is covered, and of whom."""

import pytest

from connext_monitor.core.coverage import Aim
from connext_monitor.monitoring.intervals import Intervals
from tests.monitoring.covering import Memory, covering
from tests.monitoring.made_up_chain import Chain
from tests.monitoring.nodes import http_node, posting


async def test_the_first_nonce_is_stored_with_the_first_range_only() -> None:
    node, memory = Chain(2500), Memory()
    async with covering(node, memory) as (coverer, _):
        await coverer.cover_for(Aim.CONFIRM)
    assert [progress.first_nonce for progress in memory.progress] == [7] + [None] * (len(memory.progress) - 1)


async def test_the_nonce_is_asked_only_at_a_confirmed_head() -> None:
    node, memory = Chain(2500), Memory()
    async with covering(node, memory) as (coverer, announce):
        await coverer.cover_for(Aim.CONFIRM)
        await announce(2501)
        await coverer.cover_for(Aim.ADVANCE)
    assert [progress.next_nonce for progress in memory.progress][-3:] == [None, 7, None]


async def test_a_nonce_one_endpoint_refuses_is_asked_of_another() -> None:
    node, memory, other = Chain(100, nonce=None, words="not on your plan"), Memory(), Chain(101, nonce=9)
    async with (
        http_node(posting(other.answer)) as url,
        covering(node, memory, others=[url]) as (coverer, announce),
    ):
        await coverer.cover_for(Aim.CONFIRM)
        await announce(101)
        await coverer.cover_for(Aim.CONFIRM)
        await coverer.cover_for(Aim.CONFIRM)
    assert [progress.next_nonce for progress in memory.progress if progress.next_nonce is not None] == [9]


@pytest.mark.parametrize("words", ["missing trie node", "Too Many Requests"])
async def test_a_node_without_old_states_is_covered_all_the_same(words: str) -> None:
    node, memory = Chain(100, nonce=None, words=words), Memory()
    async with covering(node, memory) as (coverer, _):
        await coverer.cover_for(Aim.CONFIRM)
    assert (memory.progress[-1].first_nonce, memory.progress[-1].next_nonce) == (None, None)


async def test_a_first_nonce_refused_for_the_rate_is_asked_again() -> None:
    node, memory = Chain(100, nonce=None, words="Too Many Requests"), Memory()
    async with covering(node, memory, intervals=Intervals(first_nonce=0.0)) as (coverer, announce):
        await coverer.cover_for(Aim.CONFIRM)
        node.nonce = 7
        for head in (101, 102, 103):
            await announce(head)
            await coverer.cover_for(Aim.CONFIRM)
    known = [(progress.first_nonce, progress.next_nonce) for progress in memory.progress]
    assert known[0] == (None, None)
    assert [first for first, _ in known if first is not None] == [7]
    assert known[-1][1] == 7 or known[-2][1] == 7
