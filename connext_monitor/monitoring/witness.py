"""The other endpoints of a chain as witnesses: what they say of blocks that the endpoint in use has answered for."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import structlog

from connext_monitor.config import ChainConfig
from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.endpoint_health import Trouble
from connext_monitor.core.events import Hash32, RawLog
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_pool import EndpointPool
from connext_monitor.monitoring.json_rpc import RpcError

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Testimony:
    """What a witness says of a range: its logs, or None where it says that another block stands at the range's end.

    ``own``: the witness is the endpoint in use itself, asked once more.
    """

    host: str
    logs: list[RawLog] | None
    own: bool = False


@dataclass(frozen=True, slots=True)
class _Called:
    place: int
    endpoint: Endpoint


class Witness:
    """A context: a witness that was called stays connected until its end."""

    def __init__(self, config: ChainConfig, pool: EndpointPool, in_use: int) -> None:
        self._config = config
        self._pool = pool
        self._in_use = in_use
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
        return len(self._pool) > 1

    @property
    def answers(self) -> bool:
        """Whether another endpoint is thought to answer: one that has failed lately is not."""
        return bool(self._pool.others(self._in_use))

    async def testify(self, blocks: BlockRange, end: Hash32) -> Testimony | None:
        """What another endpoint says of these blocks, the last of which has the hash ``end`` to us.

        None where no other one answers now, or has the blocks.
        """
        for _ in range(len(self._pool)):
            called = await self._call()
            if called is None:
                return None
            try:
                return await self._ask(called, blocks, end)
            except RpcError as error:
                await self._dismiss(called, str(error))
        return None

    async def _ask(self, called: _Called, blocks: BlockRange, end: Hash32) -> Testimony | None:
        header = await called.endpoint.header(blocks.last)
        if header is None:
            return None
        if header.hash != end:
            return Testimony(called.endpoint.host, None)
        return Testimony(called.endpoint.host, await self._pool.logs(called.place, called.endpoint, blocks))

    async def _call(self) -> _Called | None:
        async with self._turn:
            while self._called is None:
                places = self._pool.others(self._in_use)
                if not places:
                    return None
                try:
                    endpoint = await self._connections.enter_async_context(self._pool.open(places[0], again=True))
                    self._called = _Called(places[0], endpoint)
                except RpcError as error:
                    self._rest(places[0], str(error))
            return self._called

    async def _dismiss(self, called: _Called, reason: str) -> None:
        async with self._turn:
            if self._called is called:
                self._called = None
                self._rest(called.place, reason)
                await self._connections.aclose()

    def _rest(self, place: int, reason: str) -> None:
        log.debug("witness.failed", chain=self._config.name, reason=reason)
        self._pool.ended(place, Trouble.FAILED, progressed=False)
