"""Ends the use of an endpoint that makes no progress, is slow while there is another, or is no longer the best."""

import asyncio
from typing import NoReturn

import structlog

from connext_monitor.core.endpoint_health import EndpointFailure
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_pool import PooledEndpoint
from connext_monitor.monitoring.intervals import Intervals
from connext_monitor.monitoring.json_rpc import EndpointUnavailable, RpcError

log = structlog.get_logger()


class BetterEndpoint(Exception):
    """An endpoint that comes before the one in use in the config works again."""


class Watchdog:
    """Watches one endpoint for as long as it is in use."""

    def __init__(
        self,
        state: ChainState,
        endpoint: Endpoint,
        pooled: PooledEndpoint,
        unobserved_after: float,
        intervals: Intervals,
    ) -> None:
        self._state = state
        self._config = state.config
        self._endpoint = endpoint
        self._pooled = pooled
        self._slow_answer = intervals.slow_answer
        block_time = self._config.block_time.total_seconds()
        self._patience = max(unobserved_after / 2, 3 * block_time)
        self._looks_every = min(intervals.better, self._patience / 2)
        self._poll = min(12.0, max(0.5, block_time))

    async def watch_progress(self) -> NoReturn:
        """Raise EndpointUnavailable once the head has not risen for too long, however alive the socket is.

        While history is read, every range of it is progress too: a chain that stands still can still be caught up with.
        """
        while True:
            silent = self._state.clock.monotonic() - self._progressed_at()
            if silent >= self._patience:
                raise EndpointUnavailable(self._endpoint.host, f"has announced no new block for {round(silent)} s")
            await asyncio.sleep(self._patience - silent)

    def _progressed_at(self) -> float:
        risen_at = self._state.head_risen_at
        return risen_at if self._state.caught_up else max(risen_at, self._state.covered_risen_at)

    async def look_for_better(self) -> NoReturn:
        """Raise BetterEndpoint once a preferred one works, and EndpointUnavailable once this one is too slow."""
        while True:
            await asyncio.sleep(self._looks_every)
            if self._endpoint.response_time.exceeds(self._slow_answer) and self._pooled.others():
                raise EndpointUnavailable(
                    self._endpoint.host, f"answers slowly: {self._endpoint.response_time.seconds:.1f} s on average"
                )
            if _is_slow(self._pooled) and not all(map(_is_slow, self._pooled.others())):
                raise EndpointUnavailable(self._endpoint.host, "allows too few requests to watch the chain")
            better = self._pooled.preferred()
            if better is not None and await self._works(better) and not _is_slow(better):
                raise BetterEndpoint

    async def _works(self, pooled: PooledEndpoint) -> bool:
        """Whether an endpoint has what is covered, and its head rises."""
        try:
            async with asyncio.timeout(self._patience), pooled.open() as endpoint:
                first = head = await endpoint.head()
                while head.number <= first.number:
                    await asyncio.sleep(self._poll)
                    head = await endpoint.head()
                covered = self._state.covered
                if covered is None or head.number >= covered.number:
                    return True
                reason = f"is {covered.number - head.number} blocks behind what is covered"
        except RpcError as error:
            reason = str(error)
        except TimeoutError:
            reason = "its head does not rise"
        log.debug("endpoint.not_yet_back", chain=self._config.name, reason=reason)
        pooled.ended(EndpointFailure.FAILED, progressed=False)
        return False


def _is_slow(pooled: PooledEndpoint) -> bool:
    """Whether an endpoint allows so few requests that another one is preferable."""
    return pooled.pacer.throttle.is_slow
