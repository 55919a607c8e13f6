"""Lists of transfers, and finding one."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connext_monitor.core.events import TransferId
from connext_monitor.core.selection import Cursor, TransferFilter
from connext_monitor.core.transfer import EventRecord, Status
from connext_monitor.store.store import Store
from tests.store.conftest import NewStore
from tests.world.examples import examples
from tests.world.recording import put, seen
from tests.world.transfers import ALPHA, BETA, GAMMA, executed, info, reconciled, sighting, xcalled

EVERYTHING = TransferFilter()


def called(nonce: int, at: int) -> EventRecord:
    return xcalled(info(nonce), sighting(at))


async def listed(store: Store, selection: TransferFilter = EVERYTHING) -> list[TransferId]:
    return [view.transfer.transfer_id for view in await store.transfers.listed(selection, limit=100)]


async def pages(store: Store, size: int) -> list[TransferId]:
    """All transfers, page by page, while a newer one comes after every page."""
    listed_ids: list[TransferId] = []
    after: Cursor | None = None
    while page := await store.transfers.listed(EVERYTHING, limit=size, after=after):
        listed_ids += [view.transfer.transfer_id for view in page]
        after = page[-1].cursor
        await put(store, seen(called(1000 + len(listed_ids), 1000)))
    return listed_ids


@settings(examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 3), min_size=1, max_size=12), st.integers(1, 4))
async def test_every_transfer_is_on_exactly_one_page_newest_first(
    new_store: NewStore, starts: list[int], size: int
) -> None:
    records = [called(nonce, at) for nonce, at in enumerate(starts)]
    # Of those that began in one second, the one that was stored last comes first.
    newest_first = sorted(records, key=lambda record: record.sighting.block.timestamp)[::-1]
    async with new_store() as store:
        await put(store, seen(*records))
        assert await pages(store, size) == [record.event.transfer_id for record in newest_first]


async def test_transfers_are_listed_by_status_origin_destination_and_start(store: Store) -> None:
    waiting, done = called(0, 10), called(1, 20)
    back = xcalled(info(2, BETA, ALPHA), sighting(30))
    away = xcalled(info(3, ALPHA, GAMMA), sighting(40))
    await put(store, seen(waiting, done, executed(info(1), sighting(21)), back, away))
    ids = {name: r.event.transfer_id for name, r in zip("wdba", (waiting, done, back, away), strict=True)}
    assert await listed(store, TransferFilter(frozenset({Status.EXECUTED}))) == [ids["d"]]
    assert await listed(store, TransferFilter(origin=BETA)) == [ids["b"]]
    assert await listed(store, TransferFilter(destination=BETA)) == [ids["d"], ids["w"]]
    before = done.sighting.block.timestamp
    assert await listed(store, TransferFilter(started_before=before)) == [ids["w"]]
    assert await listed(store, TransferFilter(frozenset({Status.XCALLED}), ALPHA, GAMMA)) == [ids["a"]]


async def test_an_empty_set_of_statuses_lists_nothing(store: Store) -> None:
    await put(store, seen(called(0, 10)))
    assert await listed(store, TransferFilter(statuses=frozenset())) == []


async def test_a_transfer_moves_in_the_list_once_its_start_is_known(store: Store) -> None:
    await put(store, seen(executed(info(0), sighting(50)), called(1, 30)))
    early = called(0, 10)
    assert await listed(store) == [early.event.transfer_id, called(1, 30).event.transfer_id]
    await put(store, seen(early))
    assert await listed(store) == [called(1, 30).event.transfer_id, early.event.transfer_id]


async def test_transfers_in_flight_are_counted_by_pathway_and_status(store: Store) -> None:
    complete = (called(0, 10), executed(info(0), sighting(11)), reconciled(info(0), sighting(12)))
    await put(store, seen(*complete, called(1, 10), called(2, 10), executed(info(3), sighting(11))))
    in_flight = {(c.origin, c.destination, c.status): c.count for c in await store.transfers.count_by_status()}
    assert in_flight == {(ALPHA, BETA, Status.XCALLED): 2, (ALPHA, BETA, Status.UNKNOWN): 1}


async def test_all_transfers_of_a_transaction_are_found_by_it(store: Store) -> None:
    # The samples' events all stand in one transaction.
    records = [called(nonce, 10) for nonce in range(3)]
    await put(store, seen(*records))
    views = await store.transfers.by_id_or_tx(records[0].sighting.tx_hash)
    assert {view.transfer.transfer_id for view in views} == {record.event.transfer_id for record in records}


async def test_a_transaction_of_two_events_finds_their_transfer_once(store: Store) -> None:
    await put(store, seen(called(0, 10), executed(info(0), sighting(11))))
    assert len(await store.transfers.by_id_or_tx(called(0, 10).sighting.tx_hash)) == 1


async def test_an_unknown_transfer_is_not_found(store: Store) -> None:
    await put(store, seen(called(0, 10)))
    assert await store.transfers.by_id_or_tx(bytes(32)) == []
    assert await store.transfers.by_id(TransferId(bytes(32))) is None


async def test_as_many_transfers_as_any_list_may_hold_are_read_at_once(store: Store) -> None:
    await put(store, seen(*(called(nonce, 10) for nonce in range(10_001))))
    views = await store.transfers.listed(EVERYTHING, limit=10_001)
    assert len(views) == 10_001
