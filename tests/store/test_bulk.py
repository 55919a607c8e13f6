"""Statements on many rows: none is left out, however many."""

import pytest
from sqlalchemy.dialects.sqlite import insert

from connext_monitor.core.selection import TransferFilter
from connext_monitor.store.bulk import InsertMany
from connext_monitor.store.schema import events
from connext_monitor.store.store import Store
from tests.world.recording import put, seen
from tests.world.transfers import executed, info, sighting, xcalled

MANY = 1025
"""One more than a list holds."""


async def test_more_transfers_than_fit_one_statement_are_found(store: Store) -> None:
    infos = [info(nonce) for nonce in range(MANY)]
    await put(store, seen(*(xcalled(transfer, sighting(10)) for transfer in infos)))
    changes, _ = await put(store, seen(*(executed(transfer, sighting(20)) for transfer in infos)))
    assert all(transfer.xcalled_at is not None for transfer in changes.transfers)
    assert len(await store.transfers.listed(TransferFilter(), limit=2 * MANY)) == MANY


async def test_what_was_stored_is_read_back_as_it_was(store: Store) -> None:
    called = xcalled(info(7), sighting(10))
    await put(store, seen(called))
    watched = await store.transfers.by_id(called.event.transfer_id)
    assert watched is not None
    assert (watched.transfer.xcalled, watched.transfer.info) == (called.sighting, info(7))


def test_columns_out_of_the_tables_order_are_refused() -> None:
    with pytest.raises(ValueError, match="order"):
        InsertMany(lambda: insert(events), (events.c.domain, events.c.transfer))
