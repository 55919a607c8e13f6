"""The ranges of one pass that are on their way to the database: the next is read meanwhile, and starts from them."""

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import CoverageMoved, RecordedMeanwhile
from connext_monitor.core.database_trouble import StoreUnavailable
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.observation import Observation, ObservationSink
from connext_monitor.monitoring.unusable_answers import StartOver, Unsettled


class CommitsUnderWay:
    """A context: whoever leaves it, unless cancelled, waits until all are stored, or for the first that was not.

    ``reached`` is the coverage once all of them are stored. No range can be stored without those before it: each says
    what it starts from, and the transaction refuses it unless that is what is stored. ``on_stored`` is called with what
    each of them stored, at once: nobody waits for the next range to be read before a commit counts.
    """

    def __init__(
        self, state: ChainState, observations: ObservationSink, on_stored: Callable[[ChainProgress], None]
    ) -> None:
        self.reached = state.begun
        self._state = state
        self._observations = observations
        self._on_stored = on_stored
        self._waiting: deque[tuple[ChainProgress, asyncio.Future[None]]] = deque()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, Exception):
            await self.stored()

    async def put(self, observation: Observation, progress: ChainProgress) -> None:
        """Have a range stored that takes the chain so far; waits for room only.

        Raises what kept one before it from being stored.
        """
        self.reached, self._state.final = progress.coverage, progress.coverage.checkpoint
        stored = await self._observations.put(observation)
        self._waiting.append((progress, stored))
        stored.add_done_callback(self._note)
        self._check()

    async def stored(self) -> None:
        """Wait until all are stored. Raises what kept the first of those that were not."""
        while self._waiting:
            # Not awaited itself: whoever is cancelled here would cancel it.
            await asyncio.wait({self._waiting[0][1]})
            self._check()

    def _note(self, _ended: object = None) -> None:
        """Take note of those that are stored, up to the first that is not."""
        while self._waiting and _is_stored(self._waiting[0][1]):
            progress, _ = self._waiting.popleft()
            self._on_stored(progress)
            # What follows on its way is final from now on, see `ChainState.final`.
            self._state.final = self.reached.checkpoint

    def _check(self) -> None:
        self._note()
        if not self._waiting or not self._waiting[0][1].done():
            return
        error = self._waiting[0][1].exception()
        self._waiting.clear()
        if isinstance(error, CoverageMoved):
            raise StartOver(str(error)) from error
        if isinstance(error, StoreUnavailable):
            raise StartOver("may have another block by now: what was read had to wait for the database") from error
        if isinstance(error, RecordedMeanwhile):
            raise Unsettled(str(error)) from error
        if error is not None:
            raise error


def _is_stored(ended: "asyncio.Future[None]") -> bool:
    return ended.done() and not ended.cancelled() and ended.exception() is None
