"""What the manager brings to a channel: one alert's change, or one group's message; and how the store hears of it."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connext_monitor.alerting.notice import AlertNotice, DigestProvider, Notice, Provider
from connext_monitor.core.delivery import Change, ChannelState, Outcome, QueuedDelivery
from connext_monitor.core.digest import Digest, compose_digest
from connext_monitor.core.grouping import lane_of
from connext_monitor.core.holds import Attempt, Lane, delivery_key, group_key
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.message import compose
from connext_monitor.core.queue import Queue, Topic


class DeliveryStore(Protocol):
    """Where deliveries stand. Every method that writes has committed when it returns."""

    async def next_deliveries(self, provider: str, limit: int) -> Sequence[QueuedDelivery]:
        """The pending deliveries for this provider: those that were tried, then those of the lowest ids."""
        ...

    async def newest_critical(self, provider: str) -> datetime | None:
        """When the last critical opening was queued that has not been tried yet, however many wait before it."""
        ...

    async def delivery_sent(self, delivery_id: int, reference: str | None, at: datetime) -> None:
        """The channel took it and calls it so."""
        ...

    async def delivery_postponed(self, delivery_id: int, attempts: int, next_attempt_at: float, reason: str) -> None:
        """It has failed so often and stays pending until then (Unix seconds)."""
        ...

    async def channel_state(self, provider: str, state: ChannelState, reason: str | None, at: datetime) -> None:
        """The channel's health, written when it is first known and when it changes."""
        ...


class GroupStore(DeliveryStore, Protocol):
    """Where the groups stand, of those channels that take them."""

    async def queue(self, provider: str, recent_since: float) -> Queue:
        """All that the provider is still to be told, and what it was told since then (Unix seconds)."""
        ...

    async def delivery(self, delivery_id: int) -> QueuedDelivery | None:
        """One pending delivery."""
        ...

    async def form_group(self, provider: str, topic: Topic, before: int, at: datetime) -> None:
        """Make a group of the topic's waiting openings, at most `BATCH`; the channel knows of ``before`` others."""
        ...

    async def join_group(self, group_id: int, topic: Topic, most: int, at: datetime) -> None:
        """Put the first of the topic's waiting openings into a group."""
        ...

    async def note_ends(self, provider: str, at: datetime) -> None:
        """Note which members of the provider's groups have ended, at most `BATCH`."""
        ...

    async def digest(self, group_id: int) -> Digest:
        """A group as it is now."""
        ...

    async def group_told(self, told: Digest, change: Change, reference: str | None, at: datetime) -> None:
        """The channel took the group's message and calls it so."""
        ...

    async def group_postponed(self, group_id: int, attempts: int, next_attempt_at: float, reason: str) -> None:
        """It has failed so often, and is tried again then (Unix seconds)."""
        ...


class OutgoingMessage(Protocol):
    """One message to one channel. What it asks of the store is asked again if the store fails."""

    @property
    def key(self) -> str:
        """The same for every try of the same message."""
        ...

    @property
    def attempt(self) -> Attempt:
        """What it is held by, and how often it has failed."""
        ...

    @property
    def about(self) -> Mapping[str, str | int]:
        """What to log of it."""
        ...

    def send(self) -> Awaitable[Outcome]:
        """Bring it to the channel."""
        ...

    def sent(self, reference: str | None, at: datetime) -> Awaitable[None]:
        """Record that the channel took it."""
        ...

    def postponed(self, attempts: int, next_attempt_at: float, reason: str) -> Awaitable[None]:
        """Record that it is to be tried again."""
        ...


@dataclass(frozen=True, slots=True)
class OutgoingAlert:
    """One alert's opening or end."""

    delivery: QueuedDelivery
    provider: Provider
    store: DeliveryStore
    labels: ChainLabels

    @property
    def key(self) -> str:
        """The delivery's, its change's and its alert's."""
        return f"{self.delivery.id}:{self.delivery.change}:{self.delivery.alert.id}"

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
        """Bring it to the channel."""
        return self.provider.send(self._notice(), self.delivery.reference)

    def sent(self, reference: str | None, at: datetime) -> Awaitable[None]:
        """Record that the channel took it."""
        return self.store.delivery_sent(self.delivery.id, reference, at)

    def postponed(self, attempts: int, next_attempt_at: float, reason: str) -> Awaitable[None]:
        """Record that it is to be tried again."""
        return self.store.delivery_postponed(self.delivery.id, attempts, next_attempt_at, reason)

    def _notice(self) -> AlertNotice:
        transfer = self.delivery.transfer.transfer if self.delivery.transfer else None
        return AlertNotice(
            key=self.key,
            thread=f"{self.delivery.alert.id}:{self.delivery.id}",
            change=self.delivery.change,
            alert=self.delivery.alert,
            message=compose(self.delivery.alert, transfer, self.labels),
            transfer=self.delivery.transfer,
            created_at=self.delivery.created_at,
            tries=self.delivery.attempts,
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
    def key(self) -> str:
        """The group's and its change's; the counts may differ from try to try."""
        return f"group {self.digest.group_id}:{self.change}"

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
            "alerts": self.digest.members,
            "open": self.digest.open,
            "change": self.change.value,
        }

    def send(self) -> Awaitable[Outcome]:
        """Bring it to the channel."""
        notice = Notice(
            key=f"{self.key}:{self.digest.members}:{self.digest.open}",
            thread=f"group:{self.digest.topic}:{self.digest.group_id}:{self.digest.opened_at:%Y%m%dT%H%M%S.%fZ}",
            change=self.change,
            message=compose_digest(self.digest, self.labels, self.at.timestamp()),
            created_at=self.at,
            tries=self.digest.attempts,
        )
        return self.provider.send(notice, self.digest.reference)

    def sent(self, reference: str | None, at: datetime) -> Awaitable[None]:
        """Record that the channel took it."""
        return self.store.group_told(self.digest, self.change, reference, at)

    def postponed(self, attempts: int, next_attempt_at: float, reason: str) -> Awaitable[None]:
        """Record that it is to be tried again."""
        return self.store.group_postponed(self.digest.group_id, attempts, next_attempt_at, reason)
