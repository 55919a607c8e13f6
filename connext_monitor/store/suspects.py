"""Deliveries without an origin."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ScalarSelect, Select, and_, exists, func, select, text

from connext_monitor.core.events import BlockNumber, DomainId, Timestamp, TransferId
from connext_monitor.core.selection import Suspect
from connext_monitor.store.bulk import parts
from connext_monitor.store.connection import Connection
from connext_monitor.store.event_kinds import EXECUTED, XCALLED
from connext_monitor.store.prepared import Prepared, list_parameter, parameter
from connext_monitor.store.schema import chains, domain_of_event, events, transfers

_MOST = 1000
_WITHOUT_XCALLED = text("transfers.xcalled_at IS NULL")
"""A partial index serves only queries that hold its very condition."""

_ORIGIN = parameter("origin")
_SELECT_WITHOUT_ORIGIN = Prepared(
    lambda: (
        select(transfers.c.transfer_id, transfers.c.started_at)
        .where(transfers.c.origin == _ORIGIN, _WITHOUT_XCALLED)
        .order_by(transfers.c.started_at.desc())
        .limit(_MOST)
    )
)


def _first_watched() -> ScalarSelect[Any]:
    origins = chains.alias("origins")
    return select(origins.c.first_nonce).where(origins.c.domain == _ORIGIN).scalar_subquery()


def _select_suspected() -> Select[*tuple[Any, ...]]:
    seen_where_watched = exists().where(
        events.c.transfer == transfers.c.id,
        events.c.kind == EXECUTED,
        domain_of_event == transfers.c.destination,
        chains.c.domain == transfers.c.destination,
        events.c.block_number >= chains.c.start_block,
    )
    return (
        select(transfers.c.transfer_id, transfers.c.nonce, transfers.c.executed_at)
        .where(_WITHOUT_XCALLED, transfers.c.origin == _ORIGIN, transfers.c.executed_at.is_not(None))
        .where(transfers.c.nonce >= _first_watched(), seen_where_watched)
        .order_by(transfers.c.nonce)
        .limit(_MOST)
    )


def _select_holders() -> Select[*tuple[Any, ...]]:
    is_its_xcalled = and_(
        events.c.transfer == transfers.c.id,
        events.c.kind == XCALLED,
        domain_of_event == _ORIGIN,
    )
    holds_one = transfers.c.nonce.in_(list_parameter("nonces"))
    return (
        select(transfers.c.nonce, transfers.c.transfer_id, func.min(events.c.block_number).label("block"))
        .join(events, is_its_xcalled, isouter=True)
        .where(transfers.c.origin == _ORIGIN, transfers.c.xcalled_at.is_not(None), holds_one)
        .group_by(transfers.c.nonce, transfers.c.transfer_id)
        # Where a reorg is not settled yet, two may hold one nonce.
        .order_by(transfers.c.nonce, transfers.c.transfer_id)
    )


_SELECT_SUSPECTED = Prepared(_select_suspected)
_SELECT_HOLDERS = Prepared(_select_holders)


def without_origin(connection: Connection, origin: DomainId) -> list[tuple[TransferId, Timestamp]]:
    """The transfers of this origin whose XCalled has not been seen, with their first legs' block times.

    At most a thousand, the newest first.
    """
    rows = _SELECT_WITHOUT_ORIGIN.rows(connection, origin=origin)
    return [(TransferId(row.transfer_id), Timestamp(row.started_at)) for row in rows]


def suspected(connection: Connection, origin: DomainId) -> list[Suspect]:
    """The deliveries said to be of this origin, of nonces from the first one watched, without an XCalled.

    Those that a backfill found on their destination are left out: history alerts nobody. At most a thousand, of the
    lowest nonces.
    """
    rows = _SELECT_SUSPECTED.rows(connection, origin=origin)
    holders = nonce_holders(connection, origin, {row.nonce for row in rows})
    nobody = (None, None)
    return [
        Suspect(TransferId(row.transfer_id), row.nonce, Timestamp(row.executed_at), *holders.get(row.nonce, nobody))
        for row in rows
    ]


def nonce_holders(
    connection: Connection, origin: DomainId, nonces: Collection[int]
) -> dict[int, tuple[TransferId, BlockNumber | None]]:
    """By nonce, the transfer whose XCalled holds it, and the lowest block that this stands in."""
    holders: dict[int, tuple[TransferId, BlockNumber | None]] = {}
    for part in parts(nonces):
        for row in _SELECT_HOLDERS.rows(connection, origin=origin, nonces=part):
            holders.setdefault(row.nonce, (TransferId(row.transfer_id), row.block))
    return holders
