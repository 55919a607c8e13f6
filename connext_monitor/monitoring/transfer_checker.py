"""The transfer checker: applies what observers saw to the transfers, commits once, and says so afterwards."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Protocol

import structlog

from connext_monitor.clock import Clock
from connext_monitor.core.alerts.effects import Route
from connext_monitor.core.batch import Batch, ChainProgress
from connext_monitor.core.coverage import CoverageMoved, RecordedMeanwhile
from connext_monitor.core.database_trouble import StoreUnavailable
from connext_monitor.core.deadline import PathwayDurations
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.prior_state import PriorState
from connext_monitor.core.recording import Changes, record
from connext_monitor.monitoring.event_log import log_changes
from connext_monitor.monitoring.observation import CommitListener, Committed
from connext_monitor.monitoring.observation_parts import CommitPart
from connext_monitor.monitoring.observation_queue import ObservationQueue, QueuedPart

_LOGS_AT_ONCE = 5000
_OUTAGE = 10.0
"""Seconds for which nothing could be stored, after which what waited is read again: a reorg may have dropped it."""

log = structlog.get_logger()


class RecordStore(Protocol):
    """The one transaction of promise 1."""

    async def record(
        self,
        batch: Batch,
        decide: Callable[[PriorState], Changes],
        route: Route,
        at: datetime,
    ) -> tuple[Changes, list[str]]:
        """Store a batch with what ``decide`` makes of what is known; the changes, and the alerts opened or ended."""
        ...

    async def prove_writable(self) -> None:
        """Return once something has been written. Raises StoreUnavailable."""
        ...


class TransferChecker:
    """Commits what observers put into its queue: each chain's observations in order, and the chains in turn.

    If several wait, several are committed at a time. What cannot be stored because the database does not work waits
    until it does if the checker is ``patient``, and fails otherwise. After an outage all that waited fails: whoever saw
    it looks whether it still stands.
    """

    def __init__(
        self,
        queue: ObservationQueue,
        store: RecordStore,
        durations: PathwayDurations,
        listener: CommitListener,
        labels: ChainLabels,
        clock: Clock,
        route: Route,
        *,
        patient: bool = False,
    ) -> None:
        self._queue = queue
        self._store = store
        self._route = route
        self._patient = patient
        self._durations = durations
        self._listener = listener
        self._labels = labels
        self._clock = clock

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            await self._queue.arrival()
            while batch := self._queue.take(_LOGS_AT_ONCE):
                await self._check(batch)

    async def drain(self) -> None:
        """Check what is still queued; for a clean stop, after `run` has been cancelled.

        What cannot be stored then is read again after the next start.
        """
        self._patient = False
        while batch := self._queue.take(_LOGS_AT_ONCE):
            await self._check(batch)

    async def _check(self, batch: list[QueuedPart]) -> None:
        batch = [waiting for waiting in batch if not waiting.outcome.failed]
        if not batch:
            return
        try:
            log_it = await self._commit_patiently([waiting.part for waiting in batch])
        except StoreUnavailable as error:
            for waiting in (*batch, *(self._queue.take(sys.maxsize) if self._patient else ())):
                waiting.outcome.fail(error)
        except Exception as error:  # noqa: BLE001 - what cannot be stored must not end the checker
            await self._not_stored(batch, error)
        else:
            for waiting in batch:
                if waiting.last:
                    waiting.outcome.stored()
            # After whoever waits for it: a line for each of twenty logs takes as long as to decode them.
            asyncio.get_running_loop().call_soon(log_it)

    async def _not_stored(self, batch: list[QueuedPart], error: Exception) -> None:
        if len(batch) > 1:
            # One observation that cannot be stored must not take the others with it.
            for waiting in batch:
                await self._check([waiting])
            return
        if not isinstance(error, RecordedMeanwhile | CoverageMoved):
            chain = self._labels.display_name(batch[0].part.domain)
            log.error("observation.not_stored", chain=chain, exc_info=error)
        batch[0].outcome.fail(error)

    async def _commit_patiently(self, batch: list[CommitPart]) -> Callable[[], None]:
        """Raises StoreUnavailable: where it is patient, once an outage is over."""
        began = self._clock.monotonic()
        while True:
            try:
                return await self._commit(batch)
            except StoreUnavailable:
                # The store itself says how soon it can be tried again: the next try waits in there.
                if not self._patient:
                    raise
                if self._clock.monotonic() - began >= _OUTAGE:
                    await self._outage_over()
                    raise

    async def _outage_over(self) -> None:
        while True:
            with suppress(StoreUnavailable):
                return await self._store.prove_writable()

    async def _commit(self, batch: list[CommitPart]) -> Callable[[], None]:
        """Returns what logs it."""
        whole = Batch(
            changes=[part.change for part in batch],
            progress=[part.progress for part in batch if part.progress is not None],
            unreadable=[bad for part in batch for bad in part.unreadable],
            history=[part.history for part in batch if part.history is not None],
        )
        self._log_losses(whole.progress)
        now, name = self._clock.now(), self._labels.display_name
        decide = partial(record, batch=whole, at=now, durations=self._durations, name=name)
        changes, changed_alerts = await self._store.record(whole, decide, self._route, now)
        malformed = Counter([bad.domain for bad in whole.unreadable]) if whole.unreadable else {}
        self._listener.committed(Committed(changes.effects, whole.progress, changed_alerts, changes, malformed))
        return partial(log_changes, changes, whole.unreadable, self._labels)

    def _log_losses(self, progress: Iterable[ChainProgress]) -> None:
        for chain in progress:
            name = self._labels.display_name(chain.domain)
            if chain.replaced is not None:
                checkpoint = chain.coverage.checkpoint
                log.error("chain.deep_reorg", chain=name, block=chain.replaced, read_again_after=checkpoint)
            if chain.unread is not None:
                log.error("history.lost", chain=name, blocks=f"{chain.unread.first}-{chain.unread.last}")
