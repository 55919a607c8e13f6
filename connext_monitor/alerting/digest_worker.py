"""The worker of a channel that people read: a lone alert at once, a burst as one message."""

import asyncio
from collections.abc import Callable
from functools import partial

from connext_monitor.alerting.notice import DigestProvider
from connext_monitor.alerting.outgoing_message import GroupStore, OutgoingDigest, OutgoingMessage
from connext_monitor.alerting.outgoing_report import ReportDelivery
from connext_monitor.alerting.worker import OnOutcome, ProviderHealth, Worker
from connext_monitor.clock import Clock
from connext_monitor.core.grouping import (
    Action,
    FormGroup,
    GroupRules,
    JoinGroup,
    NoteEnds,
    SendAlert,
    SendGroup,
    Wait,
    is_news,
    next_action,
)
from connext_monitor.core.labels import ChainLabels

_LOOKS_APART = 0.2
"""Seconds between two looks at a queue that nothing was due in."""


class DigestWorker(Worker):
    """Tells one provider a lone alert at once, and a burst as one message."""

    def __init__(
        self,
        store: GroupStore,
        provider: DigestProvider,
        labels: ChainLabels,
        rules: GroupRules,
        health: ProviderHealth,
        clock: Clock,
        jitter: Callable[[], float],
        on_outcome: OnOutcome | None = None,
        reports: ReportDelivery | None = None,
    ) -> None:
        super().__init__(store, provider, labels, health, clock, jitter, on_outcome, reports)
        self._channel_of_groups = provider
        self._rules = rules

    async def _next_due(self) -> OutgoingMessage:
        """Put into groups what belongs there, until something is to be told."""
        while True:
            self.woken.clear()
            action = await self._insist(self._look)
            match action:
                case Wait(until):
                    looked_at = self._clock.monotonic()
                    left = None if until is None else until - self._clock.now().timestamp()
                    if (report := await self._report_or_wait(left)) is not None:
                        return report
                    # Each alert of a burst wakes it: to count the queue for every one would take all the time there is.
                    await asyncio.sleep(max(0.0, looked_at + _LOOKS_APART - self._clock.monotonic()))
                case SendAlert(delivery_id):
                    delivery = await self._insist(partial(self._store.delivery, delivery_id))
                    if delivery is not None:
                        return self._alone(delivery)
                case SendGroup(group_id, change):
                    digest = await self._insist(partial(self._store.digest, group_id))
                    now = self._clock.now()
                    return OutgoingDigest(digest, change, now, self._channel_of_groups, self._store, self._labels)
                case _:
                    await self._insist(partial(self._collect, action))

    async def _look(self) -> Action:
        now = self._clock.now().timestamp()
        queue = await self._store.queue(self.provider.name, now - self._rules.interval)
        return next_action(queue, self.provider.digest_mode, self._rules, now, self._held())

    async def _has_news(self) -> bool:
        return is_news(await self._look())

    async def _collect(self, action: FormGroup | JoinGroup | NoteEnds) -> None:
        now = self._clock.now()
        match action:
            case FormGroup(topic, before):
                await self._store.form_group(self.provider.name, topic, before, now)
            case JoinGroup(group_id, topic, most):
                await self._store.join_group(group_id, topic, most, now)
            case NoteEnds():
                await self._store.note_ends(self.provider.name, now)
        self._log.debug("alerts.collected", action=type(action).__name__, reason=action.reason.value)
