"""Follows what an endpoint pushes: heads, and logs, which are passed on at once and move nothing."""

import asyncio
from collections.abc import Sequence
from typing import Self

from connext_monitor.core.batch import UnreadableLog
from connext_monitor.core.bloom import LogMask, denies
from connext_monitor.core.bridge_events import OBSERVED_TOPICS, is_bridge_event
from connext_monitor.core.database_trouble import StoreUnavailable
from connext_monitor.core.events import BlockNumber, Hash32, RawLog
from connext_monitor.monitoring.chain_data import Header, MalformedEntry, PushedLog
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.cover_requests import CoverRequests
from connext_monitor.monitoring.decoded_log import DecodedLog
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.fetched_logs import MOST_MALFORMED
from connext_monitor.monitoring.json_rpc import EndpointNotBelieved, EndpointUnavailable, RpcRefused
from connext_monitor.monitoring.lineage import Lineage
from connext_monitor.monitoring.observation import Observation, ObservationSink
from connext_monitor.monitoring.pushed_logs import PushedLogs
from connext_monitor.monitoring.pushes import Pushes
from connext_monitor.monitoring.range_reader import RangeReader
from connext_monitor.monitoring.unusable_answers import Unsettled

_HEAD_MAY_FOLLOW = 0.25
"""Seconds that a pushed log waits for the head of its block, which brings its time, before that is asked for."""

_TOGETHER = 100
"""Logs that are read before any of them is passed on, the most of them."""


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
        """Pass logs on, at once those of a block that came together; one that was removed only hints at a reorg."""
        async for burst in self._logs.bursts(_TOGETHER):
            of_block: list[RawLog] = []
            for pushed in burst:
                standing = None if isinstance(pushed, MalformedEntry) or pushed.removed else pushed.log
                if of_block and (standing is None or not _in_one_block(standing, of_block[0])):
                    await self._pass_on(of_block)
                    of_block = []
                if standing is not None:
                    self._pushed.brought(standing)
                    of_block.append(standing)
                elif isinstance(pushed, MalformedEntry):
                    await self._skip(pushed)
                else:
                    self._requests.hint_reorg()
            if of_block:
                await self._pass_on(of_block)

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

    async def _pass_on(self, logs: Sequence[RawLog]) -> None:
        """Logs of one block."""
        number = logs[0].block_number
        of_transfers = [raw for raw in logs if not is_bridge_event(raw)]
        if len(of_transfers) < len(logs):
            # Nothing follows from them before their block is covered: no filter or contract shows one to be made up.
            self._requests.cover_block(number)
        if not of_transfers:
            return
        try:
            decoded = await self._believed(of_transfers)
        except (Unsettled, RpcRefused):
            # The next cover reads it; what can only be done later is not a reason to give up the endpoint.
            self._requests.cover_block(number)
            return
        if decoded:
            stored = await self._observations.put(Observation(self._config.domain_id, logs=decoded))
            stored.add_done_callback(self._read_if_not_stored)
        if any(isinstance(log.content, UnreadableLog) and log.content.delivery is not None for log in decoded):
            # Something else was delivered than was sent. Pushed, it alerts nobody; covered, it does.
            self._requests.cover_block(number)

    def _read_if_not_stored(self, stored: "asyncio.Future[None]") -> None:
        """After an outage of the database: what was pushed meanwhile may not stand any more."""
        if stored.cancelled() or isinstance(stored.exception(), StoreUnavailable):
            self._requests.hint_reorg()

    async def _believed(self, logs: Sequence[RawLog]) -> list[DecodedLog]:
        """Those of a block's logs that may be passed on, decoded. Raises Unsettled and RpcRefused."""
        number, block_hash = logs[0].block_number, logs[0].block_hash
        await self._state.headers.arrival(block_hash, _HEAD_MAY_FOLLOW)
        decoded = await self._reader.decode_logs(logs)
        believed = self._not_ruled_out(logs, decoded)
        if len(believed) < len(decoded):
            self._requests.cover_block(number)
        if not believed:
            return []
        await self._lineage.verify(block_hash)
        # Last, so that no checkpoint is committed in between.
        return believed if await self._stands(number, block_hash) else []

    def _not_ruled_out(self, logs: Sequence[RawLog], decoded: list[DecodedLog]) -> list[DecodedLog]:
        """Without those of which their block's own bloom filter says that they are not in it: it is read to know.

        An empty filter says nothing: some chains fill none.
        """
        header = self._reader.cached_header(logs[0].block_hash)
        bloom = header.logs_bloom if header else None
        if bloom is None or not any(bloom):
            return decoded
        masks = [LogMask.of(raw.address, raw.topics[:1]) for raw in logs]
        return [log for log, mask in zip(decoded, masks, strict=True) if not denies(bloom, mask)]

    async def _stands(self, number: BlockNumber, block_hash: Hash32) -> bool:
        """Whether a block's logs may be passed on: what stands at or below the checkpoint is never looked at again."""
        if number > self._state.final:
            return True
        header = await self._endpoint.header(number)
        return header is not None and header.hash == block_hash


def _in_one_block(log: RawLog, other: RawLog) -> bool:
    return log.block_hash == other.block_hash and log.block_number == other.block_number
