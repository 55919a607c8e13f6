"""The alert manager: one worker for each channel, and their common end."""

import asyncio
import random
from collections.abc import Iterable

from connext_monitor.alerting.alert_queue import AlertQueue
from connext_monitor.alerting.channel_health import ChannelHealth, ProviderHealth
from connext_monitor.alerting.digest_queue import DigestQueue
from connext_monitor.alerting.notice import Provider, takes_digests, takes_reports
from connext_monitor.alerting.outgoing_message import GroupStore, MessageQueue
from connext_monitor.alerting.outgoing_report import ReportDelivery, ReportQueue
from connext_monitor.alerting.worker import OPEN, USUAL, OnOutcome, Rests, SendFence, Worker
from connext_monitor.clock import Clock
from connext_monitor.core.alerts.grouping import GroupRules
from connext_monitor.core.labels import ChainLabels


class AlertManager:
    """One worker per provider, so that a slow or dead one delays no other.

    ``on_outcome`` hears how each attempt to send a message to a provider ended: for metrics.
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
        rests: Rests = USUAL,
        fence: SendFence = OPEN,
    ) -> None:
        jitter = (rng or random.Random()).random  # noqa: S311 - spreads retries, guards nothing

        def worker(provider: Provider) -> Worker:
            alerts: MessageQueue = (
                DigestQueue(store, provider, labels, rules, clock)
                if takes_digests(provider)
                else AlertQueue(store, provider, labels, clock)
            )
            queues = [alerts]
            if reports is not None and takes_reports(provider):
                queues.append(ReportQueue(reports, provider, labels, clock))
            channel = ChannelHealth(provider.name, store, health)
            return Worker(provider, queues, channel, clock, jitter, on_outcome, rests, fence)

        self._workers = {provider.name: worker(provider) for provider in providers}

    def wake(self, providers: Iterable[str] | None = None) -> None:
        """Let these providers' workers, or all, read the store at once. To be called on the event loop's own thread."""
        for name in self._workers if providers is None else providers:
            if name in self._workers:
                self._workers[name].woken.set()

    async def run(self) -> None:
        """Deliver until cancelled, then give sends under way two seconds, and close the providers."""
        try:
            async with asyncio.TaskGroup() as group:
                for name, worker in self._workers.items():
                    group.create_task(worker.run(), name=f"alerts to {name}")
                # A dead channel ends its worker; the manager goes on until it is stopped.
                await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.gather(*(w.provider.aclose() for w in self._workers.values()), return_exceptions=True)
