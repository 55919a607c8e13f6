"""Deliveries without an origin."""

from sqlalchemy import Connection, and_, func, select, text

from connext_monitor.core.events import BlockNumber, DomainId, EventKind, Timestamp, TransferId
from connext_monitor.core.selection import Suspect
from connext_monitor.store.schema import chains, events, transfers

_MOST = 1000


def without_origin(connection: Connection, origin: DomainId) -> list[tuple[TransferId, Timestamp]]:
    """The transfers of this origin whose XCalled has not been seen, with their first legs' block times.

    At most a thousand, the newest first.
    """
    rows = connection.execute(
        select(transfers.c.transfer_id, transfers.c.started_at)
        .where(transfers.c.origin == origin, text("transfers.xcalled_at IS NULL"))
        .order_by(transfers.c.started_at.desc())
        .limit(_MOST)
    )
    return [(TransferId(row.transfer_id), Timestamp(row.started_at)) for row in rows]


def suspected(connection: Connection, origin: DomainId) -> list[Suspect]:
    """The deliveries said to be of this origin, of nonces from the first one watched, without an XCalled.

    Those that a backfill found on their destination are left out: history alerts nobody. At most a thousand, of the
    lowest nonces.
    """
    # The index is used only where the query holds its very condition.
    without_origin = text("transfers.xcalled_at IS NULL")
    holder, held, origins = transfers.alias("holder"), events.alias("held"), chains.alias("origins")
    block_of_holder = (
        select(func.min(held.c.block_number))
        .where(
            held.c.transfer_id == holder.c.transfer_id,
            held.c.kind == EventKind.XCALLED.value,
            held.c.domain == origin,
        )
        .correlate(holder)
        .scalar_subquery()
    )
    watched_from = select(origins.c.first_nonce).where(origins.c.domain == origin).scalar_subquery()
    rows = connection.execute(
        select(
            transfers.c.transfer_id,
            transfers.c.nonce,
            transfers.c.executed_at,
            holder.c.transfer_id.label("holder"),
            block_of_holder.label("holder_block"),
        )
        .join(events, and_(events.c.transfer_id == transfers.c.transfer_id, events.c.domain == transfers.c.destination))
        .join(chains, chains.c.domain == transfers.c.destination)
        .outerjoin(
            holder,
            and_(
                holder.c.origin == transfers.c.origin,
                holder.c.nonce == transfers.c.nonce,
                holder.c.xcalled_at.is_not(None),
            ),
        )
        .where(
            transfers.c.origin == origin,
            without_origin,
            transfers.c.nonce >= watched_from,
            transfers.c.executed_at.is_not(None),
            events.c.kind == EventKind.EXECUTED.value,
            events.c.block_number >= chains.c.start_block,
        )
        .order_by(transfers.c.nonce)
        .limit(_MOST)
    )
    found = {
        TransferId(row.transfer_id): Suspect(
            TransferId(row.transfer_id),
            row.nonce,
            Timestamp(row.executed_at),
            None if row.holder is None else TransferId(row.holder),
            None if row.holder_block is None else BlockNumber(row.holder_block),
        )
        for row in rows
    }
    return list(found.values())
