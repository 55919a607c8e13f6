"""Covers a chain's blocks from one endpoint: the next ranges, until the head is reached, each range one commit."""

import asyncio
from functools import partial
from typing import Protocol

import structlog

from connext_monitor.core.coverage import (
    Aim,
    BlockRange,
    Coverage,
    Stored,
    advance,
    begin,
    first_unread,
    next_range,
    skip_to,
)
from connext_monitor.core.events import BlockNumber, BlockRef, DomainId
from connext_monitor.core.range_pace import RangeRetry
from connext_monitor.core.recording import ChainProgress
from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.anchors import Anchors, AnchorStore
from connext_monitor.monitoring.any_endpoint import AnyEndpoint, Unanswered, prove
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_pool import EndpointPool
from connext_monitor.monitoring.finality import Finality
from connext_monitor.monitoring.json_rpc import EndpointNotBelieved, EndpointUnavailable, RpcRefused
from connext_monitor.monitoring.lineage import Lineage
from connext_monitor.monitoring.lost_history import oldest_readable
from connext_monitor.monitoring.nonce_call import ask_nonce, nonce_after
from connext_monitor.monitoring.nonce_holes import HoleStore, NonceHoles
from connext_monitor.monitoring.observation import Observation, ObservationQueue, Vouch, record
from connext_monitor.monitoring.pacer import Urgency, asked_as
from connext_monitor.monitoring.range_reader import (
    LongRead,
    PartialAnswer,
    RangeReader,
    ReadRange,
    UnreadableAnswer,
    Unsettled,
)
from connext_monitor.monitoring.read_ahead import ReadAhead
from connext_monitor.monitoring.second_look import CheckedRange, Comparison, SecondLook
from connext_monitor.monitoring.turns import unhurried
from connext_monitor.monitoring.witness import Witness

_PATIENCE = 6
"""How often in a row an endpoint may ask to be asked again before it is given up."""
_PATIENCE_BESIDE_OTHERS = 2
_FIRST_PAUSE = 0.25
_LONGEST_ASKED = 60.0
"""Seconds for which an endpoint in use may have us wait."""
_LIMITED = 0.05
"""Seconds between two requests, above which an endpoint's limit is what reading history takes its time from."""
_TRIES_OF_FIRST_NONCE, _ASK_FIRST_NONCE_AGAIN = 6, 10.0
"""How often, and after how many seconds, the nonce before the watch is asked for where the endpoint is too busy."""
_SECOND_LOOKS_EVERY = 300.0
"""Seconds between two second looks at blocks about to count as final, once the chain is caught up."""

log = structlog.get_logger()


def patience(pool: EndpointPool, place: int) -> int:
    """How often in a row the endpoint at this place may ask to be asked again."""
    return _PATIENCE_BESIDE_OTHERS if pool.others(place) else _PATIENCE


def pause_after(error: Exception, failures: int) -> float:
    """Seconds to wait before the next try: longer after each failure in a row, and as long as the endpoint asks."""
    asked = error.retry_after if isinstance(error, RpcRefused) else None
    return max(_FIRST_PAUSE * 2.0**failures, min(asked or 0.0, _LONGEST_ASKED))


class CoverageStore(HoleStore, AnchorStore, Protocol):
    """What covering reads from the database."""

    async def coverage(self, domain: DomainId) -> Coverage | None:
        """How far the chain has been read."""
        ...

    async def stored(self, domain: DomainId, blocks: BlockRange) -> Stored:
        """What is stored of these blocks."""
        ...


class Coverer:
    """Covers one chain from one endpoint, for as long as that endpoint is in use."""

    def __init__(
        self,
        state: ChainState,
        endpoint: Endpoint,
        store: CoverageStore,
        observations: ObservationQueue,
        pool: EndpointPool,
        place: int,
    ) -> None:
        self._state = state
        self._config = state.config
        self._endpoint = endpoint
        self._store = store
        self._observations = observations
        self._pool = pool
        self._place = place
        self._reader = RangeReader(endpoint, self._config.domain_id, self._config.contract, state.headers)
        self._lineage = Lineage(self._config, endpoint, state.headers, state.borne_out)
        self._witness = Witness(self._config, pool, place)
        self._second_look = SecondLook(self._config, endpoint, self._reader, self._witness)
        self._holes = NonceHoles(
            state, endpoint, pool, place, self._reader, self._lineage, self._witness, store, observations
        )
        self._finality = Finality(state, endpoint, self._lineage)
        self._anchors = Anchors(state, endpoint, self._lineage, self._witness, store, observations)
        self._any_endpoint = AnyEndpoint(state, pool)
        self._settled_at = -_SECOND_LOOKS_EVERY
        self._confirmed = 0
        self._first_nonce: int | None = None
        self._first_nonce_tries = _TRIES_OF_FIRST_NONCE
        self._first_nonce_again_at = 0.0
        self._last_nonce: int | None = None

    @property
    def state(self) -> ChainState:
        """The live state of the chain that it covers."""
        return self._state

    async def begin(self) -> None:
        """Take up where the database stands, or begin at the configured block."""
        # What was queued before an endpoint was given up may move the checkpoint, back even: it is committed first.
        await record(self._observations, Observation(self._config.domain_id))
        stored = await self._store.coverage(self._config.domain_id)
        if stored is None:
            start = self._config.start_block
            first = (await self._endpoint.head()).number if start == "latest" else BlockNumber(start)
            stored = begin(first)
            self._first_nonce = 0
            if first > 0:
                self._first_nonce = None
                self._state.first_nonce_after = BlockNumber(first - 1)
                await self._ask_first_nonce()
            await self._lineage.confirm()
        self._state.coverage = stored

    async def cover(self, aim: Aim, *, hinted: bool = False) -> None:
        """Cover up to the head; ``hinted``: something says that there was a reorg.

        Raises EndpointUnavailable where the endpoint cannot serve it.
        """
        settles = aim is Aim.CONFIRM and (hinted or self._settling_due())
        failures = 0
        while True:
            reached = self._state.coverage
            try:
                if failures:
                    # The head that was covered up to may be what the endpoint does not have (any more).
                    self._state.saw_head(await self._endpoint.head())
                # In step with the head nothing of it is urgent but what is pushed meanwhile.
                urgency = Urgency.USUAL if self._state.caught_up else Urgency.HISTORY
                with unhurried(self._state.caught_up), asked_as(urgency):
                    async with self._witness:
                        await self._cover_to_head(aim, settles=settles)
                self._state.caught_up = True
                self._confirmed += aim is Aim.CONFIRM
                self._settled_at = self._state.clock.monotonic() if settles else self._settled_at
                return
            except LongRead as error:
                pace = self._pool.paces[self._place]
                self._pool.paces[self._place] = pace.after_long_read(pace.span, error.blocks)
            except (Unsettled, PartialAnswer, RpcRefused) as error:
                failures = failures + 1 if self._state.coverage == reached else 1
                await self._bear(error, failures)

    def _settling_due(self) -> bool:
        """Whether the next confirming cover is to look at what is final: that costs requests, so not each one does."""
        if self._witness.exists:
            return self._state.clock.monotonic() - self._settled_at >= _SECOND_LOOKS_EVERY
        return self._confirmed % 2 == 0

    async def _cover_to_head(self, aim: Aim, *, settles: bool) -> None:
        head = self._state.head
        if head is None:
            head = await self._endpoint.head()
            self._state.saw_head(head)
        if settles:
            await self._anchors.verify()
        final = await self._finality.below(head) if settles else None
        if final is None:
            # Nothing new counts as final: blocks are only read again for longer.
            final = self._coverage().checkpoint
        unread = first_unread(self._coverage(), aim)

        def following(begun: BlockRange | None) -> BlockRange | None:
            after = begun.last if begun else unread
            return next_range(self._coverage(), after, head.number, self._pool.paces[self._place].span)

        async def read(blocks: BlockRange) -> ReadRange:
            stored = await self._store.stored(self._config.domain_id, blocks)
            try:
                one = await self._reader.read(blocks, head, final, stored)
                await self._bear_out(one, stored)
                return one
            except EndpointNotBelieved:
                raise
            except (EndpointUnavailable, UnreadableAnswer):
                # Noted here, since whoever waits for it is cancelled when the same end reaches the subscriptions.
                # Where something cannot be read, what stands before it still can.
                self._pool.paces[self._place] = self._pool.paces[self._place].after_silence(len(blocks))
                raise

        def at_once() -> int:
            # In step with the head there is no latency to hide, and what is pushed would wait behind it all. An
            # endpoint that limits us is no quicker for being asked for more ranges: each only takes longer.
            alone = self._state.caught_up or self._endpoint.pacer.interval > _LIMITED
            return 1 if alone else self._pool.paces[self._place].at_once

        async with ReadAhead(following, at_once, read) as ranges:
            async for one in ranges:
                self._pool.answered(self._place, len(one.logs), len(one.blocks))
                ask_nonce = aim is Aim.CONFIRM and self._confirmed % 2 == 0 and one.end.number == head.number
                await self._take(one, final, ask_nonce=ask_nonce, whole=settles and one.end.number == head.number)

    async def _bear_out(self, read: ReadRange, stored: Stored) -> None:
        """Make sure that what was read is of our chain, the more so where it takes something back."""
        for number, block_hash in sorted(place for place in stored.places if place[1] in read.gone)[:1]:
            await self._lineage.confirm_gone(number, block_hash)
        await self._lineage.bear_out(read.end.hash, again=self._state.caught_up)

    async def _take(self, read: ReadRange, final: BlockNumber, *, ask_nonce: bool, whole: bool) -> None:
        """Look at a range once more where that is due, and have it committed."""
        looked, final = await self._look_again(read, final)
        reached = advance(self._coverage(), read.blocks, read.end, final)
        nonce = None
        await self._ask_first_nonce()
        # What is given next proves nothing before it is known, or known not to be had, where the watch begins.
        if ask_nonce and self._state.first_nonce_after is None and read.end.number > reached.start:
            # At the very head a node may answer from a newer state; one block below it does not.
            nonce = await self._nonce_at_head(BlockNumber(read.end.number - 1))
            await self._bear_out_nonce(nonce)
        anchor = await self._anchor(read, reached) if reached.checkpoint > self._coverage().checkpoint else None
        domain = self._config.domain_id
        progress = ChainProgress(domain, reached, self._first_nonce, nonce, anchor, whole=whole)
        await self._commit(looked.read, progress, partial(self._second_look.vouches, final=final))
        self._pool.lost_history.got_on()
        self._first_nonce = None
        self._state.reached(reached)
        self._state.works()
        self._believe(looked.found_at)
        if nonce is not None:
            await self._holes.close(nonce)

    async def _bear_out_nonce(self, nonce: int | None) -> None:
        """Make sure that a nonce which is new is our chain's: a larger one would be missed for ever."""
        if nonce is not None and nonce != self._last_nonce:
            await self._lineage.confirm()
            self._last_nonce = nonce

    async def _look_again(self, read: ReadRange, final: BlockNumber) -> tuple[CheckedRange, BlockNumber]:
        """The range after all second looks that are due, and the last block that may count as final after them."""
        looked = await self._second_look.at_claims(read)
        if self._witness.exists and (last := min(final, read.end.number)) >= read.blocks.first:
            looked = looked.then(await self._second_look.before_final(looked.read, last))
        if looked.comparison is Comparison.OTHER_CHAIN:
            final = self._coverage().checkpoint
        undecodable = self._state.undecodable
        if doubted := undecodable.unsettled(looked.read.logs):
            looked = looked.then(await self._second_look.at_undecodable(looked.read, doubted))
            if looked.comparison is Comparison.AGREED:
                undecodable.agreed(doubted)
        unclear = undecodable.read(looked.read.logs, self._endpoint.host)
        return looked, final if unclear is None else min(final, BlockNumber(unclear - 1))

    async def _nonce(self, block: BlockNumber) -> int | None:
        """As `nonce_after`; None too where too much is asked: covering goes on, and it is asked at a later cover."""
        try:
            return await nonce_after(self._endpoint, self._config, block)
        except RpcRefused:
            return None

    async def _nonce_at_head(self, block: BlockNumber) -> int | None:
        """What ``nonce()`` says after a block; None where no endpoint says it, which is to be told."""
        covered = self._state.covered

        async def ask(endpoint: Endpoint) -> int | None:
            if endpoint is not self._endpoint and covered is not None:
                await prove(endpoint, covered)
            return await ask_nonce(endpoint, self._config, block)

        try:
            nonce = await self._any_endpoint.ask(ask)
        except Unanswered as error:
            self._state.nonce_not_said(str(error))
            return None
        self._state.nonce_not_said(None)
        return nonce

    async def _ask_first_nonce(self) -> None:
        """Ask for the nonce before the first watched block, again at later covers where too much was asked."""
        block, now = self._state.first_nonce_after, self._state.clock.monotonic()
        if block is None or now < self._first_nonce_again_at or self._first_nonce_tries == 0:
            return
        self._first_nonce_tries -= 1
        self._first_nonce_again_at = now + _ASK_FIRST_NONCE_AGAIN
        try:
            first = await nonce_after(self._endpoint, self._config, block, none_yet=0)
            await self._lineage.confirm()
            self._first_nonce = first
        except RpcRefused:
            if self._first_nonce_tries:
                return
        self._state.first_nonce_after = None

    async def _anchor(self, read: ReadRange, reached: Coverage) -> BlockRef:
        """The block of the new checkpoint."""
        at_hand = self._reader.canonical(read.end.hash, reached.checkpoint)
        header = next((header for header in at_hand if header.number == reached.checkpoint), None)
        if header is None:
            header = await self._reader.header_at(reached.checkpoint)
            await self._lineage.bear_out(header.hash)
        return header.ref

    def _believe(self, found_at: str | None) -> None:
        """Give up an endpoint that left out what another one has; what it left out has been committed."""
        if found_at is not None:
            raise EndpointNotBelieved(self._endpoint.host, f"left out logs that {found_at} has")

    async def _commit(self, read: ReadRange, progress: ChainProgress, vouch: Vouch) -> None:
        observation = Observation(progress.domain, read.logs, read.malformed, read.gone, progress, vouch=vouch)
        await record(self._observations, observation)

    async def _bear(self, error: Unsettled | PartialAnswer | RpcRefused, failures: int) -> None:
        """Do what helps, and return to try again; raise EndpointUnavailable where patience ends."""
        words = error.words if isinstance(error, RpcRefused) else str(error)
        if isinstance(error, UnreadableAnswer):
            await self._keep(error)
        refusal = error.refusal if isinstance(error, RpcRefused) else None
        if refusal is not None and refusal.reaction is Reaction.PRUNED and await self._leave_behind(words):
            return
        if isinstance(error, RpcRefused) and self._pool.refused(self._place, error) is RangeRetry.SMALLER:
            log.debug("range.shrunk", chain=self._config.name, blocks=self._pool.paces[self._place].span, reason=words)
            return
        if failures > patience(self._pool, self._place) or self._is_hopeless(error):
            kind = EndpointNotBelieved if isinstance(error, PartialAnswer) else EndpointUnavailable
            asked = error.retry_after if isinstance(error, RpcRefused) else None
            raise kind(self._endpoint.host, words, asked)
        self._state.trouble = f"{self._endpoint.host} {words}"
        pause = pause_after(error, failures)
        log.debug("cover.waits", chain=self._config.name, seconds=pause, reason=words)
        await asyncio.sleep(pause)

    def _is_hopeless(self, error: Exception) -> bool:
        """Whether nothing is to be had by waiting here: it is not offered, or it is not offered soon and elsewhere."""
        if not isinstance(error, RpcRefused):
            return False
        soon = not error.refusal.exhausted and (error.retry_after or 0.0) <= _LONGEST_ASKED
        return error.refusal.reaction is Reaction.UNSUPPORTED or (not soon and bool(self._pool.others(self._place)))

    async def _keep(self, answer: UnreadableAnswer) -> None:
        """Record what could be read of an answer as if it had been pushed, and the rest for inspection."""
        await self._lineage.confirm()
        domain = self._config.domain_id
        await record(self._observations, Observation(domain, logs=answer.logs, malformed=answer.malformed))

    async def _leave_behind(self, words: str) -> bool:
        """Go on behind blocks that no endpoint has any more; False where they are there after all.

        Raises EndpointUnavailable while another may have them, or this one again.
        """
        head = self._state.head or await self._endpoint.head()
        first = BlockNumber(self._coverage().checkpoint + 1)
        oldest = None
        if first <= head.number:
            blocks = BlockRange(first, head.number)
            oldest = await oldest_readable(self._endpoint, self._config.contract, blocks)
        if oldest == first:
            self._pool.lost_history.got_on()
            return False
        oldest = self._pool.lost_history.lost_before(self._place, oldest) if oldest is not None else None
        if oldest is None:
            raise EndpointUnavailable(self._endpoint.host, words)
        await self._lineage.confirm()
        skipped = skip_to(self._coverage(), oldest)
        unread = BlockRange(first, BlockNumber(oldest - 1))
        progress = ChainProgress(self._config.domain_id, skipped, self._first_nonce, unread=unread)
        await record(self._observations, Observation(self._config.domain_id, progress=progress))
        self._first_nonce = None
        self._state.reached(skipped)
        return True

    def _coverage(self) -> Coverage:
        if self._state.coverage is None:
            raise RuntimeError("covering begins with begin()")
        return self._state.coverage
