"""The alert manager: one worker for each channel, and their common end."""

import asyncio
import random
from collections.abc import Iterable

from connext_monitor.alerting.digest_worker import DigestWorker
from connext_monitor.alerting.notice import Provider, takes_digests
from connext_monitor.alerting.outgoing_message import GroupStore
from connext_monitor.alerting.outgoing_report import ReportDelivery
from connext_monitor.alerting.worker import OnOutcome, ProviderHealth, Worker
from connext_monitor.clock import Clock
from connext_monitor.core.grouping import GroupRules
from connext_monitor.core.labels import ChainLabels


class AlertManager:
    """One worker per provider, so that a slow or dead one delays no other.

    ``on_outcome`` hears how each try to bring a message to a provider ended: for metrics.
    """

    def __init__(
        self,
        store: GroupStore,
        providers: Iterable[Provider],
        labels: ChainLabels,
        rules: GroupRules,
        health: ProviderHealth,
        clock: Clock,
        rng: random.Random | None = None,
        on_outcome: OnOutcome | None = None,
        reports: ReportDelivery | None = None,
    ) -> None:
        jitter = (rng or random.Random()).random  # noqa: S311 - spreads retries, guards nothing
        self._workers: dict[str, Worker] = {
            p.name: DigestWorker(store, p, labels, rules, health, clock, jitter, on_outcome, reports)
            if takes_digests(p)
            else Worker(store, p, labels, health, clock, jitter, on_outcome, reports)
            for p in providers
        }

    def wake(self, providers: Iterable[str] | None = None) -> None:
        """Look into the store at once for these providers, or for all; returns at once, from the loop's own thread."""
        for name in self._workers if providers is None else providers:
            if name in self._workers:
                self._workers[name].woken.set()

    async def run(self) -> None:
        """Deliver until cancelled, then give sends under way two seconds, and close the providers."""
        try:
            async with asyncio.TaskGroup() as group:
                for name, worker in self._workers.items():
                    group.create_task(worker.run(), name=f"alerts to {name}")
                # Dead channels end their workers; the manager goes on until it is told to stop.
                await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.gather(*(w.provider.aclose() for w in self._workers.values()), return_exceptions=True)
