import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connext_monitor.core.events import Address, TransferId
from connext_monitor.core.selection import Cursor, TransferFilter
from connext_monitor.store.nouns import Transfers
from connext_monitor.store.store import Store
from tests.store.conftest import NewStore
from tests.world.examples import examples
from tests.world.two_chains import ASSET, DESTINATION, ORIGIN, RECIPIENT, ROUTER, SENDER, START, Sample, fill

ANY = TransferFilter()


async def transfers_of(transfers: Transfers, address: Address, selection: TransferFilter = ANY) -> list[TransferId]:
    return list((await transfers.of_address(address, selection, limit=100, after=None)).ids)


@pytest.mark.parametrize("address", [SENDER, RECIPIENT, ASSET, ROUTER])
async def test_every_party_is_found(store: Store, address: Address) -> None:
    sample = Sample(1)
    await fill(store, [sample.xcalled(), sample.executed(), Sample(2).reconciled()])
    assert await transfers_of(store.transfers, address) == [sample.id]


@pytest.mark.parametrize("address", [SENDER, RECIPIENT, ROUTER])
async def test_every_party_is_found_where_its_xcalled_was_never_seen(store: Store, address: Address) -> None:
    sample = Sample(1)
    await fill(store, [sample.executed(), Sample(2).reconciled()])
    assert await transfers_of(store.transfers, address) == [sample.id]


async def test_an_address_without_transfers_finds_none(store: Store) -> None:
    """Zeros stand everywhere in an event, and are nobody's address here."""
    await fill(store, [Sample(1).xcalled()])
    for address in (Address(bytes(20)), Address(SENDER[:10] + RECIPIENT[:10])):
        assert await transfers_of(store.transfers, address) == []


async def test_an_address_search_keeps_to_the_filter(store: Store) -> None:
    there, back = Sample(1), Sample(2, origin=DESTINATION, destination=ORIGIN)
    await fill(store, [there.xcalled(), back.xcalled()])
    assert await transfers_of(store.transfers, SENDER, TransferFilter(origin=DESTINATION)) == [back.id]


PAGES = given(
    routed=st.lists(st.booleans(), min_size=1, max_size=12), window=st.integers(1, 5), limit=st.integers(1, 4)
)
SHARED = [HealthCheck.function_scoped_fixture]


@pytest.mark.sqlite_only
@settings(examples(12), suppress_health_check=SHARED)
@PAGES
async def test_pages_hold_each_one_once_and_in_order_whatever_comes_meanwhile(
    new_store: NewStore, routed: list[bool], window: int, limit: int
) -> None:
    async with new_store() as store:
        await see_all_pages(store, routed, window, limit)


@pytest.mark.server
@settings(examples(4), suppress_health_check=SHARED)
@PAGES
async def test_pages_from_a_server_hold_each_one_once_and_in_order(
    new_store: NewStore, routed: list[bool], window: int, limit: int
) -> None:
    async with new_store() as store:
        await see_all_pages(store, routed, window, limit)


async def see_all_pages(store: Store, routed: list[bool], window: int, limit: int) -> None:
    samples = [Sample(nonce, START - nonce) for nonce in range(len(routed))]
    records = [sample.xcalled() for sample in samples]
    await fill(
        store, records + [sample.executed() for sample, is_routed in zip(samples, routed, strict=True) if is_routed]
    )
    got = list[TransferId]()
    after: Cursor | None = None
    for turn in range(50):
        page = await store.transfers.of_address(ROUTER, ANY, limit=limit, after=after, looked_through=window)
        assert len(page.ids) <= limit
        got += page.ids
        after = page.next
        if after is None:
            break
        newer = Sample(100 + turn, START + 1 + turn)
        await fill(store, [newer.xcalled(), newer.executed()])
    assert after is None
    assert got == [sample.id for sample, is_routed in zip(samples, routed, strict=True) if is_routed]
