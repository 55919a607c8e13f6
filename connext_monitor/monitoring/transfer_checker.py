"""The transfer checker: applies what observers saw to the transfers, commits once, and says so afterwards."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import cycle
from typing import Protocol

import structlog

from connext_monitor.clock import Clock
from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.batch import Batch, ChainProgress
from connext_monitor.core.database_trouble import StoreUnavailable
from connext_monitor.core.events import DomainId
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.prior_state import PriorState
from connext_monitor.core.recording import Changes, PathwayDurations, record
from connext_monitor.monitoring.event_log import log_changes
from connext_monitor.monitoring.observation import CommitListener, Committed, Observation
from connext_monitor.monitoring.observation_parts import CommitPart, parts_of, read_observation

_QUEUED = 1000
"""Observations of one chain that may wait."""
_LOGS_AT_ONCE = 5000
log = structlog.get_logger()


class RecordStore(Protocol):
    """The one transaction of promise 1."""

    async def record(
        self,
        batch: Batch,
        decide: Callable[[PriorState], Changes],
        route: Callable[[Alert], Collection[str]],
        at: datetime,
    ) -> tuple[Changes, list[str]]:
        """Store a batch with what ``decide`` makes of what is known; the changes, and the alerts opened or ended."""
        ...


class _Whole:
    """What an observation's parts share: one that cannot be stored takes those after it with it."""

    def __init__(self, done: asyncio.Future[None]) -> None:
        self._done = done
        self.failed = False

    def fail(self, error: Exception) -> None:
        """A part could not be stored."""
        self.failed = True
        if not self._done.done():
            self._done.set_exception(error)

    def stored(self) -> None:
        """The last part, and so all of it, is stored."""
        if not self._done.done():
            self._done.set_result(None)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A part of an observation; the ``last`` one carries what must not hold before all of it is stored."""

    part: CommitPart
    whole: _Whole
    last: bool


class TransferChecker:
    """Takes each chain's observations in the order in which they were put, and the chains in turn.

    If several wait, several are committed at a time. What cannot be stored because the database does not work waits
    until it does if the checker is ``patient``, and fails otherwise.
    """

    def __init__(
        self,
        store: RecordStore,
        durations: PathwayDurations,
        listener: CommitListener,
        labels: ChainLabels,
        clock: Clock,
        route: Callable[[Alert], Collection[str]],
        *,
        patient: bool = False,
    ) -> None:
        self._store = store
        self._route = route
        self._patient = patient
        self._durations = durations
        self._listener = listener
        self._labels = labels
        self._clock = clock
        self._queues: defaultdict[DomainId, asyncio.Queue[_Waiting]] = defaultdict(lambda: asyncio.Queue(_QUEUED))
        self._arrived = asyncio.Event()
        self._turns: defaultdict[DomainId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.malformed: dict[DomainId, int] = {}

    @property
    def waiting(self) -> int:
        """How many observations are queued."""
        return sum(queue.qsize() for queue in self._queues.values())

    async def put(self, observation: Observation) -> asyncio.Future[None]:
        """Queue it, waiting for room.

        The future is done once it is committed, or fails with what prevented that.
        """
        done = asyncio.get_running_loop().create_future()
        # Nobody has to await the future of a pushed log; a failure is logged here.
        done.add_done_callback(lambda done: done.cancelled() or done.exception())
        # One at a time, so that a chain's order stays while somebody vouches for a log.
        async with self._turns[observation.domain]:
            parts = parts_of(await read_observation(observation))
            whole = _Whole(done)
            for part in parts:
                await self._queues[observation.domain].put(_Waiting(part, whole, part is parts[-1]))
                self._arrived.set()
        return done

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while batch := self._next(_LOGS_AT_ONCE):
                await self._check(batch)

    async def drain(self) -> None:
        """Check what is still queued; for a clean stop, after `run` has been cancelled.

        What cannot be stored then is read again after the next start.
        """
        self._patient = False
        while batch := self._next(_LOGS_AT_ONCE):
            await self._check(batch)

    def _next(self, most: int) -> list[_Waiting]:
        """Some of what waits, until that is ``most`` logs: one part of each chain in turns."""
        batch: list[_Waiting] = []
        logs = 0
        for queue in cycle(list(self._queues.values())):
            if logs >= most or not self.waiting:
                break
            if not queue.empty():
                batch.append(queue.get_nowait())
                logs += batch[-1].part.size
        return batch

    async def _check(self, batch: list[_Waiting]) -> None:
        batch = [waiting for waiting in batch if not waiting.whole.failed]
        if not batch:
            return
        try:
            await self._commit_patiently([waiting.part for waiting in batch])
        except StoreUnavailable as error:
            for waiting in batch:
                waiting.whole.fail(error)
        except Exception as error:
            if len(batch) > 1:
                # One observation that cannot be stored must not take the others with it.
                for waiting in batch:
                    await self._check([waiting])
                return
            log.exception("observation.not_stored", chain=self._labels.display_name(batch[0].part.domain))
            batch[0].whole.fail(error)
        else:
            for waiting in batch:
                if waiting.last:
                    waiting.whole.stored()

    async def _commit_patiently(self, batch: list[CommitPart]) -> None:
        while True:
            try:
                return await self._commit(batch)
            except StoreUnavailable:
                # The store itself says how soon it can be tried again: the next try waits in there.
                if not self._patient:
                    raise

    async def _commit(self, batch: list[CommitPart]) -> None:
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
        for domain, logs in Counter(bad.domain for bad in whole.unreadable).items():
            self.malformed[domain] = self.malformed.get(domain, 0) + logs
        log_changes(changes, whole.unreadable, self._labels)
        self._listener.committed(Committed(changes.effects, whole.progress, changed_alerts, changes))

    def _log_losses(self, progress: Iterable[ChainProgress]) -> None:
        for chain in progress:
            name = self._labels.display_name(chain.domain)
            if chain.replaced is not None:
                checkpoint = chain.coverage.checkpoint
                log.error("chain.deep_reorg", chain=name, block=chain.replaced, read_again_after=checkpoint)
            if chain.unread is not None:
                log.error("history.lost", chain=name, blocks=f"{chain.unread.first}-{chain.unread.last}")
