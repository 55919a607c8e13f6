"""The other endpoints of a chain as witnesses: what they say about blocks that the endpoint in use has answered for."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import structlog

from connext_monitor.config import ChainConfig
from connext_monitor.core.calls import MalformedAnswer, read_transfer_status, transfer_status_call
from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.deadline import Leg, done
from connext_monitor.core.endpoint_health import EndpointFailure
from connext_monitor.core.events import BlockNumber, Hash32, SeenLog, TransferId
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_pool import PooledEndpoint
from connext_monitor.monitoring.json_rpc import RpcError
from connext_monitor.monitoring.pacer import Urgency

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Testimony:
    """What a witness says about a range: its logs, or None if it has another block at the range's end.

    ``own``: the witness is the endpoint in use itself, asked once more.
    """

    host: str
    logs: list[SeenLog] | None
    own: bool = False


@dataclass(frozen=True, slots=True)
class _Called:
    pooled: PooledEndpoint
    endpoint: Endpoint


class Witness:
    """A context: a witness that was called stays connected until its end."""

    def __init__(self, config: ChainConfig, in_use: PooledEndpoint, urgency: Urgency = Urgency.USUAL) -> None:
        self._config = config
        self._in_use = in_use
        self._urgency = urgency
        self._called: _Called | None = None
        self._connections = AsyncExitStack()
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._called = None
        await self._connections.aclose()

    @property
    def exists(self) -> bool:
        """Whether the chain has another endpoint at all."""
        return not self._in_use.is_only_one

    @property
    def answers(self) -> bool:
        """Whether another endpoint is thought to answer: one that has failed lately is not."""
        return bool(self._in_use.others())

    async def testify(self, blocks: BlockRange, end: Hash32) -> Testimony | None:
        """What another endpoint says about these blocks, the last of which has the hash ``end`` to us.

        None if no other endpoint answers now, or has the blocks.
        """
        for _ in self._config.endpoints:
            called = await self._call()
            if called is None:
                return None
            try:
                return await self._ask(called, blocks, end)
            except RpcError as error:
                await self._dismiss(called, str(error))
        return None

    async def says_executed(self, transfer_id: TransferId, block: BlockNumber) -> bool:
        """Whether the contract, asked through another endpoint, says that this very block executed the transfer."""
        called = await self._call()
        if called is None:
            return False
        question = transfer_status_call(transfer_id)
        try:
            before, after = [
                read_transfer_status(await called.endpoint.call(self._config.contract, question, BlockNumber(number)))
                for number in (block - 1, block)
            ]
        except (RpcError, MalformedAnswer) as error:
            log.debug("witness.not_asked", chain=self._config.name, reason=str(error))
            return False
        return done(Leg.EXECUTE, after) and not done(Leg.EXECUTE, before)

    async def _ask(self, called: _Called, blocks: BlockRange, end: Hash32) -> Testimony | None:
        header = await called.endpoint.header(blocks.last)
        if header is None:
            return None
        if header.hash != end:
            return Testimony(called.endpoint.host, None)
        return Testimony(called.endpoint.host, await called.pooled.logs(called.endpoint, blocks))

    async def _call(self) -> _Called | None:
        async with self._turn:
            while self._called is None:
                pooled = next(iter(self._in_use.others()), None)
                if pooled is None:
                    return None
                try:
                    opening = pooled.open(again=True, urgency=self._urgency)
                    self._called = _Called(pooled, await self._connections.enter_async_context(opening))
                except RpcError as error:
                    self._rest(pooled, str(error))
            return self._called

    async def _dismiss(self, called: _Called, reason: str) -> None:
        async with self._turn:
            if self._called is called:
                self._called = None
                self._rest(called.pooled, reason)
                await self._connections.aclose()

    def _rest(self, pooled: PooledEndpoint, reason: str) -> None:
        log.debug("witness.failed", chain=self._config.name, reason=reason)
        pooled.ended(EndpointFailure.FAILED, progressed=False)
