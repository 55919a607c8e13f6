"""The observer of one chain: keeps an endpoint in use, passes pushed logs on at once, and has block ranges covered.

Start, catch-up, reconnect and steady state are one loop: wait for a reason, cover up to the head.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from random import Random
from typing import Any, NoReturn, TypeVar

import structlog

from connext_monitor.clock import Clock
from connext_monitor.config import ChainConfig
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.coverage import Aim, first_unread
from connext_monitor.core.database_trouble import StoreUnavailable
from connext_monitor.core.decoding import EVENT_TOPICS
from connext_monitor.core.endpoint_health import Trouble
from connext_monitor.core.events import RawLog, Timestamp
from connext_monitor.core.recording import UnreadableLog
from connext_monitor.core.rpc_refusal import Reaction
from connext_monitor.monitoring.chain_data import Header, MalformedEntry, PushedLog
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.coverer import CoverageStore, Coverer, patience, pause_after
from connext_monitor.monitoring.endpoint import MOST_MALFORMED, Endpoint, Pushes
from connext_monitor.monitoring.endpoint_pool import EndpointPool, OpenEndpoint
from connext_monitor.monitoring.failure_log import FailureLog
from connext_monitor.monitoring.json_rpc import EndpointNotBelieved, EndpointUnavailable, RpcError, RpcRefused
from connext_monitor.monitoring.lineage import Lineage
from connext_monitor.monitoring.observation import Observation, ObservationQueue
from connext_monitor.monitoring.pushed_logs import PushedLogs
from connext_monitor.monitoring.range_reader import RangeReader, Unsettled
from connext_monitor.monitoring.watchdog import BetterEndpoint, Watchdog

_CALM = 60.0
"""Seconds between two covers where nothing asks for one sooner."""
_OF_ALL_REQUESTS = 5
"""Every so many requests, where an endpoint limits them, one may be for the head."""
_HEAD_MAY_FOLLOW = 0.25
"""Seconds that a pushed log waits for the head of its block, which brings its time, before that is asked for."""

_STANDSTILL = 5.0
"""Seconds for which this program has not run that explain why a connection is gone: servers drop who is silent."""

_T = TypeVar("_T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _End:
    """How the use of an endpoint ended; ``retry_after`` is how many seconds it asked not to be asked again."""

    trouble: Trouble
    retry_after: float | None = None


class Observer:
    """Observes one chain until cancelled; whatever its endpoints do, it goes on trying."""

    def __init__(
        self,
        config: ChainConfig,
        unobserved_after: float,
        open_endpoint: OpenEndpoint,
        store: CoverageStore,
        observations: ObservationQueue,
        clock: Clock,
        random: Random,
    ) -> None:
        self._config = config
        self._unobserved_after = unobserved_after
        self._pool = EndpointPool(config, open_endpoint, clock, random)
        self._store = store
        self._observations = observations
        self._clock = clock
        self.state = ChainState(config, clock, unobserved_after)
        self._wake = asyncio.Event()
        self._hinted = False
        self._confirmed_at = 0.0
        self._standstills = clock.elapsed() - clock.monotonic()
        self._log = log.bind(chain=config.name)
        self._failures = FailureLog(self._log, len(config.endpoints), clock)

    def look(self, past: Timestamp) -> None:
        """Have the chain covered past this instant of block time as soon as it has such a block."""
        self.state.want(past)
        self._wake.set()

    @property
    def pool(self) -> EndpointPool:
        """The chain's endpoints."""
        return self._pool

    def sight(self) -> ChainStatus:
        """How the chain is seen now."""
        return replace(self.state.sight(), requests=dict(self._pool.requests))

    async def run(self) -> NoReturn:
        """Observe until cancelled: with the first healthy endpoint, and with the next one when it fails."""
        while True:
            choice = self._pool.choose()
            await asyncio.sleep(choice.wait)
            risen_at = self.state.covered_risen_at
            end = await _whole(self._try(choice.place))
            if end is not None:
                # Only progress shows that an endpoint is worth coming back to at once; a handshake does not.
                progressed = self.state.covered_risen_at != risen_at
                self._pool.ended(choice.place, end.trouble, progressed=progressed, retry_after=end.retry_after)

    async def _try(self, place: int) -> _End | None:
        """Observe with one endpoint until it will not do; None where it is left for a better one."""
        end: _End | None = _End(Trouble.FAILED)
        try:
            async with self._pool.open(place) as endpoint:
                await self._session(endpoint, place)
        except* BetterEndpoint:
            self._log.info("endpoint.left_for_better")
            end = None
        except* EndpointNotBelieved as group:
            self._failed(place, str(_first(group)))
            end = _End(Trouble.NOT_BELIEVED)
        except* RpcError as group:
            end = self._ended_by(place, _first(group))
        except* StoreUnavailable as group:
            # Nothing is wrong with the endpoint; who is asked next does not matter.
            self._failed(place, str(_first(group)))
        except* Exception as group:  # noqa: BLE001 - a fault of ours on one chain must not end its observation
            self._log.exception("observer.failed", error=str(_first(group)))
            self._failed(place, "an error in this program; see its log")
        finally:
            self.state.disconnected()
        return end

    def _ended_by(self, place: int, error: BaseException) -> _End | None:
        """How a failure ended an endpoint's use; None where it may be ours, and the same one is tried again at once."""
        if self._has_stood_still():
            self._log.info("endpoint.lost", reason=str(error), after="a standstill of this program")
            return None
        self._failed(place, str(error))
        return _End(Trouble.FAILED, error.retry_after if isinstance(error, RpcError) else None)

    def _has_stood_still(self) -> bool:
        """Whether this program has stood still since this was last asked: who got no answer meanwhile hung up."""
        before, self._standstills = self._standstills, self._clock.elapsed() - self._clock.monotonic()
        return self._standstills - before >= _STANDSTILL

    def _failed(self, place: int, reason: str) -> None:
        self._failures.failed(place, reason)
        self.state.trouble = reason

    async def _session(self, endpoint: Endpoint, place: int) -> None:
        self.state.connected(endpoint, place)
        self._log.info("endpoint.connected", endpoint=endpoint.host, pushes=endpoint.pushes)
        watchdog = Watchdog(self.state, endpoint, self._pool, place, self._unobserved_after)
        pushed = PushedLogs(self._clock)
        async with asyncio.TaskGroup() as tasks:
            if endpoint.pushes:
                # Subscribed before anything is covered, so that nothing falls between the two.
                heads = await endpoint.subscribe_heads()
                logs = await endpoint.subscribe_logs(self._config.contract, [EVENT_TOPICS])
                tasks.create_task(self._follow_heads(heads, pushed))
                tasks.create_task(self._follow_logs(endpoint, logs, pushed))
            else:
                tasks.create_task(self._poll_heads(endpoint, place))
            tasks.create_task(self._cover(endpoint, place, pushed))
            tasks.create_task(watchdog.watch_progress())
            tasks.create_task(watchdog.look_for_better())

    # Pushes

    async def _follow_heads(self, heads: Pushes[Header], pushed: PushedLogs) -> None:
        async for head in heads:
            pushed.saw_head(head)
            self._saw_head(head)

    async def _poll_heads(self, endpoint: Endpoint, place: int) -> None:
        interval = min(12.0, max(0.5, self._config.block_time.total_seconds()))
        # Often enough for the watchdog, which gives up an endpoint whose head does not rise.
        longest = min(_CALM / 3, self._unobserved_after / 6)
        failures = 0
        while True:
            # Where few requests are allowed, most of them are for what the heads are about.
            pause = max(interval, min(longest, _OF_ALL_REQUESTS * endpoint.pacer.interval))
            try:
                self._saw_head(await endpoint.head())
                failures = 0
            except RpcRefused as error:
                failures += 1
                if error.refusal.reaction is not Reaction.RATE or failures > patience(self._pool, place):
                    raise
                pause = max(pause, pause_after(error, failures))
            await asyncio.sleep(pause)

    def _saw_head(self, head: Header) -> None:
        if self.state.replaces(head):
            self._hinted = True
        self.state.saw_head(head)
        self._wake.set()

    async def _follow_logs(
        self, endpoint: Endpoint, logs: Pushes[PushedLog | MalformedEntry], owed: PushedLogs
    ) -> None:
        reader = RangeReader(endpoint, self._config.domain_id, self._config.contract, self.state.headers)
        lineage = Lineage(self._config, endpoint, self.state.headers, self.state.borne_out)
        malformed = 0
        async for pushed in logs:
            if isinstance(pushed, MalformedEntry):
                malformed += 1
                await self._skip(endpoint, pushed, malformed)
            elif pushed.removed:
                self._hint()
            else:
                owed.brought(pushed.log)
                await self._pass_on(endpoint, reader, lineage, pushed)

    async def _skip(self, endpoint: Endpoint, pushed: MalformedEntry, so_far: int) -> None:
        await self._observations.put(Observation(self._config.domain_id, malformed=[pushed]))
        if so_far > MOST_MALFORMED:
            raise EndpointNotBelieved(
                endpoint.host, f"pushed more than {MOST_MALFORMED:,} entries that are none of the logs asked for"
            )
        if pushed.unreadable:
            # A log that was asked for may hide in it: what its block really has is read at once.
            self._hint()

    async def _pass_on(self, endpoint: Endpoint, reader: RangeReader, lineage: Lineage, pushed: PushedLog) -> None:
        await self.state.headers.arrival(pushed.log.block_hash, _HEAD_MAY_FOLLOW)
        try:
            decoded = await reader.decode_logs([pushed.log])
            stands = await self._stands(endpoint, pushed.log)
            await lineage.bear_out(pushed.log.block_hash, again=True)
        except (Unsettled, RpcRefused):
            # The next cover reads it; what can only be done later is no reason to give the endpoint up.
            self._hint()
            return
        if stands:
            await self._observations.put(Observation(self._config.domain_id, logs=decoded))
            found = decoded[0].content
            if isinstance(found, UnreadableLog) and found.delivery is not None:
                # It is said that something else was delivered than was sent: pushed it accuses nobody, covered it does.
                self._hint()

    async def _stands(self, endpoint: Endpoint, raw: RawLog) -> bool:
        """Whether a log may be passed on: what stands at or below the checkpoint is never looked at again."""
        coverage = self.state.coverage
        if coverage is None or raw.block_number > coverage.checkpoint:
            return True
        header = await endpoint.header(raw.block_number)
        return header is not None and header.hash == raw.block_hash

    def _hint(self) -> None:
        self._hinted = True
        self._wake.set()

    # Covering

    async def _cover(self, endpoint: Endpoint, place: int, pushed: PushedLogs) -> None:
        coverer = Coverer(self.state, endpoint, self._store, _Listening(self._observations, pushed), self._pool, place)
        await coverer.begin()
        aim: Aim | None = Aim.CONFIRM
        while True:
            if aim is not None:
                hinted = self._hinted
                if aim is Aim.CONFIRM:
                    self._hinted = False
                    self._confirmed_at = self._clock.monotonic()
                await coverer.cover(aim, hinted=hinted)
                self._recovered(endpoint)
            await self._until_woken()
            if pushed.mute:
                raise EndpointUnavailable(endpoint.host, "announces blocks and does not push the logs in them")
            aim = self._next_aim(endpoint)

    def _recovered(self, endpoint: Endpoint) -> None:
        self._failures.works(endpoint.host)
        self.state.works()

    async def _until_woken(self) -> None:
        left = self._confirmed_at + self._calm() - self._clock.monotonic()
        try:
            async with asyncio.timeout(max(0.0, left)):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    def _next_aim(self, endpoint: Endpoint) -> Aim | None:
        """Why to cover now, if at all.

        1. A hint of a reorg, or a calm interval without a confirming cover: confirm.
        2. Nothing is covered yet and the first block to watch has come: advance.
        3. Someone waits for an instant that the head has passed: advance.
        4. An endpoint that does not push has a new head: advance.
        """
        if self._hinted or self._clock.monotonic() - self._confirmed_at >= self._calm():
            return Aim.CONFIRM
        head, coverage = self.state.head, self.state.coverage
        if head is None or coverage is None or head.number <= first_unread(coverage, Aim.ADVANCE):
            return None
        wanted = bool(self.state.wanted) and head.timestamp > self.state.wanted[0]
        return Aim.ADVANCE if wanted or coverage.covered is None or not endpoint.pushes else None

    def _calm(self) -> float:
        return min(_CALM, self._unobserved_after / 2)


class _Listening:
    """The checker, and beside it what takes note of the logs that covers read."""

    def __init__(self, observations: ObservationQueue, pushed: PushedLogs) -> None:
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
