"""The observer of one chain: keeps one of its endpoints in use, has it covered, and passes pushed logs on at once."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from math import inf
from random import Random
from typing import Any, NoReturn, TypeVar

import structlog

from connext_monitor.clock import Clock
from connext_monitor.config import ChainConfig
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.database_trouble import StoreUnavailable
from connext_monitor.core.endpoint_health import EndpointFailure
from connext_monitor.core.events import Timestamp
from connext_monitor.monitoring.chain_state import ChainState, OnHead, unheard
from connext_monitor.monitoring.cover_requests import CoverRequests
from connext_monitor.monitoring.coverage_store import CoverageStore
from connext_monitor.monitoring.coverer import Coverer
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_pool import EndpointPool, OpenEndpoint, PooledEndpoint
from connext_monitor.monitoring.failure_log import FailureLog
from connext_monitor.monitoring.head_poller import HeadPoller
from connext_monitor.monitoring.intervals import USUAL, Intervals
from connext_monitor.monitoring.json_rpc import EndpointNotBelieved, RpcError
from connext_monitor.monitoring.observation import Observation, ObservationSink
from connext_monitor.monitoring.push_follower import PushFollower
from connext_monitor.monitoring.pushed_logs import PushedLogs
from connext_monitor.monitoring.watchdog import BetterEndpoint, Watchdog

_STANDSTILL = 5.0
"""Seconds of a standstill of this program that explain why a connection is gone: servers drop those who are silent."""

_T = TypeVar("_T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _End:
    """How the use of an endpoint ended; ``retry_after`` are the seconds for which it asked to be left alone."""

    failure: EndpointFailure
    retry_after: float | None = None


class Observer:
    """Observes one chain until cancelled; whatever its endpoints do, it keeps trying."""

    def __init__(
        self,
        config: ChainConfig,
        unobserved_after: float,
        open_endpoint: OpenEndpoint,
        store: CoverageStore,
        observations: ObservationSink,
        clock: Clock,
        random: Random,
        intervals: Intervals = USUAL,
        on_head: OnHead = unheard,
        store_works_for: Callable[[], float] = lambda: inf,
    ) -> None:
        """``store_works_for`` says for how many seconds the store has worked since its last outage."""
        self._config = config
        self._unobserved_after = unobserved_after
        self._pool = EndpointPool(config, open_endpoint, clock, random, intervals)
        self._store = store
        self._observations = observations
        self._clock = clock
        self._intervals = intervals
        self.state = ChainState(config, clock, unobserved_after, intervals.loss, on_head, store_works_for)
        self._requests = CoverRequests(self.state, min(intervals.calm, unobserved_after / 2))
        self._standstills = clock.elapsed() - clock.monotonic()
        self._log = log.bind(chain=config.name)
        self._failures = FailureLog(self._log, len(config.endpoints), clock)

    def cover_past(self, instant: Timestamp) -> None:
        """Have the chain covered past this block time as soon as it has such a block."""
        self._requests.cover_past(instant)

    def cover_again(self, since: float) -> None:
        """Have what is not final read again, unless that has begun since then (on the monotonic clock)."""
        self._requests.confirm_since(since)

    @property
    def pool(self) -> EndpointPool:
        """The chain's endpoints."""
        return self._pool

    def sight(self) -> ChainStatus:
        """How the chain is seen now."""
        return replace(self.state.sight(), requests=dict(self._pool.requests))

    async def run(self) -> NoReturn:
        """Observe until cancelled: with the first healthy endpoint, and with the next one when it fails."""
        self.state.recall(await self._store.coverage(self._config.domain_id))
        while True:
            chosen = self._pool.choose()
            await asyncio.sleep(chosen.wait)
            risen_at = self.state.covered_risen_at
            end = await _whole(self._try(chosen.endpoint))
            if end is not None:
                # Only progress shows that an endpoint is worth coming back to at once; a handshake does not.
                progressed = self.state.covered_risen_at != risen_at
                chosen.endpoint.ended(end.failure, progressed=progressed, retry_after=end.retry_after)

    async def _try(self, pooled: PooledEndpoint) -> _End | None:
        """Observe with one endpoint until it no longer serves; None if it is left for a better one."""
        end: _End | None = _End(EndpointFailure.FAILED)
        try:
            async with pooled.open() as endpoint:
                await self._session(endpoint, pooled)
        except* BetterEndpoint:
            self._log.info("endpoint.left_for_better")
            end = None
        except* EndpointNotBelieved as group:
            self._failed(pooled, str(_first(group)))
            end = _End(EndpointFailure.NOT_BELIEVED)
        except* RpcError as group:
            end = self._ended_by(pooled, _first(group))
        except* StoreUnavailable as group:
            # Nothing is wrong with the endpoint; which one is asked next does not matter.
            self._failed(pooled, str(_first(group)))
        except* Exception as group:  # noqa: BLE001 - a fault of ours on one chain must not end its observation
            self._log.exception("observer.failed", error=str(_first(group)))
            self._failed(pooled, "an error in this program; see its log")
        finally:
            self.state.disconnected()
        return end

    def _ended_by(self, pooled: PooledEndpoint, error: BaseException) -> _End | None:
        """How a failure ended an endpoint's use; None if it may be our own, and the same one is tried again at once."""
        if self._has_stood_still():
            self._log.info("endpoint.lost", reason=str(error), explained_by="a standstill of this program")
            return None
        self._failed(pooled, str(error))
        return _End(EndpointFailure.FAILED, error.retry_after if isinstance(error, RpcError) else None)

    def _has_stood_still(self) -> bool:
        """Whether this program has stood still since this was last asked: whoever got no answer meanwhile hung up."""
        before, self._standstills = self._standstills, self._clock.elapsed() - self._clock.monotonic()
        return self._standstills - before >= _STANDSTILL

    def _failed(self, pooled: PooledEndpoint, reason: str) -> None:
        self._failures.failed(pooled.index, reason)
        self.state.failed.add(pooled.index)
        self.state.trouble = reason

    async def _session(self, endpoint: Endpoint, pooled: PooledEndpoint) -> None:
        self.state.connected(endpoint, pooled)
        self._log.info("endpoint.connected", endpoint=endpoint.host, pushes=endpoint.pushes)
        intervals = self._intervals
        watchdog = Watchdog(self.state, endpoint, pooled, self._unobserved_after, intervals)
        pushed = PushedLogs(self._clock, intervals.late_push)
        observations = _NotingObservations(self._observations, pushed)
        coverer = Coverer(self.state, endpoint, pooled, self._store, observations, self._requests, intervals)
        async with asyncio.TaskGroup() as tasks:
            if endpoint.pushes:
                # Subscribed before anything is covered, so that nothing falls between the two.
                follower = await PushFollower.subscribe(
                    self.state, endpoint, self._observations, self._requests, pushed
                )
                tasks.create_task(follower.follow_heads())
                tasks.create_task(follower.follow_logs())
            else:
                tasks.create_task(self._poller(endpoint, pooled).run())
            tasks.create_task(coverer.run(lambda: self._recovered(endpoint)))
            tasks.create_task(watchdog.watch_progress())
            tasks.create_task(watchdog.look_for_better())

    def _poller(self, endpoint: Endpoint, pooled: PooledEndpoint) -> HeadPoller:
        # Often enough for the watchdog, which gives up an endpoint whose head does not rise.
        longest = min(self._intervals.calm / 3, self._unobserved_after / 6)
        return HeadPoller(self._config, endpoint, pooled, self._requests, longest, self._intervals.retry)

    def _recovered(self, endpoint: Endpoint) -> None:
        self._failures.works(endpoint.host)
        self.state.works()


class _NotingObservations:
    """The observations of a coverer on their way, with a note of the logs that should have been pushed too."""

    def __init__(self, observations: ObservationSink, pushed: PushedLogs) -> None:
        self._observations = observations
        self._pushed = pushed

    async def put(self, observation: Observation) -> asyncio.Future[None]:
        self._pushed.covered(observation)
        return await self._observations.put(observation)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


async def _whole(work: Coroutine[Any, Any, _T]) -> _T:
    """Its result, from a task of its own, so that a cancellation of ours is never lost in it.

    A group of tasks raises the errors of its tasks and drops the cancellation that came together with them.
    """
    working = asyncio.create_task(work)
    try:
        await asyncio.wait({working})
    finally:
        if not working.done():
            working.cancel()
            await asyncio.wait({working})
    return working.result()
