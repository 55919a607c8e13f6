"""The queue of a channel that people read: a lone alert at once, a burst as one message."""

import structlog

from connext_monitor.alerting.notice import DigestProvider
from connext_monitor.alerting.outgoing_message import GroupStore, Idle, OutgoingAlert, OutgoingDigest
from connext_monitor.clock import Clock
from connext_monitor.core.alerts.delivery_action import (
    DeliveryAction,
    FormGroup,
    JoinGroup,
    NoteEnds,
    SendAlert,
    SendGroup,
    Wait,
    is_news,
)
from connext_monitor.core.alerts.grouping import GroupRules, next_action
from connext_monitor.core.delivery import Outcome
from connext_monitor.core.holds import Held
from connext_monitor.core.labels import ChainLabels

log = structlog.get_logger()


class DigestQueue:
    """One channel's alerts, gathered into groups as `next_action` decides."""

    # Each alert of a burst wakes the worker: to count the queue for every one would take all the time there is.
    pause = 0.2

    def __init__(
        self, store: GroupStore, provider: DigestProvider, labels: ChainLabels, rules: GroupRules, clock: Clock
    ) -> None:
        self._store = store
        self._provider = provider
        self._labels = labels
        self._rules = rules
        self._clock = clock

    async def next(self, held: Held) -> OutgoingAlert | OutgoingDigest | Idle:
        """Gather what belongs to groups until there is something to send, or nothing left to do."""
        while True:
            match action := await self._next_action(held):
                case Wait(until):
                    return Idle(until)
                case SendAlert(delivery_id):
                    delivery = await self._store.delivery(delivery_id)
                    if delivery is not None:
                        return OutgoingAlert(delivery, self._provider, self._store, self._labels)
                case SendGroup(group_id, change):
                    digest = await self._store.digest(group_id)
                    now = self._clock.now()
                    return OutgoingDigest(digest, change, now, self._provider, self._store, self._labels)
                case _:
                    await self._gather(action)

    async def has_news(self, held: Held) -> bool:
        """Whether the next action brings something that the channel has not been sent."""
        return is_news(await self._next_action(held))

    def settled(self, outcome: Outcome) -> None:
        """The queue is read anew for each message."""

    async def _next_action(self, held: Held) -> DeliveryAction:
        now = self._clock.now().timestamp()
        mode, since = self._provider.digest_mode, now - self._rules.interval
        queue = await self._store.queue(self._provider.name, since, counts_with_cause=mode.counts_with_cause)
        return next_action(queue, mode, self._rules, now, held)

    async def _gather(self, action: FormGroup | JoinGroup | NoteEnds) -> None:
        now, provider, counts = self._clock.now(), self._provider.name, self._provider.digest_mode.counts_with_cause
        match action:
            case FormGroup(topic, before, _, cause):
                await self._store.form_group(provider, topic, before, now, cause=cause, counts_with_cause=counts)
            case JoinGroup(group_id, topic, most):
                await self._store.join_group(group_id, topic, most, now, counts_with_cause=counts)
            case NoteEnds():
                await self._store.note_ends(provider, now)
        log.debug("alerts.gathered", provider=provider, action=type(action).__name__, reason=action.reason.value)
