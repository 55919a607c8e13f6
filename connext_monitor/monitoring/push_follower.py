"""Follows what an endpoint pushes: heads, and logs, which are passed on at once and move nothing."""

from typing import Self

from connext_monitor.core.batch import UnreadableLog
from connext_monitor.core.bloom import LogMask, denies
from connext_monitor.core.bridge_events import OBSERVED_TOPICS, is_bridge_event
from connext_monitor.core.events import RawLog
from connext_monitor.monitoring.chain_data import Header, MalformedEntry, PushedLog
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.cover_requests import CoverRequests
from connext_monitor.monitoring.decoded_log import DecodedLog
from connext_monitor.monitoring.endpoint import Endpoint, Pushes
from connext_monitor.monitoring.fetched_logs import MOST_MALFORMED
from connext_monitor.monitoring.json_rpc import EndpointNotBelieved, EndpointUnavailable, RpcRefused
from connext_monitor.monitoring.lineage import Lineage
from connext_monitor.monitoring.observation import Observation, ObservationSink
from connext_monitor.monitoring.pushed_logs import PushedLogs
from connext_monitor.monitoring.range_reader import RangeReader
from connext_monitor.monitoring.unusable_answers import Unsettled

_HEAD_MAY_FOLLOW = 0.25
"""Seconds that a pushed log waits for the head of its block, which brings its time, before that is asked for."""


class PushFollower:
    """The subscriptions of one chain through one endpoint. Both loops end with EndpointUnavailable."""

    def __init__(
        self,
        state: ChainState,
        endpoint: Endpoint,
        observations: ObservationSink,
        requests: CoverRequests,
        pushed: PushedLogs,
        heads: Pushes[Header],
        logs: Pushes[PushedLog | MalformedEntry],
    ) -> None:
        self._state = state
        self._config = state.config
        self._endpoint = endpoint
        self._observations = observations
        self._requests = requests
        self._pushed = pushed
        self._heads = heads
        self._logs = logs
        self._reader = RangeReader(endpoint, self._config.domain_id, self._config.contract, state.headers)
        self._lineage = Lineage(self._config, endpoint, state.headers, state.verified)
        self._malformed = 0

    @classmethod
    async def subscribe(
        cls,
        state: ChainState,
        endpoint: Endpoint,
        observations: ObservationSink,
        requests: CoverRequests,
        pushed: PushedLogs,
    ) -> Self:
        """Subscribe to heads and to the contract's logs."""
        heads = await endpoint.subscribe_heads()
        logs = await endpoint.subscribe_logs(state.config.contract, [OBSERVED_TOPICS])
        return cls(state, endpoint, observations, requests, pushed, heads, logs)

    async def follow_heads(self) -> None:
        """Note each head; raises EndpointUnavailable if logs in the announced blocks are not pushed."""
        async for head in self._heads:
            self._pushed.saw_head(head)
            if self._state.coverage is not None:
                self._pushed.is_final(self._state.coverage.checkpoint)
            self._requests.saw_head(head)
            if self._pushed.mute:
                raise EndpointUnavailable(self._endpoint.host, "announces blocks but does not push the logs in them")

    async def follow_logs(self) -> None:
        """Pass each log on; a log that was removed only hints at a reorg."""
        async for pushed in self._logs:
            if isinstance(pushed, MalformedEntry):
                await self._skip(pushed)
            elif pushed.removed:
                self._requests.hint_reorg()
            else:
                self._pushed.brought(pushed.log)
                await self._pass_on(pushed.log)

    async def _skip(self, pushed: MalformedEntry) -> None:
        self._malformed += 1
        await self._observations.put(Observation(self._config.domain_id, malformed=[pushed]))
        if self._malformed > MOST_MALFORMED:
            raise EndpointNotBelieved(
                self._endpoint.host, f"pushed more than {MOST_MALFORMED:,} entries that are not logs we asked for"
            )
        if pushed.unreadable:
            # A log that we asked for may hide in it: what its block really holds is read at once.
            self._requests.hint_reorg()

    async def _pass_on(self, raw: RawLog) -> None:
        if is_bridge_event(raw):
            # Nothing follows from it before its block is covered, and no filter or contract shows it to be made up.
            self._requests.cover_block(raw.block_number)
            return
        decoded = await self._believed(raw)
        if decoded is None:
            # The next cover reads it; what can only be done later is not a reason to give up the endpoint.
            self._requests.cover_block(raw.block_number)
            return
        if not decoded:
            return
        await self._observations.put(Observation(self._config.domain_id, logs=decoded))
        content = decoded[0].content
        if isinstance(content, UnreadableLog) and content.delivery is not None:
            # Something else was delivered than was sent. Pushed, it alerts nobody; covered, it does.
            self._requests.cover_block(raw.block_number)

    async def _believed(self, raw: RawLog) -> list[DecodedLog] | None:
        """The log, decoded; none if it is not to be passed on; None if that cannot be known now."""
        await self._state.headers.arrival(raw.block_hash, _HEAD_MAY_FOLLOW)
        try:
            decoded = await self._reader.decode_logs([raw])
            if self._is_ruled_out(raw):
                return None
            await self._lineage.verify(raw.block_hash, again=True)
            # Last, so that no checkpoint is committed in between.
            return decoded if await self._stands(raw) else []
        except (Unsettled, RpcRefused):
            return None

    def _is_ruled_out(self, raw: RawLog) -> bool:
        """Whether its block's own bloom filter says that no such log is in it: then the block is read to know.

        An empty filter says nothing: some chains fill none.
        """
        header = self._reader.cached_header(raw.block_hash)
        bloom = header.logs_bloom if header else None
        return bloom is not None and any(bloom) and denies(bloom, LogMask.of(raw.address, raw.topics[:1]))

    async def _stands(self, raw: RawLog) -> bool:
        """Whether a log may be passed on: what stands at or below the checkpoint is never looked at again."""
        if raw.block_number > self._state.final:
            return True
        header = await self._endpoint.header(raw.block_number)
        return header is not None and header.hash == raw.block_hash
