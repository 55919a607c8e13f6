"""A transfer checker on a real store that can be made to fail."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connext_monitor.clock import Clock, SystemClock
from connext_monitor.core.alerts.effects import Route
from connext_monitor.core.batch import Batch
from connext_monitor.core.deadline import Durations
from connext_monitor.core.events import DomainId
from connext_monitor.core.labels import ChainLabel, ChainLabels
from connext_monitor.core.prior_state import PriorState
from connext_monitor.core.recording import Changes
from connext_monitor.core.selection import TransferFilter
from connext_monitor.monitoring.observation import Committed
from connext_monitor.monitoring.observation_queue import ObservationQueue
from connext_monitor.monitoring.transfer_checker import TransferChecker
from connext_monitor.store.store import Store
from tests.monitoring.made_up_logs import DESTINATION, ORIGIN
from tests.world.databases import open_store

LABELS = ChainLabels({ORIGIN: ChainLabel("alpha", None), DESTINATION: ChainLabel("beta", None)})


class FailingStore:
    """The store, but whatever ``fails`` says cannot be stored; ``before`` is awaited first, and may raise."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.fails: Callable[[Batch], bool] = lambda _: False
        self.before: Callable[[], Awaitable[None]] | None = None
        self.batches = 0

    async def record(
        self,
        batch: Batch,
        decide: Callable[[PriorState], Changes],
        route: Route,
        at: datetime,
    ) -> tuple[Changes, list[str]]:
        self.batches += 1
        if self.before is not None:
            await self.before()
        if self.fails(batch):
            raise OSError("the disk is full")
        return await self._store.record(batch, decide, route, at)

    async def prove_writable(self) -> None:
        if self.before is not None:
            await self.before()
        await self._store.prove_writable()


@dataclass
class Checking:
    """A checker, what it stored in and what it told."""

    queue: ObservationQueue
    checker: TransferChecker
    store: Store
    failing: FailingStore
    commits: list[Committed]

    def committed(self, news: Committed) -> None:
        self.commits.append(news)

    @property
    def malformed(self) -> dict[DomainId, int]:
        """How many malformed logs of each chain have been committed."""
        return dict(sum((Counter(news.malformed) for news in self.commits), Counter[DomainId]()))

    async def count(self) -> int:
        """How many transfers are stored."""
        return len(await self.store.transfers.listed(TransferFilter(), limit=1000))


@asynccontextmanager
async def checking(
    folder: Path, *, run: bool = True, clock: Clock | None = None, patient: bool = False
) -> AsyncIterator[Checking]:
    store = await open_store(folder / "monitor.db", {ORIGIN: "alpha", DESTINATION: "beta"})
    failing = FailingStore(store)
    commits: list[Committed] = []

    class Listener:
        def committed(self, news: Committed) -> None:
            commits.append(news)

    queue = ObservationQueue()
    checker = TransferChecker(
        queue,
        failing,
        lambda _origin, _to: Durations(10, 20),
        Listener(),
        LABELS,
        clock or SystemClock(),
        lambda _: [],
        patient=patient,
    )
    running = asyncio.create_task(checker.run()) if run else None
    try:
        yield Checking(queue, checker, store, failing, commits)
    finally:
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        await store.close()
