"""An endpoint some of whose answers are another chain's: nothing of that is recorded, whoever asked for it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from connext_monitor.clock import SystemClock
from connext_monitor.config import ChainConfig
from connext_monitor.core.coverage import Aim, BlockRange, NonceHole
from connext_monitor.core.events import BlockNumber, DomainId, Timestamp
from connext_monitor.monitoring.backfill import Backfill
from connext_monitor.monitoring.chain_queries import Unanswered
from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.endpoint_pool import EndpointPool
from connext_monitor.monitoring.intervals import Intervals
from connext_monitor.monitoring.json_rpc import EndpointUnavailable
from connext_monitor.monitoring.lost_history import oldest_readable
from connext_monitor.monitoring.observation import Observation
from tests.monitoring.covering import Memory, Whole, covering, readable
from tests.monitoring.made_up_chain import CONFIG, CONTRACT, Chain, hash_at
from tests.monitoring.nodes import error, http_node, posting
from tests.monitoring.querying import TRANSFER, Answering, querying

QUICK = Intervals(retry=0.001, first_nonce=0.0)


class Misrouted(Whole):
    """From a request for logs ``when`` that is said on, until it is asked for its chain id, another chain answers.

    Whatever stands there has other blocks, and says another nonce.
    """

    when: Callable[[dict[str, Any]], bool] = staticmethod(lambda _filter: True)

    def answer(self, request: dict[str, Any]) -> str:
        if request["method"] == "eth_getLogs" and self.when(request["params"][0]):
            self.branch = dict.fromkeys(range(1000), 1)
        elif request["method"] == "eth_chainId":
            self.branch = {}
        return super().answer(request)


class Hashes(Memory):
    """Notes from which blocks anything was recorded, and what a backfill has read."""

    def __init__(self) -> None:
        super().__init__()
        self.hashes: list[bytes] = []
        self.read: list[BlockRange] = []

    async def put(self, observation: Observation) -> "asyncio.Future[None]":
        self.hashes += [decoded.log.block_hash for decoded in observation.logs]
        self.read += [observation.history] if observation.history else []
        return await super().put(observation)

    async def backfilled(self, _domain: DomainId) -> list[BlockRange]:
        return self.read


class Saying(Chain):
    """Says these nonces first, each once, as another chain does."""

    says: Iterator[int] = iter(())

    def answer(self, request: dict[str, Any]) -> str:
        ours = self.nonce
        if request["method"] == "eth_call":
            self.nonce = next(self.says, ours)
        answer, self.nonce = super().answer(request), ours
        return answer


async def test_a_first_nonce_that_another_chain_says_is_not_stored() -> None:
    node, memory = Saying(100), Memory()
    node.says = iter([900])
    async with covering(node, memory, intervals=QUICK) as (coverer, _):
        await coverer.cover_for(Aim.CONFIRM)
    assert [progress.first_nonce for progress in memory.progress if progress.first_nonce is not None] == [7]


async def test_an_upcoming_nonce_that_another_chain_says_is_not_stored() -> None:
    node, memory = Saying(100), Memory()
    async with covering(node, memory, intervals=QUICK) as (coverer, announce):
        await coverer.cover_for(Aim.CONFIRM)
        node.says, node.nonce = iter([900]), 8
        for head in (101, 102, 103, 104):
            await announce(head)
            await coverer.cover_for(Aim.CONFIRM)
    assert {progress.next_nonce for progress in memory.progress} == {None, 7, 8}


async def test_events_that_another_chain_shows_are_not_recorded() -> None:
    class Elsewhere(Misrouted, Answering):
        pass

    node = Elsewhere(120, logs=[90])
    async with querying(node) as (queries, checker, _):
        with pytest.raises(Unanswered, match="no longer has block"):
            await queries.fetch_events(TRANSFER, Timestamp(0))
    assert checker.blocks == []


async def test_what_another_chain_shows_beside_unreadable_logs_is_not_recorded() -> None:
    class Garbling(Misrouted):
        def log(self, number: int) -> dict[str, Any]:
            return super().log(number) | ({"logIndex": []} if number == 60 else {})

    node, memory = readable(Garbling(100, logs=[60, 61])), Hashes()
    async with covering(node, memory, intervals=QUICK) as (coverer, _):
        with suppress(EndpointUnavailable):
            await coverer.cover_for(Aim.CONFIRM)
    assert memory.hashes == []


async def test_no_hole_is_filled_with_what_another_chain_shows() -> None:
    class Holed(Hashes):
        async def nonce_hole(self, _domain: DomainId, above: int = 0) -> NonceHole | None:  # type: ignore[override]
            return None if above > 3 or self.hashes else NonceHole(3, 4, BlockRange(BlockNumber(40), BlockNumber(50)))

    node, memory = Misrouted(100), Holed()
    readable(node)
    node.when = lambda criteria: criteria["fromBlock"] == hex(40)
    async with covering(node, memory, intervals=QUICK) as (coverer, _):
        node.at_logs = lambda: node.logs.append(45) if not node.logs else None
        with suppress(EndpointUnavailable):
            await coverer.cover_for(Aim.CONFIRM)
    assert memory.hashes == []


async def test_a_backfill_records_nothing_of_another_chain() -> None:
    node, memory, times = Misrouted(100, logs=[15]), Hashes(), iter([True])
    readable(node)
    node.when = lambda _criteria: next(times, False)
    said: list[str] = []
    async with http_node(posting(node.answer)) as url:
        config = ChainConfig.model_validate(CONFIG | {"endpoints": [url]})
        pool = EndpointPool(config, open_endpoint, SystemClock(), Random(1))  # noqa: S311 - spreads retries
        backfill = Backfill(config, pool, memory, memory, SystemClock(), lambda _: None, said.append)
        await backfill.run(BlockRange(BlockNumber(10), BlockNumber(20)))
    assert memory.hashes == [hash_at(15)]
    assert "no longer has block" in said[0]


async def test_what_another_chain_has_lost_is_not_lost_here() -> None:
    class Pruned(Whole):
        counted = 0

        def answer(self, request: dict[str, Any]) -> str:
            if request["method"] == "eth_getLogs":
                self.counted += 1
                oldest = 90 if self.counted % 3 == 0 else 40
                if int(request["params"][0]["fromBlock"], 16) < oldest:
                    return error(request, -32000, "missing trie node")
            return super().answer(request)

    node = Pruned(100)
    async with http_node(posting(node.answer)) as url, open_endpoint(url) as endpoint:
        for _ in range(6):
            assert await oldest_readable(endpoint, CONTRACT, BlockRange(BlockNumber(1), BlockNumber(100))) == 40
