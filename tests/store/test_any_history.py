"""Whatever comes, in whatever order and batches, and whatever a reorg takes back: the rows are the same (promise 4)."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connext_monitor.core.selection import TransferFilter
from connext_monitor.core.transfer import EventRecord, ObservedChange
from connext_monitor.store.store import Store
from tests.store.conftest import NewStore
from tests.store.transfer_rows import COLUMNS, orphans_in, rows_of
from tests.world.databases import awaited_in
from tests.world.drawn_events import drawn_records
from tests.world.examples import examples
from tests.world.ledger import Ledger
from tests.world.recording import accuse, gone, put, seen
from tests.world.transfers import executed, info, reconciled, sighting, xcalled

INFOS = [info(nonce) for nonce in range(3)]
PLACES = st.builds(sighting, st.integers(1, 4), fork=st.sampled_from(["", "a"]))
RECORDS = st.one_of(
    st.builds(xcalled, st.sampled_from(INFOS), PLACES),
    st.builds(executed, st.sampled_from(INFOS), PLACES),
    st.builds(reconciled, st.sampled_from(INFOS), PLACES),
)


async def snapshot(store: Store) -> object:
    """All transfers with their deadlines, and what is awaited."""
    views = await store.transfers.listed(TransferFilter(), limit=500)
    awaited = await awaited_in(store, due_until=2**62)
    return (
        sorted(((view.transfer, view.due) for view in views), key=lambda pair: pair[0].transfer_id),
        sorted(awaited, key=lambda leg: (leg.transfer_id, leg.leg)),
    )


ORDERS = given(st.lists(RECORDS, min_size=1, max_size=10, unique_by=lambda r: r.identity), st.data())
SHARED = [HealthCheck.function_scoped_fixture]


@pytest.mark.sqlite_only
@settings(examples(25), suppress_health_check=SHARED)
@ORDERS
async def test_any_order_any_repetition_and_any_batches_give_the_same_rows(
    new_store: NewStore, records: list[EventRecord], data: st.DataObject
) -> None:
    await have_same_rows(new_store, records, data)


@pytest.mark.server
@settings(examples(5), suppress_health_check=SHARED)
@ORDERS
async def test_any_order_repetition_and_batches_give_a_server_the_same_rows(
    new_store: NewStore, records: list[EventRecord], data: st.DataObject
) -> None:
    await have_same_rows(new_store, records, data)


async def have_same_rows(new_store: NewStore, records: list[EventRecord], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(records + data.draw(st.lists(st.sampled_from(records), max_size=4))))
    cuts = data.draw(st.lists(st.integers(0, len(shuffled)), max_size=4))
    at = sorted({0, len(shuffled), *cuts})
    piecemeal = [ObservedChange(seen=tuple(shuffled[a:b])) for a, b in pairwise(at)]
    assert await after(new_store, [ObservedChange(seen=tuple(records))]) == await after(new_store, piecemeal)


async def after(new_store: NewStore, steps: Sequence[ObservedChange]) -> object:
    async with new_store() as store:
        for step in steps:
            await put(store, step)
        return await snapshot(store)


RECORDED_OR_GONE = st.lists(st.tuples(RECORDS | drawn_records, st.booleans()), max_size=5)


HISTORIES = given(st.lists(RECORDED_OR_GONE, min_size=1, max_size=6))


@pytest.mark.sqlite_only
@settings(examples(40), suppress_health_check=SHARED)
@HISTORIES
async def test_after_any_history_with_reorgs_the_database_holds_what_memory_would(
    new_store: NewStore, history: list[list[tuple[EventRecord, bool]]]
) -> None:
    await holds_what_memory_would(new_store, history)


@pytest.mark.server
@settings(examples(39), suppress_health_check=SHARED)
@HISTORIES
async def test_after_any_history_with_reorgs_a_server_holds_what_memory_would(
    new_store: NewStore, history: list[list[tuple[EventRecord, bool]]]
) -> None:
    await holds_what_memory_would(new_store, history)


async def holds_what_memory_would(new_store: NewStore, history: list[list[tuple[EventRecord, bool]]]) -> None:
    ledger = Ledger()
    async with new_store() as store:
        for batch in history:
            for transfer_id, leg in ledger.awaited():
                await accuse(
                    store,
                    next(r for r in ledger.records.values() if r.event.transfer_id == transfer_id),
                    "ops",
                    leg=leg,
                )
            ledger.accuse_all()
            steps = [seen(record) if stays else gone(record) for record, stays in batch]
            ledger.apply(*steps)
            await put(store, *steps)
        views = await store.transfers.listed(TransferFilter(), limit=500)
        assert {view.transfer.transfer_id: (view.transfer, view.due) for view in views} == ledger.transfers
        assert {(view.transfer.transfer_id, leg) for view in views for leg in view.overdue} == set(ledger.accused)
        assert await orphans_in(store) == 0
        awaited = await awaited_in(store, due_until=2**62)
        assert {(leg.transfer_id, leg.leg): leg.due_at for leg in awaited} == ledger.awaited()
        assert await rows_of(store) == {
            kept.transfer_id: (kept.started_at, *(getattr(kept, name) for name in COLUMNS))
            for kept in ledger.prior_state().transfers.values()
        }
