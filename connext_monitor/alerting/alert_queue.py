"""The queue of a channel that gets each alert by itself."""

from collections import deque
from math import inf
from operator import itemgetter

from connext_monitor.alerting.notice import Provider
from connext_monitor.alerting.outgoing_message import DeliveryStore, Idle, OutgoingAlert
from connext_monitor.clock import Clock
from connext_monitor.core.delivery import Outcome, Sent
from connext_monitor.core.holds import Held, in_turn, independent
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.queue import QueuedDelivery

_PREFETCHED = 50
_FRESH_FOR = 2.0
"""Seconds for which prefetched deliveries are believed."""


class AlertQueue:
    """One channel's alerts, each by itself, in the order of the deliveries' ids."""

    pause = 0.0

    def __init__(self, store: DeliveryStore, provider: Provider, labels: ChainLabels, clock: Clock) -> None:
        self._store = store
        self._provider = provider
        self._labels = labels
        self._clock = clock
        self._prefetched: deque[QueuedDelivery] = deque()
        self._fetched_at = -inf

    async def next(self, held: Held) -> OutgoingAlert | Idle:
        """The next delivery that is due. Some that follow it are read with it, which stays true while nothing fails."""
        now = self._clock.monotonic()
        if not self._prefetched or now - self._fetched_at > _FRESH_FOR:
            idle = await self._fetch(held)
            if idle is not None:
                return idle
            self._fetched_at = now
        return OutgoingAlert(self._prefetched[0], self._provider, self._store, self._labels)

    async def has_news(self, held: Held) -> bool:
        """Whether a delivery is due."""
        queued = await self._store.next_deliveries(self._provider.name, 1)
        now = self._clock.now().timestamp()
        return any(at <= now for at, _ in in_turn(queued, held))

    def settled(self, outcome: Outcome) -> None:
        """Go on to the next delivery, or read the queue again if the channel did not take this one."""
        if self._prefetched and isinstance(outcome, Sent):
            self._prefetched.popleft()
        else:
            self._prefetched.clear()

    async def _fetch(self, held: Held) -> Idle | None:
        self._prefetched.clear()
        queued = await self._store.next_deliveries(self._provider.name, _PREFETCHED)
        timed_deliveries = in_turn(independent(queued), held, await self._newest_critical(held))
        now = self._clock.now().timestamp()
        self._prefetched.extend(delivery for at, delivery in timed_deliveries if at <= now)
        if self._prefetched:
            return None
        return Idle(min(timed_deliveries, key=itemgetter(0))[0] if timed_deliveries else None)

    async def _newest_critical(self, held: Held) -> float:
        """When the newest critical alert was queued that has not been attempted; asked only while it may end a hold."""
        if held.news_until <= self._clock.now().timestamp():
            return -inf
        queued_at = await self._store.newest_critical(self._provider.name)
        return -inf if queued_at is None else queued_at.timestamp()
