"""Routers' books are what a plain recount of the standing events gives, whatever came of these."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connext_monitor.core.bridge_events import BridgeRecord
from connext_monitor.core.events import Address, BlockNumber, DomainId, EventKind, Executed, Hash32, Reconciled
from connext_monitor.core.router_books import RouterBook
from connext_monitor.core.transfer import EventRecord, ObservedChange, Provenance, fold
from connext_monitor.store.store import Store
from tests.store.conftest import NewStore
from tests.world.bridge import bridge_record
from tests.world.databases import open_store, put_back
from tests.world.drawn_events import drawn_records
from tests.world.examples import examples
from tests.world.packed import packed_record
from tests.world.recording import NAMES, gone, put, seen
from tests.world.transfers import ALPHA, BETA, GAMMA, ROUTER, executed, info, reconciled, sighting, xcalled

OTHER, LOCAL, ADOPTED = Address(b"\x0e" * 20), Address(b"\x09" * 20), Address(b"\x0f" * 20)
_ROUTERS = ((), (ROUTER,), (ROUTER, OTHER), (OTHER, OTHER, ROUTER))
_Book = tuple[Address, int, Address]


def _saying(record: EventRecord, routers: tuple[Address, ...], amount: int, asset: Address) -> EventRecord:
    """The same event with other routers and amounts; an Executed paid in this token."""
    event = record.event
    if isinstance(event, Executed):
        return replace(record, event=replace(event, routers=routers, amount=amount, asset=asset))
    if isinstance(event, Reconciled):
        return replace(record, event=replace(event, routers=routers, amount=amount))
    return record


def _liquidity(kind: str, block: int, fork: str, tx: int, amount: int, ordinal: int) -> BridgeRecord:
    values: dict[str, Any] = {"router": ROUTER, "local": LOCAL, "key": bytes(32), "amount": amount, "caller": ROUTER}
    if kind == "RouterLiquidityRemoved":
        values["to"] = OTHER
    at, tx_hash = sighting(block, fork=fork), Hash32(bytes([tx]) * 32)
    return bridge_record(kind, at, tx_hash=tx_hash, ordinal=ordinal, **values)


_RECORDS = st.builds(
    _saying,
    drawn_records,
    st.sampled_from(_ROUTERS),
    st.sampled_from([0, 7, 10**30 + 1]),
    st.sampled_from([LOCAL, ADOPTED]),
)
_LIQUIDITY = st.builds(
    _liquidity,
    st.sampled_from(["RouterLiquidityAdded", "RouterLiquidityRemoved"]),
    st.integers(1, 3),
    st.sampled_from(["", "a"]),
    st.integers(1, 2),
    st.sampled_from([5, 10**40]),
    st.integers(0, 1),
)
_SEEN = st.builds(
    lambda records, beside, provenance: ObservedChange(tuple(records), bridge=tuple(beside), provenance=provenance),
    st.lists(st.one_of(_RECORDS, _RECORDS.map(packed_record)), max_size=3),
    st.lists(_LIQUIDITY, max_size=2),
    st.sampled_from(Provenance),
)
_LOST = st.builds(
    lambda domain, block, fork: ObservedChange(gone=frozenset({(domain, sighting(block, fork=fork).block.hash)})),
    st.sampled_from([ALPHA, BETA]),
    st.integers(1, 4),
    st.sampled_from(["", "a"]),
)
_BATCHES = st.lists(st.lists(st.one_of(_SEEN, _SEEN, _LOST), min_size=1, max_size=3), min_size=1, max_size=8)

_FILLED = executed(info(), sighting(2), (ROUTER,))
_ELSEWHERE = executed(info(), sighting(3, fork="a"), (ROUTER,))
_ADDED = _liquidity("RouterLiquidityAdded", 1, "", 1, 5, 0)
_ADDED_ELSEWHERE = _liquidity("RouterLiquidityAdded", 2, "a", 1, 5, 0)


_MOVED_FILL = [[seen(_FILLED)], [seen(_ELSEWHERE)], [gone(_FILLED)], [gone(_ELSEWHERE)]]
_MOVED_LIQUIDITY = [[ObservedChange(bridge=(_ADDED,))], [ObservedChange(bridge=(_ADDED_ELSEWHERE,))], [gone(_FILLED)]]
_LEGS = (reconciled(info(), sighting(1)), executed(info(), sighting(1), (ROUTER,)))
_OF_ANOTHER_CHAIN = [[seen(*(replace(leg, domain=GAMMA) for leg in _LEGS))]]
_SHARED = [HealthCheck.function_scoped_fixture]


@pytest.mark.sqlite_only
@settings(examples(40), suppress_health_check=_SHARED)
@example(_MOVED_FILL)
@example(_MOVED_LIQUIDITY)
@example(_OF_ANOTHER_CHAIN)
@given(_BATCHES)
async def test_any_order_repetition_and_reorg_give_the_books_of_a_recount(
    new_store: NewStore, batches: Sequence[Sequence[ObservedChange]]
) -> None:
    async with new_store() as store:
        await _walk(store, batches)


@pytest.mark.server
@settings(examples(39), suppress_health_check=_SHARED)
@example(_MOVED_FILL)
@example(_MOVED_LIQUIDITY)
@example(_OF_ANOTHER_CHAIN)
@given(_BATCHES)
async def test_any_order_and_reorg_give_a_server_the_books_of_a_recount(
    new_store: NewStore, batches: Sequence[Sequence[ObservedChange]]
) -> None:
    async with new_store() as store:
        await _walk(store, batches)


async def _walk(store: Store, batches: Sequence[Sequence[ObservedChange]]) -> None:
    standing: dict[object, EventRecord] = {}
    beside: dict[object, BridgeRecord] = {}
    for batch in batches:
        await put(store, *batch)
        for change in batch:
            for lost in change.gone:
                standing = {i: r for i, r in standing.items() if (r.domain, r.sighting.block.hash) != lost}
                beside = {i: r for i, r in beside.items() if (r.domain, r.block.hash) != lost}
            for record in [came.whole for came in change.seen]:
                standing.setdefault(record.identity, record)
            beside |= {record.identity: record for record in change.bridge}
        assert await _kept(store) == _recounted(standing.values(), beside.values())
        assert await _measured(store) == {
            book.id: (book.sums.balance, book.owed.amount if book.owed else 0, book.sums.fills, book.last_fill)
            for book in await _books(store)
        }
        for domain, block in ((ALPHA, 1), (ALPHA, 2), (BETA, 2), (BETA, 3)):
            until = [r for r in standing.values() if r.domain != domain or r.sighting.block.number <= block]
            liquidity = [r for r in beside.values() if r.domain != domain or r.block.number <= block]
            assert await _balances(store, domain, block) == _balances_of(_recounted(until, liquidity), domain)


async def _books(store: Store) -> Sequence[RouterBook]:
    return (await store.bridge.router_books(limit=100)).books


async def _kept(store: Store) -> dict[_Book, tuple[object, ...]]:
    """What is kept of each book in which there is anything."""
    return {
        book.id: (
            book.sums.added, book.sums.removed, book.sums.fronted, book.sums.reimbursed, book.sums.fills,
            book.fast_fills, book.last_fill,
        )
        for book in await _books(store)
        if not book.sums.nothing
    }  # fmt: skip


async def _balances(store: Store, domain: DomainId, block: int) -> list[int]:
    holdings = [(router, LOCAL) for router in (ROUTER, OTHER)]
    return list(await store.bridge.balances_after(domain, BlockNumber(block), holdings))


def _balances_of(recounted: dict[_Book, tuple[Any, ...]], domain: DomainId) -> list[int]:
    books = (recounted.get((router, domain, LOCAL), (0, 0, 0, 0)) for router in (ROUTER, OTHER))
    return [added - removed - fronted + reimbursed for added, removed, fronted, reimbursed, *_ in books]


async def _measured(store: Store) -> dict[_Book, tuple[object, ...]]:
    numbers = await store.statistics.measure(0, [ROUTER, OTHER])
    return {(b.router, b.domain, b.asset): (b.balance, b.unreconciled, b.fills, b.last_fill) for b in numbers.routers}


def _recounted(records: Iterable[EventRecord], beside: Iterable[BridgeRecord]) -> dict[_Book, tuple[object, ...]]:
    sums: defaultdict[_Book, list[int]] = defaultdict(lambda: [0] * 5)
    fast: Counter[tuple[int, Address]] = Counter()
    last: dict[_Book, int] = {}
    once = {(r.domain, r.tx_hash, r.event.payload, r.event.kind, r.ordinal): r for r in beside}
    for liquidity in once.values():
        fields = liquidity.event.fields
        book = (Address(bytes.fromhex(fields["router"][2:])), liquidity.domain, LOCAL)
        sums[book][liquidity.event.kind == "RouterLiquidityRemoved"] += int(fields["amount"])
    by_transfer: defaultdict[bytes, list[EventRecord]] = defaultdict(list)
    for record in records:
        by_transfer[record.event.transfer_id].append(record)
    for of_transfer in by_transfer.values():
        for record in _counting(of_transfer):
            event = record.event
            if isinstance(event, Executed):
                paid = event.amount if event.asset == event.local else event.params.bridged_amount * 9995 // 10_000
                _split(sums, 2, record, event.routers, paid)
                fast[record.domain, event.local] += bool(event.routers)
                for router in set(event.routers):
                    book = (router, record.domain, event.local)
                    sums[book][4] += 1
                    last[book] = max(last.get(book, 0), record.sighting.block.timestamp)
            elif isinstance(event, Reconciled):
                _split(sums, 3, record, event.routers, event.amount)
    return {book: (*its, fast[book[1:]], last.get(book)) for book, its in sums.items() if any(its)}


def _counting(records: Sequence[EventRecord]) -> list[EventRecord]:
    """The legs that count of one transfer: on its destination, which they name, in the lowest block."""
    transfer = fold(records)
    legs = [r for r in records if transfer and r.kind is not EventKind.XCALLED and r.domain == transfer.destination]
    legs = [r for r in legs if not isinstance(r.event, Reconciled) or r.event.origin_domain != r.domain]
    legs = [r for r in legs if not isinstance(r.event, Executed) or r.event.params.destination_domain == r.domain]
    legs.sort(key=lambda r: (r.sighting.block.number, r.sighting.block.hash), reverse=True)
    return list({record.kind: record for record in legs}.values())


def _split(
    sums: defaultdict[_Book, list[int]], which: int, record: EventRecord, routers: tuple[Address, ...], amount: int
) -> None:
    event = record.event
    assert isinstance(event, Executed | Reconciled)
    left = amount
    for number, router in enumerate(routers, start=1):
        part = left if number == len(routers) else amount // len(routers)
        sums[router, record.domain, event.local][which] += part
        left -= part


async def test_a_balance_is_added_less_fronted_plus_reimbursed(store: Store) -> None:
    first, second = info(0), info(1)
    paid = [_saying(executed(i, sighting(10 + i.nonce)), (ROUTER, OTHER), 9_995, LOCAL) for i in (first, second)]
    back = _saying(reconciled(first, sighting(20)), (ROUTER, OTHER), 10_000, LOCAL)
    added = replace(_ADDED, domain=BETA)
    await put(store, seen(xcalled(first, sighting(1)), *paid, back), ObservedChange(bridge=(added,)))
    [book, other] = sorted(await _books(store), key=lambda book: book.router)
    assert (book.router, book.sums.balance, other.sums.balance) == (ROUTER, 5 - 2 * 4_997 + 5_000, 5_000 - 2 * 4_998)
    assert book.owed is not None
    assert (book.owed.transfers, book.owed.oldest) == (1, paid[1].sighting.block.timestamp)
    assert (book.share, book.last_fill) == (1.0, paid[1].sighting.block.timestamp)


async def test_the_fee_is_taken_off_where_the_recipient_got_another_token(store: Store) -> None:
    await put(store, seen(_saying(executed(info(), sighting(10)), (ROUTER,), 3, ADOPTED)))
    [book] = await _books(store)
    assert book.sums.fronted == 10**18 * 9_995 // 10_000


async def test_books_are_listed_router_by_router_and_continue(store: Store) -> None:
    await put(store, seen(executed(info(), sighting(10), (OTHER, ROUTER))))
    page = await store.bridge.router_books(limit=1)
    assert ([book.router for book in page.books], page.next) == ([ROUTER], ROUTER)
    page = await store.bridge.router_books(limit=1, after=ROUTER)
    assert ([book.router for book in page.books], page.next) == ([OTHER], None)


async def test_funds_that_aave_lent_are_counted_by_chain(store: Store) -> None:
    loan: dict[str, Any] = {"transfer_id": bytes(32), "router": ROUTER, "asset": ADOPTED, "amount": 7}
    await put(store, seen(executed(info(), sighting(10), (OTHER, ROUTER))))
    await put(store, ObservedChange(bridge=(bridge_record("AavePortalMintUnbacked", domain=BETA, **loan),)))
    assert {book.router: book.portal_loans for book in await _books(store)} == {ROUTER: 1, OTHER: 0}


async def test_what_an_earlier_version_stored_is_added_up_alike(file: Path) -> None:
    store = await open_store(file, NAMES)
    paid = _saying(executed(info(0), sighting(10)), (ROUTER, OTHER), 11, LOCAL)
    swapped = _saying(executed(info(1), sighting(11)), (ROUTER, ROUTER), 11, ADOPTED)
    twice = _saying(executed(info(1), sighting(12, fork="a")), (OTHER,), 12, LOCAL)
    back = _saying(reconciled(info(0), sighting(13)), (ROUTER, OTHER), 12, LOCAL)
    beside = ObservedChange(bridge=(_ADDED, _ADDED_ELSEWHERE, _liquidity("RouterLiquidityRemoved", 3, "", 2, 3, 0)))
    await put(store, seen(xcalled(info(0), sighting(1)), paid, swapped, twice, back), beside)
    known = await _books(store)
    await store.close()
    put_back(file, "0017")
    store = await open_store(file, NAMES)
    assert await _books(store) == known
    await store.close()
