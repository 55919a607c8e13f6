"""Where deliveries stand that are not those of their transfer, so that a reorg that removes them is noticed."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Delete, Select, delete, select, tuple_
from sqlalchemy.dialects.sqlite import insert

from connext_monitor.core.events import BlockNumber, DomainId, Hash32, TransferId
from connext_monitor.core.prior_state import FalseDelivery, FalseDeliveryChanges
from connext_monitor.store.bulk import InsertMany, flat, parts
from connext_monitor.store.connection import Connection
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, list_parameter
from connext_monitor.store.schema import mismatches

_INSERT = InsertMany(lambda: insert(mismatches).on_conflict_do_nothing(), list(mismatches.c))


def _select_touched() -> Select[*tuple[Any, ...]]:
    places = tuple_(mismatches.c.domain, mismatches.c.block_hash).in_(list_parameter("gone"))
    lost = select(mismatches.c.transfer_id).where(places)
    return select(mismatches).where(mismatches.c.transfer_id.in_(lost))


def _forget() -> Delete:
    keys = tuple_(mismatches.c.transfer_id, mismatches.c.domain, mismatches.c.block_hash)
    return delete(mismatches).where(keys.in_(list_parameter("keys")))


_SELECT_TOUCHED = Prepared(_select_touched)
_FORGET = Prepared(_forget)


def touched(connection: Connection, gone: Collection[tuple[DomainId, Hash32]]) -> list[FalseDelivery]:
    """Those in these blocks, and every other one that claims the same transfer."""
    rows: set[FalseDelivery] = set()
    for part in parts(gone) if gone else ():
        rows.update(_read(row) for row in _SELECT_TOUCHED.rows(connection, gone=part))
    return list(rows)


def save(connection: Connection, changes: FalseDeliveryChanges) -> None:
    """Keep where those stand that were seen, and forget those that were taken back."""
    if not changes.seen and not changes.taken_back:
        return
    rows = [(seen.transfer_id, seen.domain, seen.block_hash, seen.block_number) for seen in changes.seen]
    _INSERT(connection, flat(rows))
    for part in parts((delivery.transfer_id, delivery.domain, delivery.block_hash) for delivery in changes.taken_back):
        _FORGET.execute(connection, keys=part)


def _read(row: StoredRow) -> FalseDelivery:
    return FalseDelivery(
        TransferId(row.transfer_id), DomainId(row.domain), Hash32(row.block_hash), BlockNumber(row.block_number)
    )
