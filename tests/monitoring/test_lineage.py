"""An endpoint that is routed to another chain while it is in use: what it says there is not believed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from connext_monitor.config import ChainConfig
from connext_monitor.core.coverage import Aim
from connext_monitor.core.events import BlockNumber, DomainId, Hash32, Timestamp
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.header_cache import HeaderCache
from connext_monitor.monitoring.intervals import Intervals
from connext_monitor.monitoring.json_rpc import EndpointNotBelieved, EndpointUnavailable
from connext_monitor.monitoring.lineage import Lineage, VerifiedBlocks
from connext_monitor.monitoring.unusable_answers import Unsettled
from tests.monitoring.covering import Memory, covering
from tests.monitoring.made_up_chain import CONFIG, GENESIS_TIME, Chain, hash_at
from tests.monitoring.made_up_logs import seen_in
from tests.monitoring.nodes import http_node, posting, result


class Routed(Chain):
    """Chain 31337, or while ``elsewhere`` is set, for each request by itself, what stands there."""

    elsewhere: Callable[[dict[str, Any]], bool] = staticmethod(lambda _request: False)

    def __init__(self, head: int, other: "Chain | None" = None) -> None:
        super().__init__(head)
        self.other = other or Chain(head + 7, branch=dict.fromkeys(range(100_000), 1))
        self.asked: list[str] = []

    def answer(self, request: dict[str, Any]) -> str:
        self.asked.append(request["method"])
        if not self.elsewhere(request):
            return super().answer(request)
        return result(request, "0x63") if request["method"] == "eth_chainId" else self.other.answer(request)


def always(_request: dict[str, Any]) -> bool:
    return True


ROUTES: dict[str, Callable[[int], bool]] = {
    "everything": lambda _count: True,
    "all but every third request": lambda count: count % 3 != 0,
    "every second request": lambda count: count % 2 == 0,
    "one of three": lambda count: count % 3 == 0,
    "three, then three not": lambda count: count // 3 % 2 == 0,
}


def by_count(rule: Callable[[int], bool]) -> Callable[[dict[str, Any]], bool]:
    """From a rule for the number of a request to one for the request."""
    counted = -1

    def elsewhere(_request: dict[str, Any]) -> bool:
        nonlocal counted
        counted += 1
        return rule(counted)

    return elsewhere


QUICK = Intervals(retry=0.001)


@pytest.mark.parametrize("aim", [Aim.CONFIRM, Aim.ADVANCE])
@pytest.mark.parametrize("rule", ROUTES)
@pytest.mark.parametrize("hinted", [True, False])
async def test_nothing_is_taken_back_or_covered_on_another_chain_s_word(aim: Aim, rule: str, hinted: bool) -> None:
    node, memory = Routed(100), Memory()
    async with covering(node, memory, intervals=QUICK) as (coverer, announce):
        await coverer.cover_for(Aim.CONFIRM)
        await memory.put(seen_in(BlockNumber(98), hash_at(98)))
        covered = len(memory.progress)
        await announce(101)
        node.elsewhere = by_count(ROUTES[rule])
        for _ in range(5):
            try:
                await coverer.cover_for(aim, hinted=hinted)
            except EndpointUnavailable:
                break
    assert memory.gone == set()
    for progress in memory.progress[covered:]:
        assert progress.replaced is None
        assert progress.coverage.covered is not None
        assert progress.coverage.covered.hash == hash_at(progress.coverage.covered.number)


async def test_after_a_reconnect_another_chain_s_head_is_not_covered() -> None:
    node, memory = Routed(100), Memory()
    async with covering(node, memory, intervals=QUICK) as (coverer, _):
        await coverer.cover_for(Aim.CONFIRM)
    async with covering(node, memory, intervals=QUICK) as (coverer, announce):
        node.other.head = 107
        node.elsewhere = lambda request: request["params"][:1] in (["latest"], [hex(107)])
        await announce(110)
        with suppress(EndpointUnavailable):
            await coverer.cover_for(Aim.CONFIRM, hinted=True)
    assert {p.coverage.covered.hash for p in memory.progress if p.coverage.covered} == {hash_at(100)}


async def test_after_a_reconnect_no_history_of_another_chain_is_covered() -> None:
    node, memory = Routed(100, Chain(90_000, branch=dict.fromkeys(range(100_000), 1))), Memory()
    async with covering(node, memory, intervals=QUICK) as (coverer, _):
        await coverer.cover_for(Aim.CONFIRM)
    async with covering(node, memory, intervals=QUICK) as (coverer, announce):
        node.elsewhere = lambda request: request["method"] in ("eth_getBlockByNumber", "eth_getLogs")
        await announce(90_000)
        with pytest.raises(EndpointUnavailable, match="no longer has block"):
            await coverer.cover_for(Aim.CONFIRM)
    assert {p.coverage.covered.hash for p in memory.progress if p.coverage.covered} == {hash_at(100)}


async def test_no_block_of_another_chain_is_kept_as_final() -> None:
    node, memory = Routed(100), Memory()
    async with covering(node, memory, intervals=QUICK) as (coverer, announce):
        await coverer.cover_for(Aim.CONFIRM)
        await announce(110)
        node.elsewhere = lambda request: request["params"][:1] == [hex(105)]
        with suppress(EndpointUnavailable):
            await coverer.cover_for(Aim.CONFIRM, hinted=True)
        assert "eth_getBlockByNumber" in node.asked
        assert await memory.anchors(DomainId(1001)) == [(95, hash_at(95))]
        node.elsewhere = lambda _request: False
        await coverer.cover_for(Aim.CONFIRM, hinted=True)
    assert (await memory.anchors(DomainId(1001)))[0] == (105, hash_at(105))


async def test_what_another_chain_calls_final_makes_nothing_final() -> None:
    node, memory = Routed(100), Memory()
    node.lag, node.other.lag, node.other.head = 5, 0, 108
    async with covering(node, memory, intervals=QUICK, finality="finalized") as (coverer, announce):
        await coverer.cover_for(Aim.CONFIRM)
        await announce(110)
        node.elsewhere = lambda request: request["params"][:1] == ["finalized"]
        with suppress(EndpointUnavailable):
            await coverer.cover_for(Aim.CONFIRM, hinted=True)
        assert memory.progress[-1].coverage.checkpoint == 95
        node.elsewhere = lambda _request: False
        await coverer.cover_for(Aim.CONFIRM, hinted=True)
    assert memory.progress[-1].coverage.checkpoint == 105


async def test_the_endpoint_is_not_believed_and_what_it_said_there_moves_nothing() -> None:
    node, memory = Routed(100, Chain(90_000, branch=dict.fromkeys(range(100_000), 1))), Memory()
    async with covering(node, memory, intervals=QUICK) as (coverer, announce):
        await coverer.cover_for(Aim.CONFIRM)
        covered = memory.progress[-1].coverage
        node.elsewhere = always
        node.other.head = 90_000
        await announce(90_000)
        with pytest.raises(EndpointNotBelieved, match="now serves chain id 99"):
            await coverer.cover_for(Aim.CONFIRM)
        with pytest.raises(EndpointNotBelieved, match="now serves chain id 99"):
            await coverer.cover_for(Aim.ADVANCE)
        node.elsewhere = lambda _request: False
        await announce(101)
        await coverer.cover_for(Aim.CONFIRM)
    assert memory.progress[-2].coverage == covered
    assert memory.progress[-1].coverage.covered is not None
    assert memory.progress[-1].coverage.covered.number == 101


async def test_a_chain_is_not_begun_at_another_chain_s_head() -> None:
    node, memory = Routed(100), Memory()
    node.elsewhere = lambda request: request["method"] != "eth_chainId" or len(node.asked) > 1
    with pytest.raises(EndpointNotBelieved):
        async with covering(node, memory, start="latest"):
            pass
    assert memory.progress == []
    node.elsewhere = lambda request: request["params"][:1] == ["latest"]
    with pytest.raises(EndpointUnavailable, match="no longer has block"):
        async with covering(node, memory, start="latest"):
            pass


async def test_another_chain_s_count_of_nonces_is_not_stored() -> None:
    node, memory = Routed(100), Memory()
    node.other.nonce = 999
    async with covering(node, memory, intervals=QUICK) as (coverer, announce):
        await coverer.cover_for(Aim.CONFIRM)
        await announce(101)
        node.elsewhere = lambda request: request["method"] in ("eth_call", "eth_chainId") and "eth_call" in node.asked
        node.asked.clear()
        await coverer.cover_for(Aim.CONFIRM)
        with pytest.raises(EndpointNotBelieved):
            await coverer.cover_for(Aim.CONFIRM)
    assert {progress.next_nonce for progress in memory.progress} <= {None, 7}


# Blocks


def header(number: int, parent: Hash32 | None = None) -> Header:
    time = Timestamp(GENESIS_TIME + number)
    return Header(BlockNumber(number), hash_at(number), parent or hash_at(number - 1), time, None)


@asynccontextmanager
async def lineage(node: Routed) -> AsyncIterator[tuple[Lineage, HeaderCache]]:
    cache = HeaderCache()
    async with http_node(posting(node.answer)) as url, open_endpoint(url) as endpoint:
        yield Lineage(ChainConfig.model_validate(CONFIG), endpoint, cache, VerifiedBlocks()), cache


async def test_blocks_leading_back_to_a_known_one_need_no_question() -> None:
    node = Routed(100)
    async with lineage(node) as (known, cache):
        await known.verify(hash_at(10))
        node.asked.clear()
        for number in range(11, 90):
            cache.add(header(number))
        await known.verify(hash_at(89))
        assert node.asked == []
        await known.verify(hash_at(95))
        assert node.asked == ["eth_chainId", "eth_getBlockByHash", "eth_getBlockByHash"]


async def test_parents_that_go_round_in_circles_lead_nowhere() -> None:
    node = Routed(100)
    async with lineage(node) as (known, cache):
        cache.add(header(20, parent=hash_at(20)))
        cache.add(header(30, parent=hash_at(31)))
        cache.add(header(31, parent=hash_at(30)))
        async with asyncio.timeout(60):
            for number in (20, 30, 31):
                await known.verify(hash_at(number))
        assert node.asked == ["eth_chainId", "eth_getBlockByHash", "eth_getBlockByHash"] * 2


async def test_a_block_that_the_endpoint_no_longer_has_is_not_verified() -> None:
    node = Routed(100)
    async with lineage(node) as (known, _):
        with pytest.raises(Unsettled, match="no longer has block"):
            await known.verify(hash_at(50, 1))


async def test_a_block_is_gone_only_where_another_one_stands_each_time() -> None:
    node = Routed(100)
    node.branch = {50: 1}
    async with lineage(node) as (known, _):
        await known.confirm_gone(BlockNumber(50), hash_at(50))
        with pytest.raises(Unsettled, match="contradicts itself"):
            await known.confirm_gone(BlockNumber(60), hash_at(60))
