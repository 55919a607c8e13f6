"""Covers a chain's blocks from one endpoint: the next range, until the head is reached, each range one commit."""

import asyncio
from typing import Protocol

import structlog

from connext_monitor.core.calls import NONCE_CALL, MalformedAnswer, read_uint
from connext_monitor.core.coverage import (
    Aim,
    BlockRange,
    Coverage,
    advance,
    begin,
    final_by_depth,
    first_unread,
    next_range,
)
from connext_monitor.core.events import BlockNumber, DomainId, Hash32
from connext_monitor.core.recording import ChainProgress
from connext_monitor.core.rpc_refusal import Reaction, Refusal
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.json_rpc import EndpointUnavailable, RpcRefused
from connext_monitor.monitoring.observation import Observation
from connext_monitor.monitoring.range_reader import PartialAnswer, RangeReader, ReadRange, Unsettled

_FIRST_SPAN = 1_000
_LARGEST_SPAN = 10_000
_PATIENCE = 6
"""How often in a row an endpoint may ask to be asked again before another one is tried."""
_MAX_NONCE = 2**63

log = structlog.get_logger()


class CoverageStore(Protocol):
    """What covering reads from the database."""

    async def coverage(self, domain: DomainId) -> Coverage | None:
        """How far the chain has been read."""
        ...

    async def places(self, domain: DomainId, first: BlockNumber, last: BlockNumber) -> set[tuple[BlockNumber, Hash32]]:
        """The blocks from ``first`` to ``last`` that stored events stand in."""
        ...


class Checker(Protocol):
    """Who records what is seen."""

    async def put(self, observation: Observation) -> asyncio.Future[None]:
        """Queue it; the future is done once it is committed."""
        ...


class Coverer:
    """Covers one chain from one endpoint, for as long as that endpoint is in use."""

    def __init__(self, state: ChainState, endpoint: Endpoint, store: CoverageStore, checker: Checker) -> None:
        self._state = state
        self._config = state.config
        self._endpoint = endpoint
        self._store = store
        self._checker = checker
        self._reader = RangeReader(endpoint, self._config.contract, state.headers)
        self._span = _FIRST_SPAN
        self._first_nonce: int | None = None

    async def begin(self) -> None:
        """Take up where the database stands, or begin at the configured block."""
        stored = await self._store.coverage(self._config.domain_id)
        if stored is None:
            start = self._config.start_block
            first = (await self._endpoint.head()).number if start == "latest" else BlockNumber(start)
            stored = begin(first)
            self._first_nonce = await self._nonce_after(BlockNumber(first - 1), none_yet=0) if first > 0 else 0
        self._state.coverage = stored

    async def cover(self, aim: Aim) -> None:
        """Cover up to the head. Raises EndpointUnavailable where the endpoint cannot serve it."""
        failures = 0
        while True:
            reached = self._state.coverage
            try:
                await self._cover_to_head(aim)
                self._state.caught_up = True
                return
            except (Unsettled, PartialAnswer, RpcRefused) as error:
                failures = failures + 1 if self._state.coverage == reached else 1
                await self._bear(error, failures)

    async def _cover_to_head(self, aim: Aim) -> None:
        coverage = self._coverage()
        head = self._state.head
        if head is None:
            head = await self._endpoint.head()
            self._state.saw_head(head)
        # Only a confirming cover can move the checkpoint, so only it need know what is final.
        final = await self._final(head) if aim is Aim.CONFIRM else coverage.checkpoint
        after = first_unread(coverage, aim)
        while blocks := next_range(self._coverage(), after, head.number, self._span):
            await self._cover_range(blocks, head, final, aim)
            after = blocks.last
            self._span = min(_LARGEST_SPAN, self._span + self._span // 4 + 1)

    async def _cover_range(self, blocks: BlockRange, head: Header, final: BlockNumber, aim: Aim) -> None:
        domain = self._config.domain_id
        known = await self._store.places(domain, blocks.first, blocks.last)
        read = await self._reader.read(blocks, head, final, known)
        reached = advance(self._coverage(), blocks, read.end, final)
        nonce = None
        if aim is Aim.CONFIRM and blocks.last == head.number and blocks.last > reached.start:
            # At the very head a node may answer from a newer state; one block below it does not.
            nonce = await self._nonce_after(BlockNumber(blocks.last - 1))
        progress = ChainProgress(domain, reached, self._first_nonce, nonce)
        await self._commit(read, progress)
        self._first_nonce = None
        self._state.reached(reached)

    async def _commit(self, read: ReadRange, progress: ChainProgress) -> None:
        observation = Observation(progress.domain, read.logs, read.malformed, read.gone, progress)
        await (await self._checker.put(observation))

    async def _final(self, head: Header) -> BlockNumber:
        finality = self._config.finality
        if isinstance(finality, int):
            return final_by_depth(head.number, finality)
        tagged = await self._endpoint.header(finality)
        # Without the tag nothing new counts as final: blocks are only read again for longer.
        return min(tagged.number, head.number) if tagged else self._coverage().checkpoint

    async def _nonce_after(self, block: BlockNumber, none_yet: int | None = None) -> int | None:
        """What ``nonce()`` says after a block; None where the endpoint cannot say (an old state, for one).

        ``none_yet`` where no contract stands at that block.
        """
        try:
            answer = await self._endpoint.call(self._config.contract, NONCE_CALL, block)
            if not answer:
                return none_yet
            nonce = read_uint(answer)
        except (RpcRefused, MalformedAnswer) as error:
            log.debug("nonce.not_known", chain=self._config.name, block=block, reason=str(error))
            return None
        return nonce if nonce < _MAX_NONCE else None

    async def _bear(self, error: Unsettled | PartialAnswer | RpcRefused, failures: int) -> None:
        """Do what helps, and return to try again; raise EndpointUnavailable where patience ends."""
        words = error.words if isinstance(error, RpcRefused) else str(error)
        refusal = error.refusal if isinstance(error, RpcRefused) else None
        if refusal is not None and refusal.reaction in (Reaction.RANGE, Reaction.OTHER) and self._span > 1:
            self._span = shrunk(self._span, refusal)
            log.debug("range.shrunk", chain=self._config.name, blocks=self._span, reason=words)
            return
        if failures > _PATIENCE or (refusal is not None and refusal.reaction is Reaction.UNSUPPORTED):
            raise EndpointUnavailable(self._endpoint.host, words)
        pause = 0.25 * 2**failures
        if isinstance(error, RpcRefused) and error.retry_after is not None:
            pause = max(pause, min(error.retry_after, 60.0))
        log.debug("cover.waits", chain=self._config.name, seconds=pause, reason=words)
        await asyncio.sleep(pause)
        # The head that was covered up to may be what the endpoint does not have (any more).
        self._state.saw_head(await self._endpoint.head())

    def _coverage(self) -> Coverage:
        if self._state.coverage is None:
            raise RuntimeError("covering begins with begin()")
        return self._state.coverage


def shrunk(span: int, refusal: Refusal) -> int:
    """The next span, in blocks, after one of ``span`` was refused: what the text names, if it is less, else half."""
    named = refusal.max_blocks
    if named is None and refusal.block_range is not None:
        first, last = refusal.block_range
        named = last - first + 1
    return named if named is not None and 0 < named < span else max(1, span // 2)
