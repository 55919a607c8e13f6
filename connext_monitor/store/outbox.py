"""What the channels are still to be told, alone or in groups."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from connext_monitor.core.alerts.digest import Digest, Named
from connext_monitor.core.delivery import Change, ChannelState, QueuedDelivery
from connext_monitor.core.events import DomainId, TransferId
from connext_monitor.core.queue import Queue, Topic
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.store import deliveries, groups, queues, transfers
from connext_monitor.store.database import Database
from connext_monitor.store.views import views


class Outbox:
    """The deliveries. ``names`` are the configured chains' names, which chain alerts are about."""

    def __init__(self, database: Database, names: Mapping[DomainId, str]) -> None:
        self._database = database
        self._names = names

    async def next_deliveries(self, provider: str, limit: int) -> list[QueuedDelivery]:
        """The oldest deliveries still to be made to a provider, with the transfers they are about.

        First as many that were tried before, then those that were not.
        """

        def look(connection: Connection) -> list[QueuedDelivery]:
            tried = deliveries.next_retries(connection, provider, limit)
            untried = deliveries.next_pending(connection, provider, limit)
            return self._with_transfers(connection, [*tried, *untried])

        return await self._database.read(look)

    async def next_delivery(self, provider: str) -> QueuedDelivery | None:
        """The oldest delivery still to be made to a provider, with the transfer it is about."""
        return next(iter(await self.next_deliveries(provider, 1)), None)

    async def newest_critical(self, provider: str) -> datetime | None:
        """When the last critical opening was queued that has not been tried yet."""
        return await self._database.read(lambda connection: deliveries.newest_critical(connection, provider))

    async def delivery(self, delivery_id: int) -> QueuedDelivery | None:
        """One delivery still to be made, with the transfer it is about."""

        def look(connection: Connection) -> QueuedDelivery | None:
            pending = self._with_transfers(connection, deliveries.pending(connection, delivery_id))
            return pending[0] if pending else None

        return await self._database.read(look)

    def _with_transfers(self, connection: Connection, pending: Sequence[QueuedDelivery]) -> list[QueuedDelivery]:
        about = {one.alert.transfer_id for one in pending if one.alert.transfer_id is not None}
        found = views(connection, self._names, transfers.by_ids(connection, about)) if about else []
        by_id: dict[TransferId | None, TransferView] = {view.transfer.transfer_id: view for view in found}
        return [replace(one, transfer=by_id.get(one.alert.transfer_id)) for one in pending]

    async def delivery_sent(self, delivery_id: int, reference: str | None, at: datetime) -> None:
        """The channel took it."""
        await self._database.write(lambda connection: deliveries.sent(connection, delivery_id, reference, at))

    async def delivery_postponed(self, delivery_id: int, attempts: int, next_attempt_at: float, reason: str) -> None:
        """It is to be tried again, not before ``next_attempt_at`` (Unix seconds)."""
        await self._database.write(
            lambda connection: deliveries.postponed(connection, delivery_id, attempts, next_attempt_at, reason)
        )

    async def channel_state(self, provider: str, state: ChannelState, reason: str | None, at: datetime) -> None:
        """How a channel is, and since when."""
        await self._database.write(lambda connection: deliveries.save_channel(connection, provider, state, reason, at))

    # Groups of alerts that are told in one message

    async def queue(self, provider: str, recent_since: float) -> Queue:
        """All that a provider is still to be told, and what it was told one by one since then (Unix seconds)."""
        return await self._database.read(lambda connection: queues.queue(connection, provider, recent_since))

    async def form_group(self, provider: str, topic: Topic, before: int, at: datetime) -> None:
        """Make a group of the topic's openings that wait; the provider knows of ``before`` others."""
        await self._database.write(lambda connection: groups.form(connection, provider, topic, before, at))

    async def join_group(self, group_id: int, topic: Topic, most: int, at: datetime) -> None:
        """Put the topic's first ``most`` openings that wait into a group."""
        await self._database.write(lambda connection: groups.join(connection, group_id, topic, most, at))

    async def note_ends(self, provider: str, at: datetime) -> None:
        """Note in the provider's groups which of their members have ended."""
        await self._database.write(lambda connection: groups.note_ends(connection, provider, at))

    async def digest(self, group_id: int) -> Digest:
        """A group as it is now, with the transfers of those that it names."""

        def look(connection: Connection) -> Digest:
            group = groups.by_id(connection, group_id)
            about = {alert.transfer_id for alert in group.named if alert.transfer_id is not None}
            found = views(connection, self._names, transfers.by_ids(connection, about))
            by_id: dict[TransferId | None, TransferView] = {view.transfer.transfer_id: view for view in found}
            return group.digest([Named(alert, by_id.get(alert.transfer_id)) for alert in group.named])

        return await self._database.read(look)

    async def group_sent(self, sent: Digest, change: Change, reference: str | None, at: datetime) -> None:
        """The channel took the group's message."""
        await self._database.write(lambda connection: groups.sent(connection, sent, change, reference, at))

    async def group_postponed(self, group_id: int, attempts: int, next_attempt_at: float, reason: str) -> None:
        """The group's message is to be tried again, not before ``next_attempt_at`` (Unix seconds)."""
        await self._database.write(
            lambda connection: groups.postponed(connection, group_id, attempts, next_attempt_at, reason)
        )
