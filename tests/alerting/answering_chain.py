"""An observed chain whose endpoints answer what a test sets."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from connext_monitor.alerting.causes import BidStore, CauseFinder
from connext_monitor.clock import Clock, SystemClock
from connext_monitor.config import ChainConfig
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.events import Address, BlockNumber, BlockRef, Hash32, Timestamp, TransferId, TransferInfo
from connext_monitor.core.execution import SimulatedExecution
from connext_monitor.core.side_events import SeenSideEvent
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.chain_queries import ChainQueries, Unanswered
from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.observer import Observer
from connext_monitor.observed_chain import ObservedChain
from tests.monitoring.covering import Memory
from tests.monitoring.made_up_chain import CONFIG
from tests.world.alerts import DESTINATION, ORIGIN

UNOBSERVED_AFTER = 100.0
_HISTORY = 300
"""Seconds behind the head from which on covering is reading history."""

_T = TypeVar("_T")


class SetAnswers(ChainQueries):
    """Questions about single transfers, answered as a test sets it; where an answer is None, nobody answers.

    Held to what endpoints make of the same questions by tests/test_observed_chain.py. ``statuses`` are those of single
    transfers, ``status`` that of all others, ``nameless`` a transfer that nobody answers about. ``find`` records what
    the chain has of a transfer, and returns None where it has nothing; ``searched`` False is a chain that cannot be
    searched; ``sent`` is what it says made any transfer, ``simulated`` what any execution would come to. ``asked``,
    ``fetched``, ``sought`` and ``simulations`` are what was asked; every question raises ``fault``.
    """

    def __init__(self, observer: Observer) -> None:
        memory = Memory()
        super().__init__(observer.state, memory, memory, observer.pool)
        self.why = "node.example refused eth_call"
        self.status: TransferStatus | None = TransferStatus.NONE
        self.statuses: dict[TransferId, TransferStatus] = {}
        self.nameless: TransferId | None = None
        self.pause: bool | None = False
        self.side: list[SeenSideEvent] | None = []
        self.searched = True
        self.find: Callable[[TransferId], Awaitable[object] | None] = lambda _: None
        self.while_asked: Callable[[], object] = lambda: None
        self.fault: Exception | None = None
        self.asked: list[TransferId] = []
        self.fetched: list[TransferId] = []
        self.sought: list[tuple[TransferId, tuple[bytes, ...]]] = []
        self.since: list[Timestamp] = []
        self.pauses_asked = 0
        self.sent: TransferInfo | None = None
        self.simulated: SimulatedExecution | None = None
        self.simulations: list[tuple[TransferId, TransferInfo, tuple[Address, ...]]] = []

    async def transfer_status(self, transfer_id: TransferId) -> TransferStatus:
        self.asked.append(transfer_id)
        await self._asked()
        status = None if transfer_id == self.nameless else self.statuses.get(transfer_id, self.status)
        return self._answered(status)

    async def transfer_statuses(self, transfer_ids: Sequence[TransferId]) -> list[TransferStatus]:
        return [await self.transfer_status(transfer_id) for transfer_id in transfer_ids]

    async def paused(self) -> bool:
        self.pauses_asked += 1
        await self._asked()
        return self._answered(self.pause)

    async def side_events(
        self, transfer_id: TransferId, topics: Sequence[bytes], since: Timestamp
    ) -> list[SeenSideEvent]:
        self.sought.append((transfer_id, tuple(topics)))
        self.since.append(since)
        await self._asked()
        return self._answered(None if transfer_id == self.nameless else self.side)

    async def sent_params(self, transfer_id: TransferId, block: BlockNumber) -> TransferInfo | None:  # noqa: ARG002 - all alike
        await self._asked()
        return self.sent

    async def simulated_execution(
        self, transfer_id: TransferId, info: TransferInfo, relayers: Sequence[Address]
    ) -> SimulatedExecution:
        self.simulations.append((transfer_id, info, tuple(relayers)))
        await self._asked()
        return self._answered(self.simulated)

    async def fetch_events(self, transfer_id: TransferId, since: Timestamp) -> bool:
        self.fetched.append(transfer_id)
        self.since.append(since)
        return await self._search(transfer_id)

    async def fetch_origin(self, transfer_id: TransferId, since: Timestamp) -> bool:
        return await self.fetch_events(transfer_id, since)

    async def _asked(self) -> None:
        if self.fault is not None:
            raise self.fault
        happened = self.while_asked()
        if inspect.isawaitable(happened):
            await happened

    def _answered(self, answer: _T | None) -> _T:
        if answer is None:
            raise Unanswered(self.why)
        return answer

    async def _search(self, transfer_id: TransferId) -> bool:
        if not self.searched or transfer_id == self.nameless:
            raise Unanswered(self.why)
        recorded = self.find(transfer_id)
        if recorded is not None:
            await recorded
        return recorded is not None


class _Rereading(Observer):
    """Has read all again as soon as it is to, unless it is ``mute``; its endpoint is in use for as long."""

    mute = False
    asked = 0

    def cover_again(self, since: float) -> None:
        self.asked += 1
        if self.state.caught_up and not self.mute:
            self.state.reached_head(max(since, self.state.clock.monotonic()))


class AnsweringChain(ObservedChain):
    """An observed chain that has been covered, and is not being observed now: it is as a test sets it.

    ``looks`` are the instants that it was to be covered past, ``history_asked`` how often it was asked for its past.
    While it is ``mute``, nothing of it is read again; `rereads_asked` is how often it was to be.
    """

    def __init__(self, name: str = "gnosis", *, clock: Clock | None = None, covered: bool = True) -> None:
        config = ChainConfig.model_validate(CONFIG | {"name": name})
        memory = Memory()
        clock = clock or SystemClock()
        self._rereading = observer = _Rereading(
            config,
            UNOBSERVED_AFTER,
            open_endpoint,
            memory,
            memory,
            clock,
            Random(1),  # noqa: S311
        )
        self.answers = SetAnswers(observer)
        super().__init__(observer, self.answers)
        self.state = observer.state
        self.looks: list[Timestamp] = []
        self.history_asked = 0
        if covered:
            self.reach_block(1)

    @property
    def mute(self) -> bool:
        """See above."""
        return self._rereading.mute

    @mute.setter
    def mute(self, mute: bool) -> None:
        self._rereading.mute = mute

    @property
    def rereads_asked(self) -> int:
        """See above."""
        return self._rereading.asked

    def reach_block(self, number: int) -> None:
        """Its covered head rises to this block."""
        block = BlockRef(BlockNumber(number), Hash32(bytes(32)), Timestamp(number))
        self.state.reached(Coverage(BlockNumber(0), BlockNumber(0), block))

    def fall_silent(self, seconds: float) -> None:
        """Its covered head rose last so many seconds ago."""
        self.state.covered_risen_at = self.state.clock.monotonic() - seconds

    def read_history_until(self, watermark: int) -> None:
        """It catches up until it is covered up to there."""
        head = Timestamp(watermark + _HISTORY)
        self.state.saw_head(Header(BlockNumber(2), Hash32(bytes(32)), Hash32(bytes(32)), head, None))

    def cover_past(self, instant: Timestamp) -> None:
        self.looks.append(instant)
        super().cover_past(instant)

    def reads_history(self, watermark: Timestamp) -> bool:
        self.history_asked += 1
        return super().reads_history(watermark)


@dataclass
class Bridge:
    """Two chains that are asked why a leg is late."""

    origin: AnsweringChain = field(default_factory=AnsweringChain)
    destination: AnsweringChain = field(default_factory=AnsweringChain)

    def finder(self, store: BidStore) -> CauseFinder:
        return CauseFinder(store, {ORIGIN: self.origin, DESTINATION: self.destination}, SystemClock())
