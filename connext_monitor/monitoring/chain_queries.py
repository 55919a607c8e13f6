"""Asks a chain about single transfers: what its contract says of one, and where its events stand.

What decides whether somebody is alerted is asked of every endpoint until one answers, and each must have the block that
the chain is covered up to.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from connext_monitor.core.calls import (
    PAUSED_CALL,
    TransferStatus,
    read_flag,
    read_transfer_status,
    transfer_status_call,
)
from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.decoding import EVENT_TOPICS, XCALLED_TOPIC
from connext_monitor.core.events import Address, BlockNumber, RawLog, Timestamp, TransferId, TransferInfo
from connext_monitor.core.execution import SimulatedExecution
from connext_monitor.core.range_pace import shrunk
from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.core.side_events import SeenSideEvent, read_side_event
from connext_monitor.core.token import DECIMALS_CALL, SYMBOL_CALL, Token, read_token
from connext_monitor.monitoring.any_endpoint import AnyEndpoint, Unanswered, prove
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.decoded_log import DecodedLog
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_pool import EndpointPool
from connext_monitor.monitoring.execution_queries import ExecutionQueries
from connext_monitor.monitoring.json_rpc import RpcError, RpcRefused
from connext_monitor.monitoring.lineage import Lineage, confirm_chain
from connext_monitor.monitoring.observation import Observation, ObservationSink, record
from connext_monitor.monitoring.pacer import Urgency
from connext_monitor.monitoring.range_reader import RangeReader
from connext_monitor.monitoring.router_balances import RouterBalanceQueries
from connext_monitor.monitoring.unusable_answers import Unsettled

__all__ = ["ChainQueries", "Unanswered"]

_FIRST_SPAN = 1_000
_LARGEST_SPAN = 100_000
_SIDE_SPAN = 10_000
"""The most blocks, back from the head, that are searched for what was done about a transfer besides its legs."""
_BLOCKS_MAY_BE_FASTER = 1.25
_XCALLED_ONLY = (XCALLED_TOPIC,)

_T = TypeVar("_T")


class ChainQueries:
    """Questions about single transfers, put to the endpoint in use first.

    Events that are found go to ``observations``, those from before the first watched block to ``past``.
    """

    def __init__(
        self, state: ChainState, observations: ObservationSink, past: ObservationSink, pool: EndpointPool
    ) -> None:
        self._state = state
        self._observations = observations
        self._past = past
        # Each kind by itself: an endpoint that fails at one of them may well answer another.
        self._statuses = AnyEndpoint(state, pool)
        self._pauses = AnyEndpoint(state, pool)
        self._events = AnyEndpoint(state, pool)
        self._origins = AnyEndpoint(state, pool)
        self._executions = ExecutionQueries(state, pool)
        self.routers = RouterBalanceQueries(state, pool)

    async def transfer_status(self, transfer_id: TransferId) -> TransferStatus:
        """What the chain says of a transfer, after the last covered block at least. Raises Unanswered."""
        (status,) = await self.transfer_statuses([transfer_id])
        return status

    async def transfer_statuses(self, transfer_ids: Sequence[TransferId]) -> list[TransferStatus]:
        """What the chain says of each, by one endpoint that answers for all of them. Raises Unanswered."""
        calls = [transfer_status_call(transfer_id) for transfer_id in transfer_ids]
        return await self._view(self._statuses, calls, read_transfer_status)

    async def paused(self) -> bool:
        """Whether the chain's diamond is paused, after the last covered block at least. Raises Unanswered."""
        (paused,) = await self._view(self._pauses, [PAUSED_CALL], read_flag)
        return paused

    async def sent_params(self, transfer_id: TransferId, block: BlockNumber) -> TransferInfo | None:
        """What made a transfer that began in this block of the chain, its calldata too; None where nobody shows it.

        Raises Unanswered.
        """
        return await self._executions.sent_params(transfer_id, block)

    async def simulated_execution(
        self, transfer_id: TransferId, info: TransferInfo, relayers: Sequence[Address]
    ) -> SimulatedExecution:
        """What an execution of a reconciled transfer would come to after the last covered block. Raises Unanswered."""
        return await self._executions.simulated(transfer_id, info, relayers)

    async def paused_when_covered(self) -> bool:
        """The same after the last covered block itself, not after a later one. Raises Unanswered."""
        (paused,) = await self._view(self._pauses, [PAUSED_CALL], read_flag, at_covered=True)
        return paused

    async def _view(
        self,
        endpoints: AnyEndpoint,
        calls: Sequence[bytes],
        read: Callable[[bytes], _T],
        *,
        at_covered: bool = False,
    ) -> list[_T]:
        covered = self._state.covered
        if covered is None:
            raise Unanswered(f"nothing of {self._state.config.name} has been covered yet")

        async def view(endpoint: Endpoint) -> list[_T]:
            # By number, so that an endpoint behind the covered block refuses instead of answering from an older state.
            block = covered.number if at_covered else max(covered.number, await self._head_of(endpoint))
            answers = [read(answer) for answer in await endpoint.calls(self._state.config.contract, calls, block)]
            # After the answers: a provider may route one connection to another chain at any moment.
            await prove(endpoint, covered)
            return answers

        return await endpoints.ask(view)

    async def _head_of(self, endpoint: Endpoint) -> BlockNumber:
        if endpoint is not self._state.endpoint:
            return (await endpoint.head()).number
        return self._state.head.number if self._state.head else BlockNumber(0)

    async def side_events(
        self, transfer_id: TransferId, topics: Sequence[bytes], since: Timestamp
    ) -> list[SeenSideEvent]:
        """What the diamond says about a transfer with one of these first topics, since then, in the chain's order.

        Looks back from the head over some thousands of blocks at most: there may be more than it finds.
        Raises Unanswered.
        """
        endpoint, head = self._endpoint(), self._state.head
        if head is None:
            raise Unanswered(f"no head of {self._state.config.name} has been seen yet")
        search = _Search(topics, transfer_id, since, Urgency.USUAL, first_only=False)
        logs = await self._latest_logs(search, endpoint, head)
        in_order = sorted(logs, key=lambda raw: (raw.block_number, raw.log_index))
        events = ((read_side_event(raw), raw.tx_hash) for raw in in_order)
        return [SeenSideEvent(event, tx_hash) for event, tx_hash in events if event is not None]

    async def _latest_logs(self, search: "_Search", endpoint: Endpoint, head: Header) -> list[RawLog]:
        """The logs from ``head`` back to where the search ends, or as far back as one answer may reach."""
        blocks = (head.timestamp - search.since) / self._state.config.block_time.total_seconds()
        span = min(_SIDE_SPAN, max(1, math.ceil(blocks * _BLOCKS_MAY_BE_FASTER) + 1))
        while True:
            first = BlockNumber(max(0, head.number - span + 1))
            try:
                return await self._logs(search, endpoint, BlockRange(first, head.number))
            except RpcError as error:
                refusal = error.refusal if isinstance(error, RpcRefused) else None
                if refusal is None or not refusal.less_may_help or span == 1:
                    raise Unanswered(str(error)) from error
                span = shrunk(span, refusal)

    async def token(self, asset: Address) -> Token | None:
        """A token's symbol and decimals; None if it gives none that could be shown. Raises Unanswered."""
        endpoint, covered = self._endpoint(), self._state.covered
        if covered is None:
            raise Unanswered(f"nothing of {self._state.config.name} has been covered yet")
        try:
            symbol = await endpoint.call(asset, SYMBOL_CALL, covered.number)
            decimals = await endpoint.call(asset, DECIMALS_CALL, covered.number)
            await confirm_chain(endpoint, self._state.config)
        except RpcError as error:
            if isinstance(error, RpcRefused) and error.refusal.reaction is Reaction.REVERTED:
                # As a contract that is not such a token does. Any other refusal says nothing about it.
                return None
            raise Unanswered(str(error)) from error
        return read_token(symbol, decimals)

    async def fetch_origin(self, transfer_id: TransferId, since: Timestamp) -> bool:
        """Look for the transfer's XCalled from the head back to ``since``, and have it recorded; False: there is none.

        Raises Unanswered.
        """
        # A day of blocks is looked through, and nobody waits for it.
        search = _Search(_XCALLED_ONLY, transfer_id, since, Urgency.HISTORY, first_only=True)
        return await self._origins.ask(partial(self._fetch, search))

    async def fetch_events(self, transfer_id: TransferId, since: Timestamp) -> bool:
        """Look for the transfer's events from the head back to ``since``, and have them recorded.

        One leg may stand hours before the other, so finding the later one ends nothing. What one endpoint does not show
        is looked for at the others. False if there are none. Raises Unanswered.
        """
        search = _Search(EVENT_TOPICS, transfer_id, since, Urgency.USUAL, first_only=False)
        return await self._events.ask(partial(self._fetch, search), enough=bool)

    async def _fetch(self, search: "_Search", endpoint: Endpoint) -> bool:
        """Whether anything was found, and recorded, from the endpoint's head back to where the search ends."""
        endpoint = endpoint.at(search.urgency)
        if self._state.covered is not None:
            await prove(endpoint, self._state.covered)
        last, span, found_any = (await endpoint.head()).number, _FIRST_SPAN, False
        while True:
            first, final = BlockNumber(max(0, last - span + 1)), self._state.final
            try:
                logs = await self._logs(search, endpoint, BlockRange(first, last))
            except RpcRefused as error:
                if found_any and error.refusal.reaction is Reaction.PRUNED:
                    return found_any
                if not error.refusal.less_may_help or span == 1:
                    raise
                span = shrunk(span, error.refusal)
                continue
            if logs:
                await self._record_found(endpoint, logs, final)
                found_any = True
            if found_any and search.first_only:
                return found_any
            oldest = await endpoint.header(first)
            if first == 0 or (oldest is not None and oldest.timestamp < search.since):
                return found_any
            last, span = BlockNumber(first - 1), min(_LARGEST_SPAN, 2 * span)

    async def _logs(self, search: "_Search", endpoint: Endpoint, blocks: BlockRange) -> list[RawLog]:
        contract, topics = self._state.config.contract, (search.topics, search.transfer_id)
        fetched = await endpoint.logs(contract, topics, blocks.first, blocks.last)
        return fetched.logs

    async def _record_found(self, endpoint: Endpoint, logs: list[RawLog], final: BlockNumber) -> None:
        config = self._state.config
        reader = RangeReader(endpoint, config.domain_id, config.contract, self._state.headers)
        decoded = await reader.decode_logs(logs)
        lineage = Lineage(config, endpoint, self._state.headers, self._state.verified)
        await lineage.verify_all(each.block.hash for each in decoded)
        if any(final < raw.block_number <= self._state.final for raw in logs):
            # What stood before may not stand now, and nobody would look at it again.
            raise Unsettled("gave logs of blocks that became final meanwhile")
        await self._record(decoded)

    async def _record(self, logs: Sequence[DecodedLog]) -> None:
        begins = self._state.coverage.start if self._state.coverage else 0
        before = [decoded for decoded in logs if decoded.log.block_number < begins]
        since = [decoded for decoded in logs if decoded.log.block_number >= begins]
        for queue, theirs in ((self._past, before), (self._observations, since)):
            if theirs:
                await record(queue, Observation(self._state.config.domain_id, logs=theirs))

    def _endpoint(self) -> Endpoint:
        if self._state.endpoint is None:
            raise Unanswered(f"no endpoint of {self._state.config.name} answers")
        return self._state.endpoint


@dataclass(frozen=True, slots=True)
class _Search:
    """Events of a transfer with one of these first topics, back to ``since``; with ``first_only`` one is enough."""

    topics: Sequence[bytes]
    transfer_id: TransferId
    since: Timestamp
    urgency: Urgency
    first_only: bool
