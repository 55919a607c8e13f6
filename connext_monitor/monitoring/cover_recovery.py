"""What to do after a cover failed: ask for less, wait, leave lost blocks behind, or give the endpoint up."""

import asyncio

import structlog

from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import BlockRange, skip_to
from connext_monitor.core.events import BlockNumber
from connext_monitor.core.range_pace import RangeRetry
from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_pool import PooledEndpoint
from connext_monitor.monitoring.json_rpc import EndpointNotBelieved, EndpointUnavailable, RpcRefused
from connext_monitor.monitoring.lineage import Lineage
from connext_monitor.monitoring.lost_history import oldest_readable
from connext_monitor.monitoring.observation import Observation, ObservationSink, record
from connext_monitor.monitoring.origin_nonces import OriginNonces
from connext_monitor.monitoring.unusable_answers import PartialAnswer, UnreadableAnswer, Unsettled

_TRIES, _TRIES_BESIDE_OTHERS = 6, 2
"""How often in a row an endpoint may ask to be asked again before it is given up."""
_LONGEST_RETRY_AFTER = 60.0
"""Seconds for which an endpoint in use may have us wait."""

CoverError = Unsettled | PartialAnswer | RpcRefused
"""What can break a cover off and leave the endpoint in use."""

log = structlog.get_logger()


def tries_of(pooled: PooledEndpoint) -> int:
    """How often in a row an endpoint may ask to be asked again."""
    return _TRIES_BESIDE_OTHERS if pooled.others() else _TRIES


def pause_after(error: Exception, failures: int, first: float) -> float:
    """Seconds until the next try: ``first`` doubled for each failure in a row, and as long as the endpoint asks for."""
    retry_after = error.retry_after if isinstance(error, RpcRefused) else None
    return max(first * 2.0**failures, min(retry_after or 0.0, _LONGEST_RETRY_AFTER))


class CoverRecovery:
    """Recovery from the failed covers of one chain through one endpoint."""

    def __init__(
        self,
        state: ChainState,
        endpoint: Endpoint,
        pooled: PooledEndpoint,
        lineage: Lineage,
        nonces: OriginNonces,
        observations: ObservationSink,
        retry: float,
    ) -> None:
        """``retry`` is how many seconds the first pause takes."""
        self._state = state
        self._config = state.config
        self._endpoint = endpoint
        self._pooled = pooled
        self._lineage = lineage
        self._nonces = nonces
        self._observations = observations
        self._retry = retry

    async def recover(self, error: CoverError, failures: int) -> None:
        """Return when the cover is worth another try, after so many failures in a row; raise if it is not.

        1. An answer cannot be read: what can be read of it is recorded.
        2. The endpoint has pruned blocks: they are left behind, once no endpoint has them any more.
        3. It refused a range that may be too large: ask for a smaller one at once.
        4. It failed too often, or waiting will not help: EndpointUnavailable.
        5. Otherwise pause.
        """
        words = error.words if isinstance(error, RpcRefused) else str(error)
        if isinstance(error, UnreadableAnswer):
            await self._keep(error)
        if isinstance(error, RpcRefused):
            if error.refusal.reaction is Reaction.PRUNED and await self._leave_behind(words):
                return
            if self._pooled.refused(error) is RangeRetry.SMALLER:
                log.debug("range.shrunk", chain=self._config.name, blocks=self._pooled.pace.span, reason=words)
                return
        if failures > tries_of(self._pooled) or self._is_hopeless(error):
            kind = EndpointNotBelieved if isinstance(error, PartialAnswer) else EndpointUnavailable
            raise kind(self._endpoint.host, words, error.retry_after if isinstance(error, RpcRefused) else None)
        self._state.trouble = f"{self._endpoint.host} {words}"
        pause = pause_after(error, failures, self._retry)
        log.debug("cover.waits", chain=self._config.name, seconds=pause, reason=words)
        await asyncio.sleep(pause)

    def _is_hopeless(self, error: CoverError) -> bool:
        """Whether waiting here gains nothing: it is not offered at all, or not soon and another endpoint is there."""
        if not isinstance(error, RpcRefused):
            return False
        soon = not error.refusal.exhausted and (error.retry_after or 0.0) <= _LONGEST_RETRY_AFTER
        return error.refusal.reaction is Reaction.UNSUPPORTED or (not soon and bool(self._pooled.others()))

    async def _keep(self, answer: UnreadableAnswer) -> None:
        """Record what could be read of an answer as if it had been pushed, and the rest for inspection."""
        try:
            await self._lineage.verify_all(decoded.block.hash for decoded in answer.logs)
        except Unsettled:
            return  # they may be another chain's, and are read again anyway
        observation = Observation(self._config.domain_id, logs=answer.logs, malformed=answer.malformed)
        await record(self._observations, observation)

    async def _leave_behind(self, words: str) -> bool:
        """Go on after blocks that no endpoint has any more; False if they are there after all.

        Raises EndpointUnavailable while another endpoint may have them, or this one again.
        """
        first = BlockNumber(self._state.begun.checkpoint + 1)
        oldest = await self._oldest_readable(first)
        if oldest == first:
            self._state.lost_history.got_on()
            return False
        before = None if oldest is None else self._state.lost_history.lost_before(self._pooled.index, oldest)
        if oldest is None or before is None:
            raise EndpointUnavailable(self._endpoint.host, words)
        if before < oldest and await self._oldest_readable(before) != before:
            # What is kept moves on with the head: what could be read a moment ago is gone for good.
            before = oldest
        await self._lineage.confirm()
        await self._skip(BlockRange(first, BlockNumber(before - 1)))
        return True

    async def _oldest_readable(self, first: BlockNumber) -> BlockNumber | None:
        head = self._state.head or await self._endpoint.head()
        if first > head.number:
            return None
        return await oldest_readable(self._endpoint, self._config.contract, BlockRange(first, head.number))

    async def _skip(self, unread: BlockRange) -> None:
        before = self._state.begun
        skipped = skip_to(before, BlockNumber(unread.last + 1))
        progress = ChainProgress(self._config.domain_id, skipped, self._nonces.first, unread=unread, since=before)
        await record(self._observations, Observation(self._config.domain_id, progress=progress))
        self._nonces.first = None
        self._state.lost_history.got_on()
        self._state.reached(skipped)
