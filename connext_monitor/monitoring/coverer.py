"""Covers a chain's blocks from one endpoint: what to do next is decided in `next_action`, and done here."""

from collections.abc import Callable
from typing import NoReturn

from connext_monitor.core.coverage import Aim, Cover, CoverSituation, LookAtHead, Sleep, begin, next_action
from connext_monitor.core.events import BlockNumber
from connext_monitor.monitoring.any_endpoint import AnyEndpoint
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.cover_pass import CoverPass
from connext_monitor.monitoring.cover_recovery import CoverRecovery
from connext_monitor.monitoring.cover_requests import CoverRequests
from connext_monitor.monitoring.coverage_store import CoverageStore
from connext_monitor.monitoring.endpoint import Endpoint
from connext_monitor.monitoring.endpoint_pool import PooledEndpoint
from connext_monitor.monitoring.intervals import USUAL, Intervals
from connext_monitor.monitoring.json_rpc import EndpointUnavailable, RpcRefused
from connext_monitor.monitoring.lineage import Lineage
from connext_monitor.monitoring.observation import Observation, ObservationSink, record
from connext_monitor.monitoring.origin_nonces import OriginNonces
from connext_monitor.monitoring.second_look import BloomMemory
from connext_monitor.monitoring.unusable_answers import LongRead, PartialAnswer, StartOver, Unsettled


class Coverer:
    """Covers one chain from one endpoint, for as long as that endpoint is in use.

    All methods raise EndpointUnavailable if the endpoint cannot serve it.
    """

    def __init__(
        self,
        state: ChainState,
        endpoint: Endpoint,
        pooled: PooledEndpoint,
        store: CoverageStore,
        observations: ObservationSink,
        requests: CoverRequests,
        intervals: Intervals = USUAL,
    ) -> None:
        self._state = state
        self._config = state.config
        self._endpoint = endpoint
        self._pooled = pooled
        self._store = store
        self._observations = observations
        self._requests = requests
        self._settled_every = intervals.second_look
        self._settled_at = -self._settled_every
        self._lineage = Lineage(self._config, endpoint, state.headers, state.verified)
        asking = AnyEndpoint(state, pooled.pool)
        self._nonces = OriginNonces(state, endpoint, self._lineage, asking, intervals.first_nonce)
        self._recovery = CoverRecovery(
            state, endpoint, pooled, self._lineage, self._nonces, observations, intervals.retry
        )
        self._blooms = BloomMemory()
        self._unfinished: Cover | None = None
        self._head_doubted = False
        self._failures = 0
        self._confirmed = 0

    @property
    def state(self) -> ChainState:
        """The live state of the chain that it covers."""
        return self._state

    @property
    def settling_due(self) -> bool:
        """Whether the next confirming cover is to look at what is final: that costs requests, so not each one does."""
        if self._pooled.is_only_one:
            return self._confirmed % 2 == 0
        return self._state.clock.monotonic() - self._settled_at >= self._settled_every

    async def run(self, on_covered: Callable[[], None]) -> NoReturn:
        """Cover whenever there is a reason to; ``on_covered`` is called each time the head has been reached."""
        await self.begin()
        while True:
            match next_action(self._situation()):
                case Sleep(seconds):
                    await self._requests.wait(seconds)
                case LookAtHead():
                    await self._attempt(LookAtHead())
                case Cover() as cover:
                    await self.cover(cover)
                    on_covered()

    async def begin(self) -> None:
        """Go on where the database stands, or begin at the configured block."""
        # What was queued before an endpoint was given up may move the checkpoint, even back: it is committed first.
        await record(self._observations, Observation(self._config.domain_id))
        coverage = await self._store.coverage(self._config.domain_id)
        if coverage is None:
            start = self._config.start_block
            first = await self._newest() if start == "latest" else BlockNumber(start)
            coverage = begin(first)
            await self._nonces.begin(first)
            await self._lineage.confirm()
        self._state.coverage = coverage

    async def _newest(self) -> BlockNumber:
        head = await self._endpoint.head()
        try:
            await self._lineage.verify(head.hash)
        except Unsettled as error:
            raise EndpointUnavailable(self._endpoint.host, str(error)) from error
        return head.number

    async def cover(self, cover: Cover) -> None:
        """Do one cover, and do it again for as long as that may help."""
        if cover.aim is Aim.CONFIRM:
            self._requests.confirming()
        self._unfinished, self._failures, self._head_doubted = cover, 0, False
        while self._unfinished is not None:
            action = next_action(self._situation())
            await self._attempt(action if isinstance(action, LookAtHead) else cover)

    def _situation(self) -> CoverSituation:
        state = self._state
        return CoverSituation(
            coverage=state.begun,
            head=state.head.ref if state.head else None,
            head_doubted=self._head_doubted,
            failed=self._unfinished,
            confirmed=self._confirmed > 0,
            until_confirm=self._requests.until_confirm,
            settling_due=self.settling_due,
            reorg_hinted=self._requests.reorg_hinted,
            awaited=state.awaited[0] if state.awaited else None,
            pushes=self._endpoint.pushes,
        )

    async def _attempt(self, action: LookAtHead | Cover) -> None:
        reached = self._state.coverage
        try:
            if isinstance(action, Cover):
                await self._pass(action)
            else:
                await self._look_at_head()
        except LongRead as error:
            self._pooled.read_too_long(error.blocks)
        except (Unsettled, PartialAnswer, RpcRefused) as error:
            self._failures = self._failures + 1 if self._state.coverage == reached else 1
            self._head_doubted = True
            if isinstance(error, StartOver):
                await self.begin()
            await self._recovery.recover(error, self._failures)

    async def _look_at_head(self) -> None:
        before = self._state.head
        head = await self._endpoint.head()
        announced = self._state.head
        # The answer may be older than what was announced meanwhile: a chain may stand still after that.
        if announced is None or announced is before or announced.number < head.number:
            self._state.saw_head(head)
        self._head_doubted = False

    async def _pass(self, cover: Cover) -> None:
        head = self._state.head
        if head is None:
            raise RuntimeError("a cover needs a head, see next_action")
        confirms, began = cover.aim is Aim.CONFIRM, self._state.clock.monotonic()
        walk = CoverPass(
            self._state, self._endpoint, self._pooled, self._store, self._observations, self._nonces, self._blooms
        )
        await walk.run(cover, head, asks_nonce=confirms and self._confirmed % 2 == 0)
        self._unfinished = None
        self._state.reached_head(began, again=confirms)
        self._confirmed += confirms
        if cover.settles:
            self._settled_at = self._state.clock.monotonic()
