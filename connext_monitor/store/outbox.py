"""What a channel is to be told next, with the transfers that it is about.

``names`` are the configured chains', which alerts about chains are about.
"""

from collections.abc import Sequence
from dataclasses import replace

from connext_monitor.core.alerts.digest import Digest, NamedMember
from connext_monitor.core.labels import ChainNames
from connext_monitor.core.queue import QueuedDelivery
from connext_monitor.store import deliveries, group_rows
from connext_monitor.store.connection import Connection
from connext_monitor.store.views import by_ids


def next_deliveries(connection: Connection, names: ChainNames, provider: str, limit: int) -> list[QueuedDelivery]:
    """The oldest deliveries still to be made to a provider; first as many that were tried before, then others."""
    tried = deliveries.next_retries(connection, provider, limit)
    untried = deliveries.next_pending(connection, provider, limit)
    return _with_transfers(connection, names, [*tried, *untried])


def next_delivery(connection: Connection, names: ChainNames, provider: str) -> QueuedDelivery | None:
    """The oldest delivery still to be made to a provider."""
    return next(iter(next_deliveries(connection, names, provider, 1)), None)


def delivery(connection: Connection, names: ChainNames, delivery_id: int) -> QueuedDelivery | None:
    """One delivery that is still to be made, if it is."""
    return next(iter(_with_transfers(connection, names, deliveries.pending(connection, delivery_id))), None)


def digest(connection: Connection, names: ChainNames, group_id: int) -> Digest:
    """A group as it is now."""
    group = group_rows.by_id(connection, group_id)
    known = by_ids(connection, names, [alert.transfer_id for alert in group.named])
    return group.digest([NamedMember(alert, known.get(alert.transfer_id)) for alert in group.named])


def _with_transfers(
    connection: Connection, names: ChainNames, pending: Sequence[QueuedDelivery]
) -> list[QueuedDelivery]:
    known = by_ids(connection, names, [queued.alert.transfer_id for queued in pending])
    return [replace(queued, transfer=known.get(queued.alert.transfer_id)) for queued in pending]
