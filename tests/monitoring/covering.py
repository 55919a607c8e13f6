"""A coverer, or a whole observer, on loopback nodes with a made-up chain, and a database in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from math import inf
from random import Random
from typing import Any, Protocol

from connext_monitor.clock import SystemClock
from connext_monitor.config import ChainConfig
from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import (
    Aim,
    BlockRange,
    Cover,
    Coverage,
    CoverageMoved,
    RecordedMeanwhile,
    StoredRange,
    follows,
)
from connext_monitor.core.events import BlockNumber, DomainId, EventKind, Hash32, TransferId
from connext_monitor.monitoring.chain_data import to_hex
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.cover_requests import CoverRequests
from connext_monitor.monitoring.coverage_store import CoverageStore
from connext_monitor.monitoring.coverer import Coverer
from connext_monitor.monitoring.endpoint import Endpoint, open_endpoint
from connext_monitor.monitoring.endpoint_pool import EndpointPool
from connext_monitor.monitoring.intervals import USUAL, Intervals
from connext_monitor.monitoring.observation import Observation, ObservationSink
from connext_monitor.monitoring.observation_parts import CommitPart, read_observation
from connext_monitor.monitoring.observer import Observer
from tests.monitoring.made_up_chain import CONFIG, Chain
from tests.monitoring.made_up_logs import xcalled_raw
from tests.monitoring.nodes import http_client, http_node, posting, result
from tests.world.clocks import ManualClock

Announce = Callable[[int], Awaitable[None]]
"""The node grows (or shrinks) to a head, and says so."""


class Kept(CoverageStore, ObservationSink, Protocol):
    """What a coverer reads from and commits to."""


class Memory:
    """The database and the checker: keeps what was committed. Held to the real ones by `test_memory`."""

    def __init__(self) -> None:
        self.progress: list[ChainProgress] = []
        self._anchors: dict[BlockNumber, Hash32] = {}
        self.gone: set[Hash32] = set()
        self.blocks: list[int] = []
        self._standing: set[tuple[BlockNumber, Hash32]] = set()
        self._events: set[tuple[Hash32, EventKind, TransferId]] = set()

    async def coverage(self, _domain: DomainId) -> Coverage | None:
        return self.progress[-1].coverage if self.progress else None

    async def anchors(self, _domain: DomainId, most: int = 256) -> list[tuple[BlockNumber, Hash32]]:
        return sorted(self._anchors.items(), reverse=True)[:most]

    async def nonce_hole(self, _domain: DomainId, above: int = 0) -> None:
        del above

    async def malformed_since(self, _domain: DomainId, _raws: Collection[bytes]) -> None:
        """Nothing is kept of logs that cannot be read."""

    async def stored(self, _domain: DomainId, blocks: BlockRange) -> StoredRange:
        standing = {block for block in self._standing if blocks.first <= block[0] <= blocks.last}
        hashes = {block_hash for _, block_hash in standing}
        return StoredRange(standing, {event for event in self._events if event[0] in hashes})

    async def put(self, observation: Observation) -> "asyncio.Future[None]":
        part = await read_observation(observation)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            self._refuse(part.progress)
        except (CoverageMoved, RecordedMeanwhile) as refused:
            done.set_exception(refused)
            done.exception()  # as the queue does, where nobody waits
            return done
        self._keep(part)
        self.gone |= observation.gone
        self.blocks += [decoded.log.block_number for decoded in observation.logs]
        done.set_result(None)
        return done

    def _refuse(self, progress: ChainProgress | None) -> None:
        if progress is None:
            return
        stands = self.progress[-1].coverage if self.progress else None
        if progress.since is not None and not follows(stands, progress.since):
            raise CoverageMoved("it stands elsewhere")
        settled = progress.settled
        if settled is not None:
            blocks = settled.blocks
            standing = {block for block in self._standing if blocks.first <= block[0] <= blocks.last}
            if standing - settled.known:
                raise RecordedMeanwhile("something was recorded meanwhile")

    def _keep(self, part: CommitPart) -> None:
        gone = {block_hash for _, block_hash in part.change.gone}
        self._standing = {block for block in self._standing if block[1] not in gone}
        self._events = {event for event in self._events if event[0] not in gone}
        proven = [bad.delivery.sighting.block for bad in part.unreadable if bad.delivery is not None]
        of_bridge = [record.block for record in part.change.bridge]
        of_transfers = [record.sighting.block for record in part.change.seen]
        self._standing |= {(block.number, block.hash) for block in [*proven, *of_bridge, *of_transfers]}
        for record in part.change.seen:
            self._events.add((record.sighting.block.hash, record.event.kind, record.event.transfer_id))
        if part.progress is not None:
            self._move(part.progress)

    def _move(self, progress: ChainProgress) -> None:
        self.progress.append(progress)
        if progress.replaced is not None:
            stand = progress.coverage.checkpoint
            self._anchors = {number: anchor for number, anchor in self._anchors.items() if number <= stand}
        if progress.unread is not None:
            self._anchors.clear()
        if progress.anchor is not None:
            self._anchors[progress.anchor.number] = progress.anchor.hash


class Covering(Coverer):
    """A coverer that is told when to cover."""

    async def cover_for(self, aim: Aim, *, hinted: bool = False) -> None:
        """Cover as if `next_action` had said so; ``hinted``: because of a hint of a reorg."""
        await self.cover(Cover(aim, settles=aim is Aim.CONFIRM and (hinted or self.settling_due)))


@asynccontextmanager
async def covering(
    node: Chain,
    memory: Kept,
    start: int | str = 1,
    others: Sequence[str] = (),
    intervals: Intervals = USUAL,
    endpoint_type: type[Endpoint] = Endpoint,
    **config: object,
) -> AsyncIterator[tuple[Covering, Announce]]:
    config |= {"endpoints": ["http://127.0.0.1:1", *others], "start_block": start}
    state = ChainState(ChainConfig.model_validate(CONFIG | config), SystemClock(), 60, intervals.loss)
    pool = EndpointPool(state.config, open_endpoint, state.clock, Random(1))  # noqa: S311 - spreads retries
    pooled = pool.endpoints[0]
    async with http_node(posting(node.answer)) as url, http_client(url) as client:
        endpoint = endpoint_type(client)
        state.connected(endpoint, pooled)
        requests = CoverRequests(state, intervals.calm)
        coverer = Covering(state, endpoint, pooled, memory, memory, requests, intervals)
        await coverer.begin()

        async def announce(head: int) -> None:
            node.head = head
            state.saw_head(await endpoint.head())

        yield coverer, announce


class Whole(Chain):
    """As `Chain`, and answers what is asked of a new endpoint."""

    chain_id = 31337
    code = "0x60"

    def answer(self, request: dict[str, Any]) -> str:
        match request["method"]:
            case "eth_chainId":
                return result(request, hex(self.chain_id))
            case "eth_getCode":
                return result(request, self.code)
            case _:
                return super().answer(request)


@asynccontextmanager
async def observing(
    *urls: str,
    start: int | str = 1,
    patience: float = 60,
    block_time: str = "PT1S",
    intervals: Intervals = USUAL,
    store_works_for: Callable[[], float] = lambda: inf,
) -> AsyncIterator[tuple[Observer, Memory]]:
    changed = {"start_block": start, "endpoints": list(urls), "block_time": block_time}
    config = ChainConfig.model_validate(CONFIG | changed)
    memory = Memory()
    clock, random = SystemClock(), Random(1)  # noqa: S311 - spreads retries
    observer = Observer(
        config, patience, open_endpoint, memory, memory, clock, random, intervals, store_works_for=store_works_for
    )
    running = asyncio.create_task(observer.run())
    try:
        yield observer, memory
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def covered(observer: Observer) -> int:
    return observer.state.covered.number if observer.state.covered else -1


READABLE = xcalled_raw(1)


def readable(node: Chain) -> Chain:
    """Its logs hold an event."""
    node.log_changes = {"topics": [to_hex(topic) for topic in READABLE.topics], "data": to_hex(READABLE.data)}
    return node


def manual_clock(at: float = 0.0) -> ManualClock:
    """A clock that a test moves, from this instant (Unix seconds)."""
    return ManualClock(datetime.fromtimestamp(at, UTC))
