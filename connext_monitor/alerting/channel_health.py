"""The health of one channel: reported after every attempt, and stored when it changes."""

from datetime import datetime
from typing import Protocol

from connext_monitor.alerting.outgoing_message import DeliveryStore
from connext_monitor.alerting.store_retry import retry_store
from connext_monitor.core.delivery_records import ChannelState, StoredHealth


class ProviderHealth(Protocol):
    """Where the result of each attempt is reported: the provider watch."""

    def took(self, provider: str, /) -> None:
        """The channel took a message."""
        ...

    def failed(self, provider: str, reason: str, /, *, dead: bool, since: datetime) -> None:
        """The channel did not take a message, as it has not ``since`` then, and never will if it is ``dead``."""
        ...


class ChannelHealth:
    """One channel's health, which goes on from what a program before this one has stored of it."""

    def __init__(self, provider: str, store: DeliveryStore, health: ProviderHealth) -> None:
        self._provider = provider
        self._store = store
        self._health = health
        self._recalled = False
        self._stored: StoredHealth | None = None

    async def works(self, at: datetime, trouble: str | None) -> None:
        """The channel took a message; ``trouble`` is why it still refuses others."""
        await self._note(ChannelState.OK if trouble is None else ChannelState.FAILING, trouble, at)

    async def fails(self, reason: str, at: datetime) -> None:
        """The channel did not take a message."""
        await self._note(ChannelState.FAILING, reason, at)

    async def is_dead(self, reason: str, at: datetime) -> None:
        """The channel refuses for good."""
        await self._note(ChannelState.DEAD, reason, at)

    async def _note(self, state: ChannelState, reason: str | None, at: datetime) -> None:
        if not self._recalled:
            self._stored = await retry_store(lambda: self._store.channel_health(self._provider), self._provider)
            self._recalled = True
        stored = self._stored
        since = stored.since if stored is not None and stored.state is state else at
        if reason is None:
            self._health.took(self._provider)
        else:
            self._health.failed(self._provider, reason, dead=state is ChannelState.DEAD, since=since)
        if stored is not None and (stored.state, stored.reason) == (state, reason):
            return
        await retry_store(lambda: self._store.channel_state(self._provider, state, reason, since), self._provider)
        self._stored = StoredHealth(state, reason, since)
