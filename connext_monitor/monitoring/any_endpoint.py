"""Puts a question to the endpoint in use and, if that does not answer it, to the chain's other endpoints.

An endpoint may fail in a single method: what the one in use refuses, another one may answer. One that has failed rests
for a while, longer after each failure in a row, but only from the kind of question that it failed at.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import structlog

from connext_monitor.core.calls import MalformedAnswer
from connext_monitor.core.events import BlockRef
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_pool import EndpointPool, PooledEndpoint
from connext_monitor.monitoring.json_rpc import EndpointUnavailable, RpcError
from connext_monitor.monitoring.unusable_answers import Unsettled

_FIRST_REST = 1.0
_LONGEST_REST = 5.0
"""Seconds. What heals is noticed within them, and one that never does is asked twelve times a minute."""
_MOMENT = 2.0
"""Seconds that a question waits for an endpoint that rests for no longer, or is just being tried again."""
_REASONS_SHOWN = 3

_T = TypeVar("_T")

log = structlog.get_logger()


class Unanswered(Exception):
    """The chain could not be asked now; the message says why."""


@dataclass(frozen=True, slots=True)
class _FailuresInARow:
    """How an endpoint failed at one kind of question: so many times in a row, the last time with these words."""

    reason: str
    in_a_row: int
    rests_until: float

    @property
    def rest(self) -> float:
        """Seconds of rest after it."""
        return float(min(_LONGEST_REST, _FIRST_REST * 2.0 ** min(self.in_a_row - 1, 10)))


class AnyEndpoint:
    """The endpoints of one chain, for questions of one kind."""

    def __init__(self, state: ChainState, pool: EndpointPool) -> None:
        self._state = state
        self._pool = pool
        self._failures: dict[PooledEndpoint, _FailuresInARow] = {}
        self._probed: set[PooledEndpoint] = set()
        self._works_again = asyncio.Event()
        self._connections: dict[PooledEndpoint, _SharedConnection] = {}

    async def ask(
        self, question: Callable[[Endpoint], Awaitable[_T]], enough: Callable[[_T], bool] = lambda _: True
    ) -> _T:
        """The first answer that is ``enough``, else the last one given. Raises Unanswered if nobody answers."""
        answers: list[_T] = []
        await self._wait_a_moment()
        for pooled in self._rested():
            try:
                answers.append(await self._ask(pooled, question))
            except (RpcError, MalformedAnswer, Unsettled) as error:
                self._failed(pooled, error)
                continue
            self._answered(pooled)
            if enough(answers[-1]):
                break
        if not answers:
            raise Unanswered(self._why())
        return answers[-1]

    async def _ask(self, pooled: PooledEndpoint, question: Callable[[Endpoint], Awaitable[_T]]) -> _T:
        in_use = self._state.endpoint if pooled is self._state.in_use else None
        if in_use is not None:
            return await question(in_use)
        connection = self._connections.setdefault(pooled, _SharedConnection(partial(pooled.open, again=True)))
        async with connection.joined() as endpoint:
            return await question(endpoint)

    async def _wait_a_moment(self) -> None:
        """If all rest for a moment only, as after a rate limit, wait for that instead of failing."""
        clock = self._state.clock
        until = clock.monotonic() + _MOMENT
        while (now := clock.monotonic()) < until:
            candidates = self._candidates()
            rests = [self._failures[pooled].rests_until for pooled in candidates if self._rests(pooled)]
            if len(rests) < len(candidates) or not rests or (min(rests) > until and not self._probed):
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(min(until, *rests) - now):
                    await self._works_again.wait()

    def _rested(self) -> Iterator[PooledEndpoint]:
        """Those that do not rest; of one that has rested, a single question shows whether it answers again."""
        for pooled in self._candidates():
            if self._rests(pooled):
                continue
            if (failure := self._failures.get(pooled)) is not None:
                again = replace(failure, in_a_row=failure.in_a_row + 1)
                self._failures[pooled] = replace(again, rests_until=self._state.clock.monotonic() + again.rest)
                self._probed.add(pooled)
            yield pooled

    def _candidates(self) -> list[PooledEndpoint]:
        """The one in use, then those thought to work, then all others, which must show the block that is covered."""
        in_use = self._state.in_use if self._state.endpoint is not None else None
        candidates = [] if in_use is None else [in_use]
        if self._state.covered is not None:
            candidates += self._pool.usable(besides=in_use)
            candidates += self._pool.endpoints
        return list(dict.fromkeys(candidates))

    def _rests(self, pooled: PooledEndpoint) -> bool:
        failure = self._failures.get(pooled)
        return failure is not None and failure.rests_until > self._state.clock.monotonic()

    def _answered(self, pooled: PooledEndpoint) -> None:
        self._probed.discard(pooled)
        if self._failures.pop(pooled, None) is not None:
            self._works_again.set()
            self._works_again = asyncio.Event()

    def _failed(self, pooled: PooledEndpoint, error: Exception) -> None:
        reason = str(error) if isinstance(error, RpcError) else f"{pooled.host}: {error}"
        before, now = self._failures.get(pooled), self._state.clock.monotonic()
        if before is None or before.reason != reason:
            log.debug("endpoint.does_not_answer", chain=self._state.config.name, reason=reason)
        # Of many questions that fail at once, one counts; a probe has been counted already.
        counted = before is not None and (pooled in self._probed or before.rests_until > now)
        in_a_row = 1 if before is None else before.in_a_row + (not counted)
        self._probed.discard(pooled)
        failure = _FailuresInARow(reason, in_a_row, now)
        self._failures[pooled] = replace(failure, rests_until=now + failure.rest)

    def _why(self) -> str:
        failed = sorted(self._failures, key=lambda pooled: pooled.index)
        reasons = list(dict.fromkeys(self._failures[pooled].reason for pooled in failed))
        return "; ".join(reasons[:_REASONS_SHOWN]) or f"no endpoint of {self._state.config.name} answers"


async def prove(endpoint: Endpoint, covered: BlockRef) -> None:
    """Raise EndpointUnavailable unless the endpoint has the very block that the chain is covered up to.

    One that lags or serves another chain would say of a transfer that nothing has happened.
    """
    header = await endpoint.header(covered.number)
    if header is None:
        raise EndpointUnavailable(endpoint.host, f"has no block {covered.number}, which was covered")
    if header.hash != covered.hash:
        raise EndpointUnavailable(endpoint.host, f"has a different block {covered.number} from the one covered")


class _SharedConnection:
    """A connection to an endpoint that is not in use: open for as long as somebody asks over it."""

    def __init__(self, connect: Callable[[], AbstractAsyncContextManager[Endpoint]]) -> None:
        self._connect = connect
        self._connection = AsyncExitStack()
        self._endpoint: Endpoint | None = None
        self._failed: tuple[float, RpcError] | None = None
        self._users = 0
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def joined(self) -> AsyncIterator[Endpoint]:
        """The endpoint. Raises what opening the connection raises."""
        came = asyncio.get_running_loop().time()
        async with self._turn:
            endpoint = self._endpoint or await self._opened(came)
            self._users += 1
        try:
            yield endpoint
        finally:
            self._users -= 1
            if not self._users:
                connection, self._connection = self._connection, AsyncExitStack()
                self._endpoint = None
                await connection.aclose()

    async def _opened(self, came: float) -> Endpoint:
        if self._failed is not None and self._failed[0] >= came:
            # Whoever waited for the attempt that failed need not make, and wait for, another one.
            raise self._failed[1]
        try:
            self._endpoint = await self._connection.enter_async_context(self._connect())
        except RpcError as error:
            self._failed = (asyncio.get_running_loop().time(), error)
            raise
        return self._endpoint
