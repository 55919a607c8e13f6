"""One pass over a chain's blocks, from the last ones covered up to the head: each range that is read is one commit."""

from dataclasses import dataclass
from functools import partial

from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import (
    BlockRange,
    Cover,
    Coverage,
    SettledBlocks,
    StoredRange,
    advance,
    first_unread,
    next_range,
)
from connext_monitor.core.events import BlockNumber, BlockRef, SeenLog
from connext_monitor.monitoring.anchors import Anchors
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.commits_under_way import CommitsUnderWay
from connext_monitor.monitoring.coverage_store import CoverageStore
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_pool import PooledEndpoint
from connext_monitor.monitoring.finality import Finality
from connext_monitor.monitoring.json_rpc import EndpointNotBelieved, EndpointUnavailable
from connext_monitor.monitoring.lineage import Lineage
from connext_monitor.monitoring.nonce_holes import NonceHoles
from connext_monitor.monitoring.observation import Observation, ObservationSink
from connext_monitor.monitoring.origin_nonces import OriginNonces
from connext_monitor.monitoring.pacer import Urgency
from connext_monitor.monitoring.range_reader import RangeReader, ReadRange
from connext_monitor.monitoring.read_ahead import ReadAhead
from connext_monitor.monitoring.second_look import BloomMemory, CheckedRange, Comparison, SecondLook
from connext_monitor.monitoring.unusable_answers import UnreadableAnswer
from connext_monitor.monitoring.witness import Witness
from connext_monitor.monitoring.yielding import BACKGROUND, FOREGROUND

_LIMITED = 0.05
"""Seconds between two requests, above which it is the endpoint's limit that reading history waits for."""


@dataclass(frozen=True, slots=True)
class _Target:
    """What a pass reads up to.

    ``final`` is the last block that may become final. Once the head is read, ``asks_nonce`` has its nonce asked for,
    and ``settles`` means that all blocks from the checkpoint to the head have been read.
    """

    head: Header
    final: BlockNumber
    asks_nonce: bool
    settles: bool


class CoverPass:
    """A pass through one endpoint.

    In step with the head nothing about it is urgent but what is pushed meanwhile; behind the head it is history, which
    is read as fast as may be and only when nobody else has a question.
    """

    def __init__(
        self,
        state: ChainState,
        endpoint: Endpoint,
        pooled: PooledEndpoint,
        store: CoverageStore,
        observations: ObservationSink,
        nonces: OriginNonces,
        blooms: BloomMemory,
    ) -> None:
        urgency = Urgency.USUAL if state.caught_up else Urgency.HISTORY
        endpoint = endpoint.at(urgency, BACKGROUND if state.caught_up else FOREGROUND)
        config = state.config
        self._state = state
        self._endpoint = endpoint
        self._pooled = pooled
        self._store = store
        self._observations = observations
        self._nonces = nonces
        self._reader = reader = RangeReader(endpoint, config.domain_id, config.contract, state.headers)
        self._lineage = lineage = Lineage(config, endpoint, state.headers, state.verified)
        self._witness = witness = Witness(config, pooled, urgency)
        self._second_look = SecondLook(config, endpoint, reader, witness, blooms)
        self._holes = NonceHoles(state, endpoint, pooled, reader, lineage, witness, store, observations)
        self._finality = Finality(state, endpoint, lineage)
        self._anchors = Anchors(state, endpoint, reader, lineage, witness, store, observations)

    async def run(self, cover: Cover, head: Header, *, asks_nonce: bool) -> None:
        """Cover up to ``head``; what was read before an error is stored.

        Raises Unsettled, PartialAnswer, LongRead, RpcRefused and EndpointUnavailable.
        """
        async with self._witness:
            target = await self._target(cover, head, asks_nonce=asks_nonce)
            following = partial(self._following, first_unread(self._state.begun, cover.aim), head.number)
            reading = ReadAhead(following, self._at_once, partial(self._read, target))
            async with CommitsUnderWay(self._state, self._observations, self._stored) as commits, reading as ranges:
                async for read in ranges:
                    self._pooled.answered(len(read.logs), len(read.blocks))
                    await self._take(read, target, commits)

    async def _target(self, cover: Cover, head: Header, *, asks_nonce: bool) -> _Target:
        final = None
        if cover.settles:
            await self._anchors.verify(head)
            final = await self._finality.below(head)
        if final is None:
            # Nothing new becomes final: blocks are only read again for longer.
            final = self._state.begun.checkpoint
        return _Target(head, final, asks_nonce, cover.settles)

    # Reading

    def _following(self, unread: BlockNumber, head: BlockNumber, begun: BlockRange | None) -> BlockRange | None:
        after = begun.last if begun else unread
        return next_range(self._state.begun, after, head, self._pooled.pace.span)

    def _at_once(self) -> int:
        # In step with the head there is no latency to hide, and what is pushed would wait behind it all. An endpoint
        # that limits us is not made quicker by being asked for more ranges: each only takes longer.
        alone = self._state.caught_up or self._endpoint.pacer.interval > _LIMITED
        return 1 if alone else self._pooled.pace.at_once

    async def _read(self, target: _Target, blocks: BlockRange) -> ReadRange:
        stored = await self._store.stored(self._state.config.domain_id, blocks)
        try:
            read = await self._reader.read(blocks, target.head, target.final, stored)
            await self._verify(read, stored)
        except EndpointNotBelieved:
            raise
        except (EndpointUnavailable, UnreadableAnswer):
            # Noted here, since whoever waits for it is cancelled when the same end reaches the subscriptions.
            # If something cannot be read, what comes before it still can.
            self._pooled.broke_off(len(blocks))
            raise
        return read

    async def _verify(self, read: ReadRange, stored: StoredRange) -> None:
        """Make sure that what was read is of our chain, the more so if it takes something back."""
        for number, block_hash in sorted(block for block in stored.blocks if block[1] in read.gone)[:1]:
            await self._lineage.confirm_gone(number, block_hash)
        await self._lineage.verify(read.end.hash)

    # Committing

    async def _take(self, read: ReadRange, target: _Target, commits: CommitsUnderWay) -> None:
        """Look at a range again if that is due, have it committed, and go on from there."""
        since = commits.reached
        checked, final = await self._look_again(read, target.final, since)
        reached = advance(since, read.blocks, read.end, final)
        at_head = read.end.number == target.head.number
        await self._nonces.ask_first()
        upcoming = None
        if target.asks_nonce and at_head and read.end.number > reached.start:
            # At the very head a node may answer from a newer state; one block below it does not.
            upcoming = await self._nonces.upcoming_after(BlockNumber(read.end.number - 1))
        anchor, settled = None, None
        if reached.checkpoint > since.checkpoint:
            anchor = await self._anchor(read, reached)
            becoming = BlockRange(BlockNumber(since.checkpoint + 1), reached.checkpoint)
            settled = SettledBlocks(becoming, checked.read.known)
        progress = ChainProgress(
            self._state.config.domain_id,
            reached,
            first_nonce=self._nonces.first,
            next_nonce=upcoming,
            anchor=anchor,
            whole=target.settles and at_head,
            settled=settled,
            since=since,
        )
        await self._commit(checked.read, progress, final, commits)
        if checked.found_at is not None:
            raise EndpointNotBelieved(self._endpoint.host, f"left out logs that {checked.found_at} has")
        if upcoming is not None:
            await commits.stored()
            await self._holes.close(upcoming)

    async def _look_again(
        self, read: ReadRange, final: BlockNumber, since: Coverage
    ) -> tuple[CheckedRange, BlockNumber]:
        """The range after all second looks that are due, and the last block that may become final after them."""
        checked = await self._second_look.at_claims(read)
        if self._witness.exists and (last := min(final, read.end.number)) >= read.blocks.first:
            checked = checked.then(await self._second_look.before_final(checked.read, last))
        if checked.comparison is Comparison.OTHER_CHAIN:
            final = since.checkpoint
        undecodable = self._state.undecodable
        if doubted := undecodable.unsettled(checked.read.logs):
            checked = checked.then(await self._second_look.at_undecodable(checked.read, doubted))
            # A witness that has added logs would agree with itself about them.
            if checked.comparison is Comparison.AGREED and checked.found_at is None:
                undecodable.agreed(doubted)
        unclear = undecodable.read(checked.read.blocks, checked.read.logs, self._endpoint.host)
        if raws := undecodable.to_look_up():
            undecodable.seen_before = await self._store.malformed_since(self._state.config.domain_id, raws)
        return checked, final if unclear is None else min(final, BlockNumber(unclear - 1))

    async def _anchor(self, read: ReadRange, reached: Coverage) -> BlockRef:
        """The block of the new checkpoint."""
        at_hand = self._reader.canonical(read.end.hash, reached.checkpoint)
        header = next((header for header in at_hand if header.number == reached.checkpoint), None)
        if header is None:
            header = await self._reader.header_at(reached.checkpoint)
            await self._lineage.verify(header.hash)
        return header.ref

    async def _vouches(self, final: BlockNumber, log: SeenLog) -> bool:
        """See `SecondLook.vouches`; where nothing can be known yet, its block is read again with the next head."""
        vouched = await self._second_look.vouches(log, final=final)
        self._state.looks_again |= vouched is None
        return vouched is True

    async def _commit(
        self, read: ReadRange, progress: ChainProgress, final: BlockNumber, commits: CommitsUnderWay
    ) -> None:
        vouch = partial(self._vouches, final)
        observation = Observation(progress.domain, read.logs, read.malformed, read.gone, progress, vouch=vouch)
        await commits.put(observation, progress)
        if self._state.caught_up:
            # In step with the head, what comes next is to start from what is stored.
            await commits.stored()

    def _stored(self, progress: ChainProgress) -> None:
        if progress.first_nonce is not None:
            self._nonces.first = None
        self._state.lost_history.got_on()
        self._state.reached(progress.coverage)
        self._state.works()
