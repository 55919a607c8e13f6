"""Transfers as they are shown, with what the open alerts say of their deadlines."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.deadline import Leg
from connext_monitor.core.events import DomainId
from connext_monitor.core.selection import TransferWithDeadlines
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.store import alerts


def views(
    connection: Connection, names: Mapping[DomainId, str], found: Sequence[TransferWithDeadlines]
) -> list[TransferView]:
    """These transfers; ``names`` are the configured chains', which chain alerts are about."""
    ids = [watched.transfer.transfer_id for watched in found]
    overdue = alerts.overdue_legs(connection, ids) if ids else {}
    unseen = {a.subject for a in alerts.open_of_kind(connection, CHAIN_UNOBSERVED)}
    no_leg: frozenset[Leg] = frozenset()
    return [
        TransferView(
            watched.transfer,
            watched.due,
            overdue.get(watched.transfer.transfer_id, no_leg),
            observed=names.get(watched.transfer.destination) not in unseen,
        )
        for watched in found
    ]
