"""Reads blocks from before a chain's watch began, from whichever endpoint works; each range is one commit.

What has been read is kept in the database, so that a backfill goes on where it was cut off. It moves nothing that the
monitor itself covers.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from connext_monitor.clock import Clock
from connext_monitor.config import ChainConfig
from connext_monitor.core.coverage import BlockRange, Coverage, StoredRange, final_by_depth
from connext_monitor.core.decoding import XCALLED_TOPIC
from connext_monitor.core.endpoint_health import EndpointFailure
from connext_monitor.core.events import BlockNumber, DomainId, EventLog, PackedXCalled, SeenLog
from connext_monitor.core.history import joined, next_part, unread
from connext_monitor.core.range_pace import RangeRetry
from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.decoded_log import DecodedLog
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_pool import EndpointPool, PooledEndpoint
from connext_monitor.monitoring.header_cache import HeaderCache
from connext_monitor.monitoring.json_rpc import EndpointNotBelieved, EndpointUnavailable, RpcError, RpcRefused
from connext_monitor.monitoring.lineage import Lineage, VerifiedBlocks
from connext_monitor.monitoring.nonce_call import nonce_after
from connext_monitor.monitoring.observation import Observation, ObservationSink, record
from connext_monitor.monitoring.range_reader import RangeReader, ReadRange
from connext_monitor.monitoring.read_ahead import ReadAhead
from connext_monitor.monitoring.second_look import Comparison, SecondLook
from connext_monitor.monitoring.unusable_answers import LongRead, PartialAnswer, Unsettled
from connext_monitor.monitoring.witness import Witness

_PATIENCE = 300.0
"""Seconds without progress after which a backfill is given up."""
_LONGEST_RETRY_AFTER = 60.0
_XCALLED_TOPICS = 4


class HistoryStore(Protocol):
    """What a backfill reads from the database."""

    async def coverage(self, domain: DomainId) -> Coverage | None:
        """How far the monitor has read the chain."""
        ...

    async def backfilled(self, domain: DomainId) -> list[BlockRange]:
        """The blocks that backfills have read."""
        ...

    async def stored(self, domain: DomainId, blocks: BlockRange) -> StoredRange:
        """What is stored of these blocks."""
        ...


class NotFinalError(Exception):
    """The last block asked for may still be replaced; ``final`` is the last one that may not."""

    def __init__(self, final: BlockNumber) -> None:
        super().__init__(f"block {final} is the last one that is final")
        self.final = final


class NoProgressError(Exception):
    """Nothing could be read for minutes; the message says what went wrong at the endpoint that was tried last."""


@dataclass(slots=True)
class HistoryReport:
    """What a backfill has read: ``blocks`` now; ``read_before`` counts those that had been read before.

    ``logs`` of the contract's events, ``begun`` of them XCalled; ``proven`` says that the contract's own count of
    transfers agreed everywhere.
    """

    blocks: int = 0
    read_before: int = 0
    logs: int = 0
    begun: int = 0
    proven: bool = True


async def watched_from(config: ChainConfig, store: HistoryStore) -> BlockNumber | None:
    """The first block that the monitor itself reads; None if that is decided at its first start."""
    coverage = await store.coverage(config.domain_id)
    if coverage is not None:
        return coverage.start
    return None if config.start_block == "latest" else BlockNumber(config.start_block)


class Backfill:
    """Backfills blocks of one chain.

    ``progressed`` is called with how many blocks have been read, ``interrupted`` with why an endpoint is left.
    """

    def __init__(
        self,
        config: ChainConfig,
        pool: EndpointPool,
        store: HistoryStore,
        observations: ObservationSink,
        clock: Clock,
        progressed: Callable[[int], None],
        interrupted: Callable[[str], None],
        patience: float = _PATIENCE,
    ) -> None:
        self._config = config
        self._pool = pool
        self._store = store
        self._observations = observations
        self._clock = clock
        self._progressed = progressed
        self._interrupted = interrupted
        self._patience = patience
        self._report = HistoryReport()
        self._headers = HeaderCache()

    async def run(self, blocks: BlockRange) -> HistoryReport:
        """Read all of ``blocks`` that has not been read yet. Raises NotFinalError and NoProgressError."""
        self._report.read_before = len(blocks) - sum(map(len, await self._unread(blocks)))
        self._progressed(self._report.read_before)
        progressed_at = self._clock.monotonic()
        while parts := await self._unread(blocks):
            chosen = self._pool.choose()
            await asyncio.sleep(chosen.wait)
            before = self._report.blocks
            reason = await self._try(chosen.endpoint, parts)
            if self._report.blocks > before:
                progressed_at = self._clock.monotonic()
            if reason is not None and self._clock.monotonic() - progressed_at > self._patience:
                raise NoProgressError(reason)
        return self._report

    async def _unread(self, blocks: BlockRange) -> list[BlockRange]:
        read: Collection[BlockRange] = await self._store.backfilled(self._config.domain_id)
        return unread(blocks, joined(read))

    async def _try(self, pooled: PooledEndpoint, parts: Sequence[BlockRange]) -> str | None:
        """Read with one endpoint for as long as it serves; returns why it no longer does, None if all has been read."""
        before = self._report.blocks
        try:
            async with pooled.open(again=True) as endpoint, Witness(self._config, pooled) as witness:
                session = _Session(self._config, pooled, endpoint, witness, self._store, self._headers)
                await session.read(parts, self._take)
            return None
        except LongRead as error:
            pooled.read_too_long(error.blocks)
            return None
        except (RpcError, Unsettled, PartialAnswer) as error:
            if isinstance(error, RpcRefused) and pooled.refused(error) is RangeRetry.SMALLER:
                return None
            ended_by = error
        if isinstance(ended_by, RpcRefused) and ended_by.refusal.reaction is Reaction.RATE:
            await asyncio.sleep(min(ended_by.retry_after or 0.0, _LONGEST_RETRY_AFTER))
        reason = str(ended_by) if isinstance(ended_by, RpcError) else f"{pooled.host} {ended_by}"
        self._interrupted(reason)
        distrusted = isinstance(ended_by, EndpointNotBelieved | PartialAnswer)
        failure = EndpointFailure.NOT_BELIEVED if distrusted else EndpointFailure.FAILED
        pooled.ended(failure, progressed=self._report.blocks > before)
        return reason

    async def _take(self, read: ReadRange, *, proven: bool) -> None:
        observation = Observation(self._config.domain_id, read.logs, read.malformed, read.gone, history=read.blocks)
        await record(self._observations, observation)
        report = self._report
        report.blocks += len(read.blocks)
        report.logs += len(read.logs)
        report.proven = report.proven and proven
        report.begun += _nonces(read.logs)
        self._progressed(report.read_before + report.blocks)


class _Take(Protocol):
    async def __call__(self, read: ReadRange, *, proven: bool) -> None: ...


class _Session:
    """Reading from one endpoint, until it fails or all is read."""

    def __init__(
        self,
        config: ChainConfig,
        pooled: PooledEndpoint,
        endpoint: Endpoint,
        witness: Witness,
        store: HistoryStore,
        headers: HeaderCache,
    ) -> None:
        self._config = config
        self._pooled = pooled
        self._endpoint = endpoint
        self._store = store
        self._reader = RangeReader(endpoint, config.domain_id, config.contract, headers)
        self._lineage = Lineage(config, endpoint, headers, VerifiedBlocks())
        self._second_look = SecondLook(config, endpoint, self._reader, witness)
        self._nonce: tuple[BlockNumber, int | None] | None = None

    async def read(self, parts: Sequence[BlockRange], take: _Take) -> None:
        """Hand every range of ``parts`` to ``take``, in order, once it can be believed.

        Raises NotFinalError, Unsettled, PartialAnswer and what the endpoint raises.
        """
        head = await self._endpoint.head()
        final = await self._final(head)
        if parts[-1].last > final:
            raise NotFinalError(final)

        async def read(blocks: BlockRange) -> ReadRange:
            stored = await self._store.stored(self._config.domain_id, blocks)
            try:
                return await self._reader.read(blocks, head, final, stored)
            except EndpointUnavailable:
                self._pooled.broke_off(len(blocks))
                raise

        def following(begun: BlockRange | None) -> BlockRange | None:
            return next_part(parts, begun, self._pooled.pace.span)

        async with ReadAhead(following, lambda: self._pooled.pace.at_once, read) as ranges:
            async for read_range in ranges:
                self._pooled.answered(len(read_range.logs), len(read_range.blocks))
                await self._believe(read_range, take)

    async def _believe(self, read: ReadRange, take: _Take) -> None:
        """Have other endpoints and the contract's own count confirm a range, and hand it on."""
        checked = await self._second_look.before_final(read, read.blocks.last)
        if checked.comparison is Comparison.OTHER_CHAIN:
            raise EndpointNotBelieved(
                self._endpoint.host, f"has a different block {read.end.number} from another endpoint's"
            )
        assigned = await self._assigned_in(read.blocks)
        seen = _nonces(checked.read.logs)
        if assigned is not None and seen < assigned:
            raise PartialAnswer(
                f"left out {assigned - seen} of the {assigned} transfers "
                f"in blocks {read.blocks.first} to {read.blocks.last}"
            )
        await self._lineage.verify_all([read.end.hash, *(decoded.block.hash for decoded in checked.read.logs)])
        # More than the contract counts: the endpoint answers for old blocks from a newer state, which proves nothing.
        await take(checked.read, proven=assigned == seen)
        if checked.found_at is not None:
            raise EndpointNotBelieved(self._endpoint.host, f"left out logs that {checked.found_at} has")

    async def _assigned_in(self, blocks: BlockRange) -> int | None:
        """How many nonces the contract assigned in these blocks; None if the endpoint cannot say."""
        first = BlockNumber(blocks.first - 1)
        if self._nonce is None or self._nonce[0] != first:
            self._nonce = (first, 0 if first < 0 else await nonce_after(self._endpoint, self._config, first, 0))
        before = self._nonce[1]
        after = None if before is None else await nonce_after(self._endpoint, self._config, blocks.last, 0)
        self._nonce = (blocks.last, after)
        return None if before is None or after is None else max(0, after - before)

    async def _final(self, head: Header) -> BlockNumber:
        finality = self._config.finality
        if isinstance(finality, int):
            return final_by_depth(head.number, finality)
        try:
            tagged = await self._endpoint.header(finality)
        except RpcRefused as error:
            raise Unsettled(f"does not say which block is {finality}: it {error.words}") from error
        if tagged is None:
            raise Unsettled(f"does not say which block is {finality}")
        return min(tagged.number, head.number)


def _nonces(logs: Sequence[DecodedLog]) -> int:
    """How many different nonces stand in the XCalled logs among these."""
    return len({_nonce(decoded.log) for decoded in logs} - {None})


def _nonce(log: SeenLog) -> int | None:
    if isinstance(log, EventLog):
        return log.event.nonce if isinstance(log.event, PackedXCalled) else None
    is_xcalled = len(log.topics) == _XCALLED_TOPICS and log.topics[0] == XCALLED_TOPIC
    return int.from_bytes(log.topics[2], "big") if is_xcalled else None
