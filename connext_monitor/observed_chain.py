"""A chain that is observed and can be asked: alerting and monitoring do not know each other, and meet here."""

from collections.abc import Awaitable, Sequence
from math import inf
from typing import TypeVar

import structlog

from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.events import Address, BlockNumber, BlockRef, Timestamp, TransferId, TransferInfo
from connext_monitor.core.execution import SimulatedExecution
from connext_monitor.core.router_balances import CoveredBalances, RouterAsset
from connext_monitor.core.side_events import SeenSideEvent
from connext_monitor.monitoring.chain_queries import ChainQueries, Unanswered
from connext_monitor.monitoring.observer import Observer

_T = TypeVar("_T")

log = structlog.get_logger()


class ObservedChain:
    """What a chain's observer covers, and what its endpoints answer when asked."""

    def __init__(self, observer: Observer, queries: ChainQueries) -> None:
        self._observer = observer
        self._queries = queries
        self._state = observer.state
        self.unanswered: str | None = None
        self._start: tuple[BlockNumber, Timestamp] | None = None

    @property
    def name(self) -> str:
        """Its name in the config."""
        return self._state.config.name

    @property
    def observed(self) -> bool:
        """Whether its covered head has risen lately, since this program started."""
        return self._state.observed

    @property
    def silent_for(self) -> float:
        """Seconds since its covered head last rose, before this program started too once this one had a fair chance."""
        return self._state.unseen_for

    def reads_history(self, watermark: Timestamp) -> bool:
        """Whether a chain covered up to there is catching up: late legs may have arrived in what comes."""
        return self._state.reads_history(watermark)

    def has_reread(self, number: BlockNumber, since: float = -inf) -> bool:
        """Whether a block of that height, read before, would be known to be gone, or nobody can know for long.

        Has the chain read again where it was not since then (on the monotonic clock), or since an outage of the store.
        """
        if self._state.has_reread(number, since):
            return True
        self._observer.cover_again(self._state.read_after(since))
        return False

    @property
    def trouble(self) -> str | None:
        """What is wrong with it, in words."""
        return self._state.trouble

    def cover_past(self, instant: Timestamp) -> None:
        """Have it covered past this instant as soon as it has such a block."""
        self._observer.cover_past(instant)

    async def transfer_status(self, transfer_id: TransferId) -> TransferStatus | None:
        """What the chain says of a transfer; None if it cannot be asked now, for the reason in `unanswered`."""
        return await self._decisive(self._queries.transfer_status(transfer_id))

    async def transfer_statuses(self, transfer_ids: Sequence[TransferId]) -> list[TransferStatus] | None:
        """What the chain says of each; None if it cannot be asked about all of them now, as above."""
        return await self._decisive(self._queries.transfer_statuses(transfer_ids))

    async def fetch_events(self, transfer_id: TransferId, since: Timestamp) -> bool | None:
        """Have the transfer's events looked for and recorded; None if that cannot be done now, as above."""
        return await self._decisive(self._queries.fetch_events(transfer_id, since))

    async def paused(self) -> bool | None:
        """Whether its diamond is paused; None if it cannot be asked now."""
        return await self._circumstantial(self._queries.paused())

    async def paused_when_covered(self, number: BlockNumber) -> bool | None:
        """Whether it is after the last covered block.

        None if that is below ``number``, while history is read, or if it cannot be asked now.
        """
        covered = self._state.covered
        if covered is None or covered.number < number or not self._state.caught_up:
            return None
        return await self._circumstantial(self._queries.paused_when_covered())

    @property
    def covered(self) -> BlockRef | None:
        """The last block covered; None before the first, and while the chain is out of sight or history is read."""
        return self._state.covered if self._state.observed and self._state.caught_up else None

    async def router_balances(
        self, holdings: Sequence[RouterAsset], earlier: BlockRef | None = None
    ) -> CoveredBalances | str:
        """What each of these is after the last covered block, or in words why that is not known now.

        An ``earlier`` block is looked at too: whether it still stands.
        """
        if self.covered is None:
            return f"{self.name} is out of sight, or its history is being read"
        try:
            return await self._queries.routers.at_covered(holdings, earlier)
        except Unanswered as error:
            return str(error)

    async def watched_since(self) -> Timestamp | None:
        """When its first watched block was made; None while that is not known."""
        coverage = self._state.coverage
        if coverage is None:
            return None
        if self._start is None or self._start[0] != coverage.start:
            made_at = await self._circumstantial(self._queries.routers.block_time(coverage.start))
            self._start = None if made_at is None else (coverage.start, made_at)
        return None if self._start is None else self._start[1]

    async def side_events(
        self, transfer_id: TransferId, topics: Sequence[bytes], since: Timestamp
    ) -> list[SeenSideEvent] | None:
        """What was done about a transfer besides its legs since then; None if the chain cannot be asked now."""
        return await self._circumstantial(self._queries.side_events(transfer_id, topics, since))

    async def sent_params(self, transfer_id: TransferId, block: BlockNumber) -> TransferInfo | None:
        """What made a transfer that began in this block of it; None if nobody shows it now."""
        return await self._circumstantial(self._queries.sent_params(transfer_id, block))

    async def simulated_execution(
        self, transfer_id: TransferId, info: TransferInfo, relayers: Sequence[Address]
    ) -> SimulatedExecution | None:
        """What an execution of a reconciled transfer would come to now; None if it cannot be asked."""
        return await self._circumstantial(self._queries.simulated_execution(transfer_id, info, relayers))

    async def _decisive(self, question: Awaitable[_T]) -> _T | None:
        """The answer to a question that decides about an alert: why there is none is kept, and logged once."""
        try:
            answer = await question
        except Unanswered as error:
            if str(error) != self.unanswered:
                log.warning("chain.not_asked", chain=self.name, reason=str(error))
            self.unanswered = str(error)
            return None
        self.unanswered = None
        return answer

    async def _circumstantial(self, question: Awaitable[_T]) -> _T | None:
        """The answer to a question that an alert does not wait for."""
        try:
            return await question
        except Unanswered as error:
            log.debug("chain.not_asked", chain=self.name, reason=str(error))
            return None
