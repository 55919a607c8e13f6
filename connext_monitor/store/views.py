"""Transfers as they are shown, with what the open alerts say of their deadlines; and alerts with their transfers.

``names`` are the configured chains', which alerts about chains are about.
"""

from collections.abc import Collection, Sequence

from connext_monitor.core.alerts.alert import AlertState
from connext_monitor.core.alerts.kinds.chain_unobserved import CHAIN_UNOBSERVED
from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.deadline import Leg, TransferWithDeadlines
from connext_monitor.core.events import DomainId, Hash32, TransferId
from connext_monitor.core.labels import ChainNames
from connext_monitor.core.selection import AlertRow, Cursor, TransferFilter
from connext_monitor.core.transfer_view import TransferView
from connext_monitor.store import alert_log, alert_rows, glance, transfers
from connext_monitor.store.connection import Connection


def listed(
    connection: Connection, names: ChainNames, filters: TransferFilter, *, limit: int, after: Cursor | None = None
) -> list[TransferView]:
    """At most ``limit`` transfers, newest first, from behind the cursor ``after`` on."""
    return _views(connection, names, transfers.listed(connection, filters, limit=limit, after=after))


def unfinished(connection: Connection, names: ChainNames, origin: DomainId, blocks: BlockRange) -> list[TransferView]:
    """The transfers that began in these blocks of their origin and are not completed, the oldest first."""
    return _views(connection, names, transfers.unfinished(connection, origin, blocks))


def by_id_or_tx(connection: Connection, names: ChainNames, id_or_tx: bytes) -> list[TransferView]:
    """The transfer of this id, else those with an event in the transaction of this hash, in log order."""
    by_id = by_ids(connection, names, [TransferId(id_or_tx)])
    if by_id:
        return list(by_id.values())
    ids = transfers.ids_by_tx(connection, Hash32(id_or_tx))
    of_tx = by_ids(connection, names, ids)
    return [of_tx[transfer_id] for transfer_id in ids if transfer_id in of_tx]


def by_ids(
    connection: Connection, names: ChainNames, ids: Collection[TransferId | None]
) -> dict[TransferId | None, TransferView]:
    """Those of these transfers that are known, in no order; None is nobody's."""
    known = transfers.by_ids(connection, {transfer_id for transfer_id in ids if transfer_id is not None})
    return {view.transfer.transfer_id: view for view in _views(connection, names, list(known.values()))}


def listed_alerts(
    connection: Connection,
    names: ChainNames,
    state: AlertState | None,
    *,
    limit: int,
    after: int | None = None,
    cause: str | None = None,
) -> list[tuple[AlertRow, TransferView | None]]:
    """At most ``limit`` alerts, newest first, each with the transfer it is about; see `alert_log.listed`."""
    rows = alert_log.listed(connection, state, limit=limit, after=after, cause=cause)
    known = by_ids(connection, names, [row.alert.transfer_id for row in rows])
    return [(row, known.get(row.alert.transfer_id)) for row in rows]


def _views(connection: Connection, names: ChainNames, rows: Sequence[TransferWithDeadlines]) -> list[TransferView]:
    if not rows:
        return []
    overdue = alert_rows.overdue_legs(connection, [row.transfer.transfer_id for row in rows])
    unseen = {alert.subject for alert in glance.open_of_kind(connection, CHAIN_UNOBSERVED)}
    no_leg: frozenset[Leg] = frozenset()
    return [
        TransferView(
            row.transfer,
            row.due,
            overdue.get(row.transfer.transfer_id, no_leg),
            observed=names.get(row.transfer.destination) not in unseen,
            number=row.number,
        )
        for row in rows
    ]
