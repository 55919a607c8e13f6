"""Backfilling from endpoints that leave out, refuse and fall silent: what was not read is never called read."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from connext_monitor.clock import SystemClock
from connext_monitor.config import load_config
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.events import BlockNumber, DomainId
from connext_monitor.monitoring.backfill import Backfill, HistoryReport, NoProgressError
from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.endpoint_pool import EndpointPool
from connext_monitor.monitoring.observation import Committed
from connext_monitor.monitoring.observation_queue import ObservationQueue
from connext_monitor.monitoring.transfer_checker import TransferChecker
from connext_monitor.store.store import Store
from scripts.devnet import Devnet
from tests.e2e.monitor import Setup, write_config
from tests.faults.faults import Empty, RangeLimit
from tests.faults.hooks import Json, refusal
from tests.faults.proxy import Proxy
from tests.world.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

FINALITY = 5
TRANSFERS = 3


class _Nobody:
    def committed(self, news: Committed) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Reading:
    """A backfill of alpha's first transfers, and its database."""

    backfill: Backfill
    store: Store
    blocks: BlockRange
    domain: DomainId
    seen: list[int]
    said: list[str]

    async def run(self) -> HistoryReport:
        """To its end."""
        return await self.backfill.run(self.blocks)

    async def unread(self) -> int:
        """How many of the blocks are not kept as read."""
        return len(self.blocks) - sum(map(len, await self.store.chains.backfilled(self.domain)))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def blocks(bridge: Devnet) -> BlockRange:
    alpha, beta, *_ = bridge.chains
    sent = [await bridge.xcall(alpha, beta) for _ in range(TRANSFERS)]
    await alpha.mine(FINALITY + 30)
    return BlockRange(BlockNumber(sent[0].block_number), BlockNumber(sent[-1].block_number + 25))


@asynccontextmanager
async def reading(
    bridge: Devnet, blocks: BlockRange, folder: Path, *urls: str, of: str = "alpha", patience: float = 300.0
) -> AsyncIterator[Reading]:
    """With these endpoints of a chain; nothing is read yet."""
    file = folder / "config.toml"
    await write_config(Setup(bridge.chains, {}, endpoints={of: urls}, finality=FINALITY), folder)
    config = load_config(file, os.environ)
    chain, clock = config.chains[of], SystemClock()
    pool = EndpointPool(chain, open_endpoint, clock, Random(1))  # noqa: S311 - spreads retries
    store = await Store.open(config.monitor.database, {})
    queue = ObservationQueue()
    checker = TransferChecker(queue, store, lambda *_: None, _Nobody(), chain_labels(config), clock, lambda _: ())
    checking = asyncio.create_task(checker.run())
    seen: list[int] = []
    said: list[str] = []
    backfill = Backfill(chain, pool, store.chains, queue, clock, seen.append, said.append, patience)
    try:
        yield Reading(backfill, store, blocks, chain.domain_id, seen, said)
    finally:
        checking.cancel()
        await asyncio.gather(checking, return_exceptions=True)
        await store.close()


@pytest_asyncio.fixture(loop_scope="session")
async def endpoints(bridge: Devnet) -> AsyncIterator[Sequence[Proxy]]:
    """Two of alpha."""
    url = bridge.chain("alpha").http_url
    async with Proxy(url) as first, Proxy(url) as second:
        yield first, second


async def test_an_endpoint_that_leaves_transfers_out_is_never_believed_alone(
    bridge: Devnet, blocks: BlockRange, endpoints: Sequence[Proxy], tmp_path: Path
) -> None:
    await endpoints[0].apply(Empty())
    async with reading(bridge, blocks, tmp_path, endpoints[0].http_url, patience=0.5) as alone:
        with pytest.raises(NoProgressError, match=f"left out {TRANSFERS} of the {TRANSFERS} transfers"):
            await alone.run()
        assert await alone.unread() == len(blocks)
        host = endpoints[0].http_url.removeprefix("http://")
        assert alone.said[0].startswith(f"{host} left out {TRANSFERS} of the {TRANSFERS} transfers in blocks")


async def test_what_one_endpoint_leaves_out_is_taken_from_another(
    bridge: Devnet, blocks: BlockRange, endpoints: Sequence[Proxy], tmp_path: Path
) -> None:
    await endpoints[0].apply(Empty())
    async with reading(bridge, blocks, tmp_path, *(proxy.http_url for proxy in endpoints)) as both:
        report = await both.run()
        assert (report.begun, report.proven, await both.unread()) == (TRANSFERS, True, 0)


async def test_a_leg_without_a_nonce_is_taken_from_another_endpoint(
    bridge: Devnet, destination: Proxy, tmp_path: Path
) -> None:
    alpha, beta, *_ = bridge.chains
    block = await beta.head() + 1
    await bridge.execute_fast(await bridge.xcall(alpha, beta))
    await beta.mine(FINALITY)
    await destination.apply(Empty())
    blocks = BlockRange(BlockNumber(block), BlockNumber(block))
    async with reading(bridge, blocks, tmp_path, destination.http_url, beta.http_url, of="beta") as both:
        assert (await both.run()).logs == 1


@pytest.mark.parametrize("answer", [refusal(-32000, "missing trie node"), {"result": f"0x{99:064x}"}])
async def test_without_the_old_states_nothing_is_called_proven(
    bridge: Devnet, blocks: BlockRange, endpoints: Sequence[Proxy], tmp_path: Path, answer: Json
) -> None:
    def stateless(method: str, _params: list[Any]) -> Json | None:
        return answer if method == "eth_call" else None

    async with reading(bridge, blocks, tmp_path, endpoints[0].http_url) as history:
        with endpoints[0].ruled(stateless):
            report = await history.run()
    assert (report.begun, report.proven) == (TRANSFERS, False)


async def test_proof_refused_for_the_rate_is_asked_for_again(
    bridge: Devnet, blocks: BlockRange, endpoints: Sequence[Proxy], tmp_path: Path
) -> None:
    refusals = 2

    def busy(method: str, _params: list[Any]) -> Json | None:
        nonlocal refusals
        if method != "eth_call" or refusals == 0:
            return None
        refusals -= 1
        return refusal(429, "Too Many Requests")

    async with reading(bridge, blocks, tmp_path, endpoints[0].http_url) as history:
        with endpoints[0].ruled(busy):
            report = await history.run()
    assert (report.begun, report.proven, refusals) == (TRANSFERS, True, 0)


async def test_ranges_are_as_small_as_the_endpoint_wants_them(
    bridge: Devnet, blocks: BlockRange, endpoints: Sequence[Proxy], tmp_path: Path
) -> None:
    await endpoints[0].apply(RangeLimit("geth", 3))
    async with reading(bridge, blocks, tmp_path, endpoints[0].http_url) as history:
        report = await history.run()
        assert (report.begun, await history.unread()) == (TRANSFERS, 0)
        assert history.seen[-1] == len(blocks)


async def test_it_goes_on_where_it_was_cut_off(
    bridge: Devnet, blocks: BlockRange, endpoints: Sequence[Proxy], tmp_path: Path
) -> None:
    await endpoints[0].apply(RangeLimit("geth", 3))
    async with reading(bridge, blocks, tmp_path, endpoints[0].http_url) as first:
        running = asyncio.create_task(first.run())
        await until(lambda: any(first.seen))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert await first.unread() < len(blocks)
    async with reading(bridge, blocks, tmp_path, endpoints[0].http_url) as second:
        unread = await second.unread()
        report = await second.run()
        assert (report.read_before, report.blocks, await second.unread()) == (len(blocks) - unread, unread, 0)
