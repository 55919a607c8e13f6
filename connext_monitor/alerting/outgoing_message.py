"""What one channel is to be sent: the messages, the queues that they come from, and where both are stored."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connext_monitor.alerting.notice import AlertNotice, DigestProvider, Notice, Provider
from connext_monitor.core.alerts.alert import compose
from connext_monitor.core.alerts.digest import Digest, compose_digest
from connext_monitor.core.alerts.digest_mode import lane_of
from connext_monitor.core.delivery import Change, Outcome
from connext_monitor.core.delivery_records import ChannelState, StoredHealth
from connext_monitor.core.holds import Attempt, Held, Lane, delivery_key, group_key
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.queue import Queue, QueuedDelivery, Topic


class DeliveryStore(Protocol):
    """Where deliveries are kept. Every method that writes has committed when it returns."""

    async def next_deliveries(self, provider: str, limit: int) -> Sequence[QueuedDelivery]:
        """The pending deliveries to this provider: at most ``limit`` retries, then as many of the lowest ids."""
        ...

    async def newest_critical(self, provider: str) -> datetime | None:
        """When the newest critical opening was queued that has not been attempted yet."""
        ...

    async def delivery_sent(self, delivery_id: int, reference: str | None, at: datetime) -> None:
        """Record that the channel took it; ``reference`` is what the channel calls the message."""
        ...

    async def delivery_postponed(self, delivery_id: int, attempts: int, next_attempt_at: float, reason: str) -> None:
        """Record that so many attempts have failed; the next is due at ``next_attempt_at`` (Unix seconds)."""
        ...

    async def channel_state(self, provider: str, state: ChannelState, reason: str | None, at: datetime) -> None:
        """Record the channel's health, when it is first known and when it changes."""
        ...

    async def channel_health(self, provider: str) -> StoredHealth | None:
        """The channel's health as it was recorded last; None where nothing is known of it."""
        ...


class GroupStore(DeliveryStore, Protocol):
    """Where the groups of channels that take digests are kept."""

    async def queue(self, provider: str, recent_since: float, *, counts_with_cause: bool) -> Queue:
        """All that is queued for the provider, and what it was sent since then (Unix seconds).

        ``counts_with_cause``: whether what is late because of an alert is only counted with that.
        """
        ...

    async def delivery(self, delivery_id: int) -> QueuedDelivery | None:
        """A delivery that is still pending."""
        ...

    async def form_group(
        self,
        provider: str,
        topic: Topic,
        before: int,
        at: datetime,
        *,
        cause: str | None,
        counts_with_cause: bool,
    ) -> None:
        """Group waiting openings of the topic, or of a ``cause``, at most `BATCH`; ``before`` others are known."""
        ...

    async def join_group(
        self, group_id: int, topic: Topic, most: int, at: datetime, *, counts_with_cause: bool
    ) -> None:
        """Add the first waiting openings to a group, at most ``most``, of the topic or because of the group's cause."""
        ...

    async def note_ends(self, provider: str, at: datetime) -> None:
        """Note which members of the provider's groups have ended, at most `BATCH`."""
        ...

    async def digest(self, group_id: int) -> Digest:
        """A group as it is now."""
        ...

    async def group_sent(self, sent: Digest, change: Change, reference: str | None, at: datetime) -> None:
        """Record that the channel took the group's message; ``reference`` is what the channel calls it."""
        ...

    async def group_postponed(self, group_id: int, attempts: int, next_attempt_at: float, reason: str) -> None:
        """Record that so many attempts have failed; the next is due at ``next_attempt_at`` (Unix seconds)."""
        ...


class OutgoingMessage(Protocol):
    """One message to one channel. Recording may be repeated when the store fails."""

    @property
    def attempt(self) -> Attempt:
        """The key and lane that holds go by, and how many attempts have failed."""
        ...

    @property
    def about(self) -> Mapping[str, str | int]:
        """What to log about it."""
        ...

    def send(self) -> Awaitable[Outcome]:
        """Attempt to send it."""
        ...

    def sent(self, reference: str | None, at: datetime) -> Awaitable[None]:
        """Record that the channel took it."""
        ...

    def postponed(self, attempts: int, next_attempt_at: float, reason: str) -> Awaitable[None]:
        """Record that it is to be attempted again at ``next_attempt_at`` (Unix seconds)."""
        ...


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing is due before ``until`` (Unix seconds); None where nothing is queued at all."""

    until: float | None


class MessageQueue(Protocol):
    """Something that one channel's messages come from, in the order to send them."""

    @property
    def pause(self) -> float:
        """Seconds to leave between two looks at it when nothing is due."""
        ...

    async def next(self, held: Held) -> OutgoingMessage | Idle:
        """The message to send now, given what is ``held``. Repeated from the start when the store fails."""
        ...

    async def has_news(self, held: Held) -> bool:
        """Whether anything is due that has not been sent to the channel in any form."""
        ...

    def settled(self, outcome: Outcome) -> None:
        """Note how the last message to the channel ended."""
        ...


@dataclass(frozen=True, slots=True)
class OutgoingAlert:
    """One alert's opening or end."""

    delivery: QueuedDelivery
    provider: Provider
    store: DeliveryStore
    labels: ChainLabels

    @property
    def attempt(self) -> Attempt:
        """The delivery's."""
        edits = self.delivery.reference is not None
        lane = lane_of(self.delivery.change, self.provider.digest_mode) if edits else Lane.NEWS
        return Attempt(delivery_key(self.delivery.id), lane, self.delivery.attempts)

    @property
    def about(self) -> Mapping[str, str | int]:
        """The alert and its change."""
        return {"alert": self.delivery.alert.id, "change": self.delivery.change.value}

    def send(self) -> Awaitable[Outcome]:
        """Attempt to send it."""
        return self.provider.send(self._notice(), self.delivery.reference)

    def sent(self, reference: str | None, at: datetime) -> Awaitable[None]:
        """Record that the channel took it."""
        return self.store.delivery_sent(self.delivery.id, reference, at)

    def postponed(self, attempts: int, next_attempt_at: float, reason: str) -> Awaitable[None]:
        """Record that it is to be attempted again."""
        return self.store.delivery_postponed(self.delivery.id, attempts, next_attempt_at, reason)

    def _notice(self) -> AlertNotice:
        delivery = self.delivery
        transfer = delivery.transfer.transfer if delivery.transfer else None
        return AlertNotice(
            key=f"{delivery.id}:{delivery.change}:{delivery.alert.id}",
            thread=f"{delivery.alert.id}:{delivery.id}",
            change=delivery.change,
            alert=delivery.alert,
            message=compose(delivery.alert, transfer, self.labels),
            transfer=delivery.transfer,
            created_at=delivery.created_at,
            attempts=delivery.attempts,
        )


@dataclass(frozen=True, slots=True)
class OutgoingDigest:
    """One group's message as it is at ``at``."""

    digest: Digest
    change: Change
    at: datetime
    provider: DigestProvider
    store: GroupStore
    labels: ChainLabels

    @property
    def attempt(self) -> Attempt:
        """The group's."""
        edits = self.digest.reference is not None
        lane = lane_of(self.change, self.provider.digest_mode) if edits else Lane.NEWS
        return Attempt(group_key(self.digest.group_id), lane, self.digest.attempts)

    @property
    def about(self) -> Mapping[str, str | int]:
        """The group, its counts and its change."""
        return {
            "group": self.digest.group_id,
            "topic": str(self.digest.topic),
            **({} if self.digest.because is None else {"cause": self.digest.because.cause.id}),
            "alerts": self.digest.members,
            "open": self.digest.open,
            "change": self.change.value,
        }

    def send(self) -> Awaitable[Outcome]:
        """Attempt to send it."""
        return self.provider.send(self._notice(), self.digest.reference)

    def sent(self, reference: str | None, at: datetime) -> Awaitable[None]:
        """Record that the channel took it."""
        return self.store.group_sent(self.digest, self.change, reference, at)

    def postponed(self, attempts: int, next_attempt_at: float, reason: str) -> Awaitable[None]:
        """Record that it is to be attempted again."""
        return self.store.group_postponed(self.digest.group_id, attempts, next_attempt_at, reason)

    def _notice(self) -> Notice:
        digest = self.digest
        return Notice(
            key=f"group {digest.group_id}:{self.change}:{digest.members}:{digest.open}",
            thread=f"group:{digest.topic}:{digest.group_id}:{digest.opened_at:%Y%m%dT%H%M%S.%fZ}",
            change=self.change,
            message=compose_digest(digest, self.labels, self.at.timestamp()),
            created_at=self.at,
            attempts=digest.attempts,
        )
