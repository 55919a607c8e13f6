"""Covering a made-up chain that a loopback node answers from."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.clock import SystemClock
from connext_monitor.config import ChainConfig
from connext_monitor.core.coverage import Aim, BlockRange, Coverage, Stored
from connext_monitor.core.events import BlockNumber, DomainId, Hash32
from connext_monitor.core.range_pace import shrunk
from connext_monitor.core.recording import ChainProgress
from connext_monitor.core.rpc_refusal import Reaction, Refusal
from connext_monitor.monitoring.chain_data import to_hex
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.coverer import Coverer
from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.endpoint_pool import EndpointPool
from connext_monitor.monitoring.json_rpc import EndpointNotBelieved, EndpointUnavailable
from connext_monitor.monitoring.observation import Observation
from connext_monitor.monitoring.turns import turns
from tests.monitoring.made_up_chain import CONTRACT, Node, hash_at
from tests.monitoring.nodes import error, http_node, posting, result
from tests.monitoring.test_transfer_checker import xcalled_log
from tests.world.waiting import until, within_bound

CONFIG = {
    "name": "devnet",
    "chain_id": 31337,
    "domain_id": 1001,
    "contract": "0x" + CONTRACT.hex(),
    "endpoints": ["http://127.0.0.1:1"],
    "block_time": "PT1S",
    "finality": 5,
}


@dataclass
class Chain(Node):
    """As `Node`, and answers nonce() and refuses ranges of more than ``most`` blocks."""

    most: int = 10**9
    nonce: int | None = 7
    words: str = "missing trie node"
    ranges: list[tuple[int, int]] = field(default_factory=list)

    def answer(self, request: dict[str, Any]) -> str:
        if request["method"] == "eth_call":
            if self.nonce is None:
                return error(request, -32000, self.words)
            return result(request, "0x" + self.nonce.to_bytes(32).hex())
        if request["method"] == "eth_chainId":
            return result(request, hex(31337))
        if request["method"] == "eth_getCode":
            return result(request, "0x00")
        if request["method"] == "eth_getLogs":
            first, last = (int(request["params"][0][name], 16) for name in ("fromBlock", "toBlock"))
            if last - first >= self.most:
                return error(request, -32000, "that is too much for me")
            self.ranges.append((first, last))
        return super().answer(request)


Announce = Callable[[int], Awaitable[None]]
"""The node grows (or shrinks) to a head, and says so."""


class Memory:
    """The database and the checker: keeps the progress that was committed."""

    def __init__(self) -> None:
        self.progress: list[ChainProgress] = []
        self.gone: set[Hash32] = set()
        self.blocks: list[int] = []
        self.known: set[tuple[BlockNumber, Hash32]] = set()

    async def coverage(self, _domain: DomainId) -> Coverage | None:
        return self.progress[-1].coverage if self.progress else None

    async def anchors(self, _domain: DomainId) -> list[tuple[BlockNumber, Hash32]]:
        anchors = [progress.anchor for progress in self.progress if progress.anchor is not None]
        return [(anchor.number, anchor.hash) for anchor in reversed(anchors)]

    async def nonce_hole(self, _domain: DomainId, above: int = 0) -> None:
        del above

    async def stored(self, _domain: DomainId, blocks: BlockRange) -> Stored:
        return Stored({place for place in self.known if blocks.first <= place[0] <= blocks.last})

    async def put(self, observation: Observation) -> "asyncio.Future[None]":
        if observation.progress is not None:
            self.progress.append(observation.progress)
        self.gone |= observation.gone
        self.blocks += [decoded.log.block_number for decoded in observation.logs]
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


class Later(Memory):
    """Commits what it is given after a while, in the order in which it came."""

    async def put(self, observation: Observation) -> "asyncio.Future[None]":
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def commit() -> None:
            if observation.progress is not None:
                self.progress.append(observation.progress)
            done.set_result(None)

        loop.call_soon(commit)
        return done


@asynccontextmanager
async def covering(
    node: Chain, memory: Memory, start: int | str = 1, others: Sequence[str] = (), **config: object
) -> AsyncIterator[tuple[Coverer, Announce]]:
    config |= {"endpoints": ["http://127.0.0.1:1", *others], "start_block": start}
    state = ChainState(ChainConfig.model_validate(CONFIG | config), SystemClock(), 60)
    async with http_node(posting(node.answer)) as url, open_endpoint(url) as endpoint:
        state.connected(endpoint)
        pool = EndpointPool(state.config, open_endpoint, state.clock, Random(1))  # noqa: S311 - spreads retries
        coverer = Coverer(state, endpoint, memory, memory, pool, 0)
        await coverer.begin()

        async def announce(head: int) -> None:
            node.head = head
            state.saw_head(await endpoint.head())

        yield coverer, announce


async def test_a_new_chain_is_covered_from_its_start_to_its_head() -> None:
    node, memory = Chain(2500), Memory()
    async with covering(node, memory, start=100) as (coverer, _):
        await coverer.cover(Aim.CONFIRM)
    assert node.ranges[0][0] == 100
    assert all(after[0] == before[1] + 1 for before, after in zip(node.ranges, node.ranges[1:], strict=False))
    assert memory.progress[-1].coverage.covered is not None
    assert (memory.progress[-1].coverage.covered.number, memory.progress[-1].coverage.checkpoint) == (2500, 2495)


async def test_latest_begins_with_the_head() -> None:
    node, memory = Chain(2500), Memory()
    async with covering(node, memory, start="latest") as (coverer, _):
        await coverer.cover(Aim.CONFIRM)
    assert node.ranges == [(2500, 2500)]


async def test_a_start_after_the_head_reads_nothing_yet() -> None:
    node, memory = Chain(10), Memory()
    async with covering(node, memory, start=11) as (coverer, announce):
        await coverer.cover(Aim.CONFIRM)
        assert (node.ranges, memory.progress) == ([], [])
        await announce(12)
        await coverer.cover(Aim.ADVANCE)
        assert node.ranges == [(11, 12)]


async def test_confirming_reads_again_from_the_checkpoint_and_advancing_only_what_is_new() -> None:
    node, memory = Chain(100), Memory()
    async with covering(node, memory) as (coverer, announce):
        await coverer.cover(Aim.CONFIRM)
        await announce(101)
        await coverer.cover(Aim.ADVANCE)
        await coverer.cover(Aim.CONFIRM)
    assert node.ranges[1:] == [(101, 101), (96, 101)]


class Watched(Memory):
    """Notes how many ranges are under way at once, and whether their readers rest."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0
        self.rested: set[bool] = set()
        self._under_way = 0

    async def stored(self, domain: DomainId, blocks: BlockRange) -> Stored:
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        self.rested.add(turns().rest > 0)
        return await super().stored(domain, blocks)

    async def put(self, observation: Observation) -> "asyncio.Future[None]":
        self._under_way -= observation.progress is not None
        return await super().put(observation)


async def test_history_is_read_in_haste_and_what_is_read_beside_pushes_one_range_at_a_time_with_rests() -> None:
    node, memory = Chain(20_000), Watched()
    async with covering(node, memory) as (coverer, announce):
        await coverer.begin()
        await coverer.cover(Aim.CONFIRM)
        history = (memory.most > 1, memory.rested)
        memory.most, memory.rested = 0, set()
        await announce(60_000)
        before = len(node.ranges)
        await coverer.cover(Aim.CONFIRM)
    assert history == (True, {False})
    assert len(node.ranges) > before + 2
    assert (memory.most, memory.rested) == (1, {True})


async def test_a_restart_goes_on_at_the_checkpoint() -> None:
    node, memory = Chain(100), Memory()
    async with covering(node, memory) as (coverer, _):
        await coverer.cover(Aim.CONFIRM)
    async with covering(node, memory) as (coverer, _):
        await coverer.cover(Aim.CONFIRM)
    assert node.ranges[-1] == (96, 100)


async def test_a_checkpoint_that_goes_back_while_the_endpoint_is_lost_is_where_the_next_one_goes_on() -> None:
    node, memory = Chain(100), Later()
    async with covering(node, memory) as (coverer, _):
        await coverer.cover(Aim.CONFIRM)
        end = memory.progress[-1].coverage
        rewound = ChainProgress(DomainId(1001), replace(end, checkpoint=BlockNumber(40)), replaced=BlockNumber(95))
        await memory.put(Observation(DomainId(1001), progress=rewound))
        await coverer.begin()
        await coverer.cover(Aim.ADVANCE)
        await coverer.cover(Aim.CONFIRM)
    assert node.ranges[-1] == (41, 100)


async def test_an_endpoint_that_lags_behind_what_is_covered_moves_nothing_back() -> None:
    node, memory = Chain(100), Memory()
    async with covering(node, memory) as (coverer, announce):
        await coverer.cover(Aim.CONFIRM)
        await announce(97)
        await coverer.cover(Aim.CONFIRM)
    assert memory.progress[-1].coverage.covered is not None
    assert memory.progress[-1].coverage.covered.number == 100


async def test_a_known_block_that_another_stands_in_place_of_is_told_gone() -> None:
    node, memory = Chain(100), Memory()
    async with covering(node, memory) as (coverer, _):
        await coverer.cover(Aim.CONFIRM)
        memory.known = {(BlockNumber(98), hash_at(98))}
        node.branch = dict.fromkeys(range(98, 101), 1)
        await coverer.cover(Aim.CONFIRM)
    assert memory.gone == {hash_at(98)}


async def test_words_that_nobody_understands_are_answered_with_smaller_ranges() -> None:
    node, memory = Chain(1000, most=60), Memory()
    async with covering(node, memory) as (coverer, _):
        await coverer.cover(Aim.CONFIRM)
    assert node.ranges[-1][1] == 1000


async def test_an_endpoint_that_refuses_even_one_block_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connext_monitor.monitoring.coverer._PATIENCE", 1)
    node, memory = Chain(10, most=0), Memory()
    async with covering(node, memory) as (coverer, _):
        with pytest.raises(EndpointUnavailable, match="too much for me"):
            await coverer.cover(Aim.CONFIRM)
    assert memory.progress == []


async def test_what_a_bloom_gave_away_does_not_spare_the_rest_the_look_before_it_is_final() -> None:
    hiding, memory = Chain(100, blooms={50, 98}), Memory()
    async with (
        http_node(posting(Chain(100, logs=[50, 98]).answer)) as witness,
        covering(hiding, memory, others=[witness]) as (coverer, announce),
    ):
        for head in range(97, 101):
            await announce(head)
        with pytest.raises(EndpointNotBelieved):
            await coverer.cover(Aim.CONFIRM)
    assert memory.progress[-1].coverage.checkpoint == 95
    assert sorted(memory.blocks) == [50, 98]


async def test_what_two_endpoints_disagree_on_is_covered_and_not_final() -> None:
    node, memory = Chain(100), Memory()
    other = Chain(100, branch=dict.fromkeys(range(60, 101), 1))
    async with (
        http_node(posting(other.answer)) as witness,
        covering(node, memory, others=[witness]) as (coverer, _),
    ):
        await coverer.cover(Aim.CONFIRM)
    reached = memory.progress[-1].coverage
    assert (reached.covered and reached.covered.number, reached.checkpoint) == (100, 0)


async def test_the_nonce_before_the_first_block_is_stored_with_the_first_range_only() -> None:
    node, memory = Chain(2500), Memory()
    async with covering(node, memory) as (coverer, _):
        await coverer.cover(Aim.CONFIRM)
    assert [progress.first_nonce for progress in memory.progress] == [7] + [None] * (len(memory.progress) - 1)


async def test_the_nonce_is_proven_only_where_the_head_is_confirmed() -> None:
    node, memory = Chain(2500), Memory()
    async with covering(node, memory) as (coverer, announce):
        await coverer.cover(Aim.CONFIRM)
        await announce(2501)
        await coverer.cover(Aim.ADVANCE)
    assert [progress.next_nonce for progress in memory.progress][-3:] == [None, 7, None]


async def test_a_nonce_that_the_endpoint_in_use_does_not_say_is_asked_of_another_one() -> None:
    node, memory, other = Chain(100, nonce=None, words="not on your plan"), Memory(), Chain(101, nonce=9)
    async with (
        http_node(posting(other.answer)) as url,
        covering(node, memory, others=[url]) as (coverer, announce),
    ):
        await coverer.cover(Aim.CONFIRM)
        await announce(101)
        await coverer.cover(Aim.CONFIRM)
        await coverer.cover(Aim.CONFIRM)
    assert [progress.next_nonce for progress in memory.progress if progress.next_nonce is not None] == [9]


@pytest.mark.parametrize("words", ["missing trie node", "Too Many Requests"])
async def test_a_node_without_old_states_or_patience_is_covered_all_the_same(words: str) -> None:
    node, memory = Chain(100, nonce=None, words=words), Memory()
    async with covering(node, memory) as (coverer, _):
        await coverer.cover(Aim.CONFIRM)
    assert (memory.progress[-1].first_nonce, memory.progress[-1].next_nonce) == (None, None)


async def test_a_nonce_before_the_watch_that_was_refused_for_the_rate_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("connext_monitor.monitoring.coverer._ASK_FIRST_NONCE_AGAIN", 0.0)
    node, memory = Chain(100, nonce=None, words="Too Many Requests"), Memory()
    async with covering(node, memory) as (coverer, announce):
        await coverer.cover(Aim.CONFIRM)
        node.nonce = 7
        for head in (101, 102, 103):
            await announce(head)
            await coverer.cover(Aim.CONFIRM)
    known = [(progress.first_nonce, progress.next_nonce) for progress in memory.progress]
    assert known[0] == (None, None)
    assert [first for first, _ in known if first is not None] == [7]
    assert known[-1][1] == 7 or known[-2][1] == 7


@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"code": -39001, "message": "unknown block"}},
        {"error": {"code": -32602, "message": "invalid block tag"}},
        {"error": {"code": -32601, "message": "the method does not exist"}},
        {"error": {"code": -32603, "message": "internal error"}},
        {"error": {"code": -32000, "message": "not available on your plan"}},
        {"error": {"code": 429, "message": "too many requests"}},
        {"result": None},
        {"result": "finalized"},
        {"result": {"number": "0x5"}},
        {},
    ],
    ids=str,
)
async def test_a_chain_whose_finality_tag_is_not_had_is_covered_and_nothing_of_it_final(answer: dict[str, Any]) -> None:
    class Tagless(Chain):
        def answer(self, request: dict[str, Any]) -> str:
            if request["params"][:1] == ["finalized"]:
                return json.dumps({"jsonrpc": "2.0", "id": request["id"]} | answer)
            return super().answer(request)

    node, memory = Tagless(100), Memory()
    async with covering(node, memory, finality="finalized") as (coverer, announce):
        await coverer.cover(Aim.CONFIRM)
        await announce(101)
        await coverer.cover(Aim.CONFIRM)
        why = coverer.state.sight().final_trouble
    reached = memory.progress[-1].coverage
    assert (reached.covered and reached.covered.number, reached.checkpoint) == (101, 0)
    assert why is not None
    assert why.startswith("127.0.0.1 ")


async def test_a_finality_tag_that_is_had_again_is_believed_again() -> None:
    class Tagging(Chain):
        def answer(self, request: dict[str, Any]) -> str:
            if request["params"][:1] == ["finalized"]:
                return result(request, self.block(40)) if self.head > 100 else error(request, -39001, "unknown block")
            return super().answer(request)

    node, memory = Tagging(100), Memory()
    async with covering(node, memory, finality="finalized") as (coverer, announce):
        await coverer.cover(Aim.CONFIRM, hinted=True)
        await announce(101)
        await coverer.cover(Aim.CONFIRM, hinted=True)
        assert coverer.state.sight().final_trouble is None
    assert memory.progress[-1].coverage.checkpoint == 40


@pytest.mark.parametrize(
    ("changes", "checkpoint"),
    [({"number": "0x2710"}, 0), ({"hash": "0x" + "ab" * 32}, 0), ({}, 100)],
    ids=["no such block", "another block", "one that came meanwhile"],
)
async def test_a_final_block_after_the_head_counts_where_the_endpoint_has_it(
    changes: dict[str, Any], checkpoint: int
) -> None:
    class Ahead(Chain):
        def answer(self, request: dict[str, Any]) -> str:
            if request["params"][:1] == ["finalized"]:
                self.head = 102
                return result(request, {**(self.block(102) or {}), **changes})
            return super().answer(request)

    node, memory = Ahead(100), Memory()
    async with covering(node, memory, finality="finalized") as (coverer, _):
        await coverer.cover(Aim.CONFIRM)
        why = coverer.state.sight().final_trouble
    reached = memory.progress[-1].coverage
    assert (reached.covered and reached.covered.number, reached.checkpoint) == (100, checkpoint)
    assert (why is None) == (checkpoint > 0), why


READABLE = xcalled_log(1).log


def readable(node: Chain) -> Chain:
    """Its logs hold an event."""
    node.log_changes = {"topics": [to_hex(topic) for topic in READABLE.topics], "data": to_hex(READABLE.data)}
    return node


async def test_a_chain_of_whose_logs_none_can_be_decoded_is_told_and_not_final_until_one_can() -> None:
    node, memory = Chain(100, logs=[50, 60]), Memory()
    async with covering(node, memory) as (coverer, announce):
        await coverer.cover(Aim.CONFIRM, hinted=True)
        state, told = coverer.state, coverer.state.sight().trouble
        assert (memory.progress[-1].coverage.checkpoint, state.undecodable.since is not None) == (49, True)
        assert told is not None
        assert told.startswith("127.0.0.1 gives logs of the contract that cannot be decoded: ")
        readable(node)
        await announce(101)
        await coverer.cover(Aim.CONFIRM, hinted=True)
        assert (memory.progress[-1].coverage.checkpoint, state.undecodable.since) == (96, None)
        assert state.sight().trouble is None


async def test_logs_that_another_endpoint_cannot_decode_either_are_what_the_chain_has() -> None:
    node, memory = Chain(100, logs=[50, 60]), Memory()
    async with (
        http_node(posting(Chain(100, logs=[50, 60]).answer)) as witness,
        covering(node, memory, others=[witness]) as (coverer, _),
    ):
        await coverer.cover(Aim.CONFIRM)
        assert (memory.progress[-1].coverage.checkpoint, coverer.state.undecodable.since) == (95, None)


async def test_an_endpoint_that_garbles_logs_is_left_for_one_that_does_not_at_once() -> None:
    node, memory = Chain(100, logs=[98]), Memory()
    async with (
        http_node(posting(readable(Chain(100, logs=[98])).answer)) as witness,
        covering(node, memory, others=[witness]) as (coverer, _),
    ):
        with pytest.raises(EndpointNotBelieved, match=r"left out logs that 127\.0\.0\.1 has"):
            await coverer.cover(Aim.CONFIRM)
    assert memory.blocks == [98, 98]


async def test_a_chain_is_covered_up_to_where_a_log_cannot_be_read() -> None:
    node, memory = Chain(100, logs=[60]), Memory()
    node.log_changes = {"logIndex": []}
    async with covering(node, memory) as (coverer, _):
        cover = asyncio.create_task(coverer.cover(Aim.CONFIRM))
        await until(lambda: bool(memory.progress) and memory.progress[-1].coverage.checkpoint > 40)
        assert memory.progress[-1].coverage.checkpoint < 60
        node.log_changes = {}
        await within_bound(cover)
    assert memory.progress[-1].coverage.covered is not None
    assert memory.progress[-1].coverage.covered.number == 100


async def test_a_removed_log_whose_block_stands_is_a_contradiction_and_one_whose_block_is_gone_is_none() -> None:
    node, memory = Chain(100, logs=[98]), Memory()
    node.log_changes = {"removed": True}
    async with covering(node, memory) as (coverer, _):
        cover = asyncio.create_task(coverer.cover(Aim.CONFIRM))
        await until(lambda: "says of a log of block 98 that it was removed" in str(coverer.state.trouble))
        node.log_changes |= {"blockHash": to_hex(hash_at(98, 1))}
        await within_bound(cover)
    assert (memory.blocks, memory.progress[-1].coverage.checkpoint) == ([], 95)


@given(
    st.integers(2, 10_000),
    st.none() | st.integers(1, 10**6),
    st.none() | st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
)
def test_a_span_shrinks_whatever_the_refusal_says(
    span: int, named: int | None, block_range: tuple[int, int] | None
) -> None:
    refusal = replace(Refusal(Reaction.RANGE, None, ""), max_blocks=named, block_range=block_range)
    assert 1 <= shrunk(span, refusal) < span
