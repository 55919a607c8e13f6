"""Puts a question to the endpoint in use and, where that does not answer it, to the chain's other endpoints.

An endpoint may fail in a single method: what the one in use refuses, another one may answer. One that has failed rests
for a while, longer after each failure in a row, for the kind of question that it failed at and for no other.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TypeVar

import structlog

from connext_monitor.core.calls import MalformedAnswer
from connext_monitor.core.events import BlockRef
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_pool import EndpointPool
from connext_monitor.monitoring.json_rpc import EndpointUnavailable, RpcError
from connext_monitor.monitoring.range_reader import Unsettled

_FIRST_REST = 1.0
_LONGEST_REST = 15.0
"""Seconds. What heals is noticed within them, and one that never does is asked four times a minute."""
_MOMENT = 2.0
"""Seconds that a question waits for an endpoint that rests for no longer, or is just being tried again."""
_REASONS_TOLD = 3

_T = TypeVar("_T")

log = structlog.get_logger()


class Unanswered(Exception):
    """The chain could not be asked now; the message says why."""


@dataclass(frozen=True, slots=True)
class _Failure:
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
        self._failures: dict[int, _Failure] = {}
        self._probed: set[int] = set()
        self._works_again = asyncio.Event()
        self._lines: dict[int, _Line] = {}

    async def ask(
        self, question: Callable[[Endpoint], Awaitable[_T]], enough: Callable[[_T], bool] = lambda _: True
    ) -> _T:
        """The first answer that is ``enough``, else the last one given. Raises Unanswered where nobody answers."""
        given: list[_T] = []
        await self._wait_a_moment()
        for place in self._order():
            try:
                given.append(await self._ask(place, question))
            except (RpcError, MalformedAnswer, Unsettled) as error:
                self._failed(place, error)
                continue
            self._answered(place)
            if enough(given[-1]):
                break
        if not given:
            raise Unanswered(self._why())
        return given[-1]

    async def _ask(self, place: int, question: Callable[[Endpoint], Awaitable[_T]]) -> _T:
        in_use = self._state.endpoint if place == self._state.place else None
        if in_use is not None:
            return await question(in_use)
        line = self._lines.setdefault(place, _Line(lambda: self._pool.open(place, again=True)))
        async with line.joined() as endpoint:
            return await question(endpoint)

    async def _wait_a_moment(self) -> None:
        """Where all rest for a moment only, as after a rate limit, wait for that instead of failing."""
        clock = self._state.clock
        until = clock.monotonic() + _MOMENT
        while (now := clock.monotonic()) < until:
            places = self._places()
            rests = [self._failures[place].rests_until for place in places if self._rests(place)]
            if len(rests) < len(places) or not rests or (min(rests) > until and not self._probed):
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(min(until, *rests) - now):
                    await self._works_again.wait()

    def _order(self) -> Iterator[int]:
        """The places of those that do not rest; of one that has, only a single question shows whether it answers."""
        for place in self._places():
            if self._rests(place):
                continue
            if (failure := self._failures.get(place)) is not None:
                again = replace(failure, in_a_row=failure.in_a_row + 1)
                self._failures[place] = replace(again, rests_until=self._state.clock.monotonic() + again.rest)
                self._probed.add(place)
            yield place

    def _places(self) -> list[int]:
        """The one in use, then those thought to work, then all others, which must show the block that is covered."""
        in_use = self._state.place if self._state.endpoint is not None else None
        places = [] if in_use is None else [in_use]
        if self._state.covered is not None:
            places += self._pool.others(-1 if in_use is None else in_use)
            places += range(len(self._pool))
        return list(dict.fromkeys(places))

    def _rests(self, place: int) -> bool:
        failure = self._failures.get(place)
        return failure is not None and failure.rests_until > self._state.clock.monotonic()

    def _answered(self, place: int) -> None:
        self._probed.discard(place)
        if self._failures.pop(place, None) is not None:
            self._works_again.set()
            self._works_again = asyncio.Event()

    def _failed(self, place: int, error: Exception) -> None:
        reason = str(error) if isinstance(error, RpcError) else f"{self._pool.config.endpoints[place].host}: {error}"
        before, now = self._failures.get(place), self._state.clock.monotonic()
        if before is None or before.reason != reason:
            log.debug("endpoint.does_not_answer", chain=self._state.config.name, reason=reason)
        # Of many questions that fail at once, one counts; a probe has been counted already.
        counted = before is not None and (place in self._probed or before.rests_until > now)
        in_a_row = 1 if before is None else before.in_a_row + (not counted)
        self._probed.discard(place)
        failure = _Failure(reason, in_a_row, now)
        self._failures[place] = replace(failure, rests_until=now + failure.rest)

    def _why(self) -> str:
        reasons = list(dict.fromkeys(self._failures[place].reason for place in sorted(self._failures)))
        return "; ".join(reasons[:_REASONS_TOLD]) or f"no endpoint of {self._state.config.name} answers"


async def prove(endpoint: Endpoint, covered: BlockRef) -> None:
    """Raise EndpointUnavailable unless the endpoint has the very block that the chain is covered up to.

    One that lags, or serves another chain, says of a transfer that nothing has happened.
    """
    header = await endpoint.header(covered.number)
    if header is None:
        raise EndpointUnavailable(endpoint.host, f"has no block {covered.number}, which was covered")
    if header.hash != covered.hash:
        raise EndpointUnavailable(endpoint.host, f"has another block {covered.number} than was covered")


class _Line:
    """A connection to an endpoint that is not in use: open as long as somebody asks over it."""

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
            # Whoever waited for the try that failed need not try, and wait, as well.
            raise self._failed[1]
        try:
            self._endpoint = await self._connection.enter_async_context(self._connect())
        except RpcError as error:
            self._failed = (asyncio.get_running_loop().time(), error)
            raise
        return self._endpoint
