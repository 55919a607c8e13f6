"""The program's parts without its command line: observers on proxies, a real store on a file, and the scheduler."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random

from connext_monitor.alerting.scheduler import AlertScheduler
from connext_monitor.clock import SystemClock
from connext_monitor.config import Config, load_config
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.config.rules import pathway_durations
from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.alerts.effects import Route
from connext_monitor.core.batch import Batch
from connext_monitor.core.events import DomainId, TransferId
from connext_monitor.core.prior_state import PriorState
from connext_monitor.core.recording import Changes
from connext_monitor.core.transfer import Status
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.monitoring.chain_queries import ChainQueries
from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.intervals import USUAL, Intervals
from connext_monitor.monitoring.json_rpc import RpcLimits
from connext_monitor.monitoring.observation import Committed
from connext_monitor.monitoring.observation_queue import ObservationQueue
from connext_monitor.monitoring.observer import Observer
from connext_monitor.monitoring.transfer_checker import TransferChecker
from connext_monitor.observed_chain import ObservedChain
from connext_monitor.store.store import Store
from scripts.devnet import Transfer
from tests.e2e.monitor import Setup, write_config
from tests.world.alerts import no_causes
from tests.world.databases import open_store
from tests.world.desks import desk_on
from tests.world.waiting import until


class Watch:
    """A running monitor without providers, and what it knows."""

    def __init__(self, config: Config, store: Store, limits: RpcLimits, intervals: Intervals) -> None:
        clock = SystemClock()
        self.store = store
        self.commits: list[Committed] = []
        self._recorded: list[tuple[str, str, str, str]] = []
        self._noting = asyncio.Lock()
        self.queue = ObservationQueue()
        self.checker = TransferChecker(
            self.queue,
            _Noted(store, self._recorded, self._noting),
            pathway_durations(config),
            self,
            chain_labels(config),
            clock,
            lambda _: ["nobody"],
        )
        unobserved_after = config.alerts.unobserved_after.total_seconds()
        self.observers = {
            name: Observer(
                chain,
                unobserved_after,
                partial(open_endpoint, limits=limits),
                store.chains,
                self.queue,
                clock,
                Random(1),  # noqa: S311 - spreads retries
                intervals,
            )
            for name, chain in config.chains.items()
        }
        chains = {
            o.state.config.domain_id: ObservedChain(o, ChainQueries(o.state, self.queue, self.queue, o.pool))
            for o in self.observers.values()
        }
        self.scheduler = AlertScheduler(store.deadlines, chains, desk_on(store.alerts, "nobody"), no_causes, clock)

    def committed(self, news: Committed) -> None:
        """Note it, and hand it on as the program does."""
        self.commits.append(news)
        self.scheduler.committed(news.effects, news.progress)

    @property
    def malformed(self) -> dict[DomainId, int]:
        """How many malformed logs of each chain have been committed."""
        return dict(sum((Counter(news.malformed) for news in self.commits), Counter[DomainId]()))

    def covered(self, chain: str) -> int:
        """The last block covered; -1 while none is."""
        covered = self.observers[chain].state.covered
        return covered.number if covered else -1

    def records(self, subject: str) -> list[tuple[str, str, str]]:
        """What was "added" and "removed" of a transfer's event records, in that order: with kind and block hash."""
        return [(change, kind, block_hash) for change, about, kind, block_hash in self._recorded if about == subject]

    def removed(self, subject: str) -> list[tuple[str, str, str]]:
        """The records that were taken back."""
        return [record for record in self.records(subject) if record[0] == "removed"]

    async def view(self, transfer: Transfer) -> TransferView | None:
        """What is stored of a transfer; `records` has it, too, by then."""
        views = await self.store.transfers.by_id_or_tx(bytes.fromhex(transfer.transfer_id[2:]))
        async with self._noting:
            return views[0] if views else None

    async def status(self, transfer: Transfer) -> Status | None:
        """Its status; None where nothing is known of it."""
        view = await self.view(transfer)
        return view.transfer.status if view else None

    async def knows(self, transfer: Transfer, *statuses: Status | None) -> None:
        """Wait until it has one of these statuses."""
        seen: list[object] = []

        async def known() -> bool:
            seen.append(await self.status(transfer))
            return seen[-1] in statuses

        await until(known, why=lambda: f"it is {seen[-1:]}, not {statuses}")

    async def covers(self, chain: str, block: int) -> None:
        """Wait until a block is covered."""
        await until(lambda: self.covered(chain) >= block, why=lambda: f"{self.covered(chain)} covered, not {block}")

    async def alerts(self, state: AlertState | None = None) -> list[tuple[str, str, str | None]]:
        """Kind, subject and resolution of its alerts, the oldest first."""
        rows = await self.store.alerts.listed(state, limit=100)
        alerts = [row.alert for row, _ in reversed(rows)]
        return [(alert.kind.name, alert.subject, alert.resolution) for alert in alerts]


class _Noted:
    """The store, with a note of every event record that was added or removed; ``noting`` is held until it is made."""

    def __init__(self, store: Store, notes: list[tuple[str, str, str, str]], noting: asyncio.Lock) -> None:
        self._store = store
        self._notes = notes
        self._noting = noting

    async def record(
        self,
        batch: Batch,
        decide: Callable[[PriorState], Changes],
        route: Route,
        at: datetime,
    ) -> tuple[Changes, list[str]]:
        async with self._noting:
            changes, changed_alerts = await self._store.record(batch, decide, route, at)
            for change, records in (("removed", changes.removed), ("added", changes.added)):
                for record in records:
                    about = f"0x{record.event.transfer_id.hex()}"
                    self._notes.append((change, about, record.kind.value, f"0x{record.sighting.block.hash.hex()}"))
        return changes, changed_alerts

    async def prove_writable(self) -> None:
        await self._store.prove_writable()


def transfer_id(transfer: Transfer) -> TransferId:
    """Its id as the program has it."""
    return TransferId(bytes.fromhex(transfer.transfer_id[2:]))


@asynccontextmanager
async def watching(
    setup: Setup,
    folder: Path,
    *,
    only: Sequence[str] = (),
    limits: RpcLimits | None = None,
    intervals: Intervals = USUAL,
) -> AsyncIterator[Watch]:
    """Run with this setup, on the database in ``folder``; with ``only``, no other chain is observed."""
    file = folder / "config.toml"
    if not file.exists():
        await write_config(setup, folder)
    config = load_config(file, os.environ)
    names = {chain.domain_id: chain.name for chain in config.chains.values()}
    assert isinstance(config.monitor.database, Path)
    store = await open_store(config.monitor.database, names)
    try:
        watch = Watch(config, store, limits or RpcLimits(), intervals)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(watch.checker.run()), tasks.create_task(watch.scheduler.run())]
            running += [tasks.create_task(o.run()) for name, o in watch.observers.items() if not only or name in only]
            try:
                yield watch
            finally:
                for task in running:
                    task.cancel()
    finally:
        await store.close()
