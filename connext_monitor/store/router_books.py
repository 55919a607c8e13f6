"""Routers' books: sums that are kept with the events that move them, and read with what is known beside them."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence

import msgspec
from sqlalchemy import and_, func, select, tuple_
from sqlalchemy.dialects.sqlite import Insert, insert

from connext_monitor.core.events import Address, BlockNumber, DomainId, Timestamp, TransferId
from connext_monitor.core.formats import hex_text
from connext_monitor.core.payload import unpack_fronted
from connext_monitor.core.router_balances import RouterAsset
from connext_monitor.core.router_books import PORTAL_LOAN, BookId, BookSums, Movements, RouterBook, RouterBookPage
from connext_monitor.core.stats import Owed, Window
from connext_monitor.core.stored_numbers import RouterNumbers
from connext_monitor.core.transfer import EventRecord
from connext_monitor.store import bridge_events as events_beside
from connext_monitor.store import event_records
from connext_monitor.store.bridge_tables import bridge_events
from connext_monitor.store.bulk import InsertMany, flat, parts
from connext_monitor.store.connection import Connection
from connext_monitor.store.event_kinds import EXECUTED
from connext_monitor.store.kept_tables import router_books
from connext_monitor.store.last_executions import last_executions
from connext_monitor.store.owed import owed, split
from connext_monitor.store.plain import StoredRow
from connext_monitor.store.prepared import Prepared, list_parameter, parameter
from connext_monitor.store.schema import domain_of_event, events, transfers


class _Loan(msgspec.Struct):
    """Whom a loan was made to, of all that the event says."""

    router: str


_lent_to = msgspec.json.Decoder(_Loan).decode

NO_ROUTER = Address(b"")
"""In whose row a token's fast fills are counted."""

_K = router_books.c
_KEY = (_K.router, _K.domain, _K.asset)
_SELECT = Prepared(lambda: select(router_books).where(tuple_(*_KEY).in_(list_parameter("books"))))
_T = transfers.c


def _save() -> Insert:
    row = insert(router_books)
    changes = {column.name: row.excluded[column.name] for column in _K if column not in set(_KEY)}
    return row.on_conflict_do_update(index_elements=_KEY, set_=changes)


_SAVE = InsertMany(_save, list(_K))
_SELECT_ROUTERS = Prepared(
    lambda: (
        select(_K.router).where(_K.router > parameter("after")).distinct().order_by(_K.router).limit(parameter("most"))
    )
)
_SELECT_OF = Prepared(lambda: select(router_books).where(_K.router.in_(list_parameter("routers"))))
_SELECT_ABOVE = Prepared(
    lambda: (
        select(_T.id, _T.transfer_id)
        .select_from(events.join(transfers, transfers.c.id == events.c.transfer))
        .where(events.c.domain == parameter("domain"), events.c.block_number > parameter("block"))
        .distinct()
    )
)
_SELECT_BUSIEST = Prepared(
    lambda: (
        select(_K.router)
        .where(_K.router != NO_ROUTER)
        .group_by(_K.router)
        .order_by(func.sum(_K.fills).desc(), _K.router)
        .limit(parameter("most"))
    )
)
_SELECT_TOTALS = Prepared(lambda: select(_K.domain, _K.asset, _K.fills).where(_K.router == NO_ROUTER))
_SELECT_LOANS = Prepared(
    lambda: select(bridge_events.c.domain, bridge_events.c.payload).where(bridge_events.c.kind == PORTAL_LOAN)
)
_SELECT_FILLS = Prepared(
    lambda: (
        select(_T.executed_at, events.c.payload)
        .select_from(
            transfers.join(
                events,
                and_(events.c.transfer == _T.id, events.c.kind == EXECUTED, domain_of_event == _T.destination),
            )
        )
        .where(
            _T.executed_at.is_not(None),
            _T.destination == parameter("domain"),
            _T.origin == parameter("origin"),
            _T.routers == parameter("routers"),
            events.c.block_at == _T.executed_at,
        )
        .order_by(_T.executed_at.desc())
    )
)


def save(connection: Connection, movements: Movements) -> None:
    """Add up what a batch moved; after its events were stored."""
    changed = {book: sums for book, sums in movements.books.items() if not sums.nothing or book in movements.undone}
    totals = {(NO_ROUTER, *token): BookSums(fills=count) for token, count in movements.fast_fills.items() if count}
    if not changed and not totals:
        return
    kept = _kept(connection, [*changed, *totals])
    rows = []
    for book, sums in (*changed.items(), *totals.items()):
        before, last_fill = kept.get(book, (BookSums(), None))
        before.add(sums)
        rows.append(_row(book, before, _last_fill(connection, book, movements, last_fill)))
    _SAVE(connection, flat(rows))


def _last_fill(
    connection: Connection, book: BookId, movements: Movements, last_fill: Timestamp | None
) -> Timestamp | None:
    came, went = movements.last_fills.get(book), movements.undone.get(book)
    if went is not None and last_fill is not None and went >= last_fill:
        return _latest(connection, book)
    return max((at for at in (last_fill, came) if at is not None), default=None)


def page(
    connection: Connection, *, limit: int, after: Address | None = None, also: Collection[BookId] = ()
) -> RouterBookPage:
    """The books of at most ``limit`` routers in the order of their addresses, from behind ``after`` on."""
    rows = _SELECT_ROUTERS.column(connection, after=after or NO_ROUTER, most=limit + 1)
    routers = [Address(router) for router in rows]
    more = routers[limit - 1] if len(routers) > limit else None
    within = [book for book in also if (after or NO_ROUTER) < book[0] and (more is None or book[0] <= more)]
    return RouterBookPage(of_routers(connection, routers[:limit], within), more)


def of_routers(
    connection: Connection,
    routers: Sequence[Address],
    also: Collection[BookId] = (),
    known_unpaid: Iterable[tuple[Address, Owed]] | None = None,
) -> list[RouterBook]:
    """All books of these routers, by router, chain and token, and ``also`` these, though nothing is in them.

    To add up all that is owed takes longest; whoever has done so just before hands it in.
    """
    unpaid = _by_book(owed(connection, Window(0, 0)) if known_unpaid is None else known_unpaid)
    totals = {(row.domain, bytes(row.asset)): row.fills for row in _SELECT_TOTALS.rows(connection)}
    loans = Counter((row.domain, _lent_to(row.payload).router) for row in _SELECT_LOANS.stream(connection))
    kept = {book: (BookSums(), None) for book in also} | {
        _book(row): (_sums(row), row.last_fill)
        for part in parts(routers)
        for row in _SELECT_OF.rows(connection, routers=part)
    }
    books = []
    for book, (sums, last_fill) in sorted(kept.items(), key=lambda item: item[0]):
        router, domain, asset = book
        lent = loans[domain, hex_text(router)]
        books.append(
            RouterBook(router, domain, asset, sums, totals.get((domain, asset), 0), last_fill, unpaid.get(book), lent)
        )
    return books


def balances_after(
    connection: Connection, domain: DomainId, block: BlockNumber, holdings: Sequence[RouterAsset]
) -> list[int]:
    """What the books of these came to after this covered block of their chain, in base units and in that order."""
    books: list[BookId] = [(router, domain, asset) for router, asset in holdings]
    kept, later = _kept(connection, books), _movements_above(connection, domain, block).books
    none = (BookSums(), None)
    return [kept.get(book, none)[0].balance - later.get(book, BookSums()).balance for book in books]


def _movements_above(connection: Connection, domain: DomainId, block: BlockNumber) -> Movements:
    """What the events above a block of a chain changed."""
    later = Movements()
    ids = {row.id: TransferId(row.transfer_id) for row in _SELECT_ABOVE.rows(connection, domain=domain, block=block)}
    of_transfer: defaultdict[TransferId, list[EventRecord]] = defaultdict(list)
    for record in event_records.of_transfers(connection, ids) if ids else ():
        of_transfer[record.event.transfer_id].append(record)
    for records in of_transfer.values():
        later.of_transfer([r for r in records if r.domain != domain or r.sighting.block.number <= block], records)
    liquidity = events_beside.liquidity_above(connection, domain, block)
    later.liquidity([record for record in liquidity if record.block.number <= block], liquidity)
    return later


def busiest(connection: Connection, most: int) -> list[Address]:
    """The routers with the most fills, at most so many."""
    return [Address(bytes(router)) for router in _SELECT_BUSIEST.column(connection, most=most)]


def numbers(connection: Connection, routers: Sequence[Address]) -> list[RouterNumbers]:
    """The books of these routers in short, by router, chain and token."""
    unpaid = _by_book(owed(connection, Window(0, 0)))
    rows = (row for part in parts(routers) for row in _SELECT_OF.rows(connection, routers=part))
    books = []
    for row in rows:
        book, sums = _book(row), _sums(row)
        due = unpaid.get(book)
        books.append(RouterNumbers(*book, sums.balance, due.amount if due else 0, sums.fills, row.last_fill))
    return sorted(books, key=lambda book: (book.router, book.domain, book.asset))


def _by_book(unpaid: Iterable[tuple[Address, Owed]]) -> dict[BookId, Owed]:
    return {(router, its.domain, its.asset): its for router, its in unpaid}


def _kept(connection: Connection, books: Sequence[BookId]) -> dict[BookId, tuple[BookSums, Timestamp | None]]:
    rows = (row for part in parts(books) for row in _SELECT.rows(connection, books=part))
    return {_book(row): (_sums(row), row.last_fill) for row in rows}


def _latest(connection: Connection, book: BookId) -> Timestamp | None:
    """When the router filled last in this token, of what is stored: asked only where a reorg took the last fill."""
    router, domain, asset = book
    latest = None
    for group in last_executions(connection, Window(0, 0, None, domain)):
        if router not in split(group.routers):
            continue
        fills = _SELECT_FILLS.stream(connection, domain=domain, origin=group.origin, routers=group.routers)
        at = next((row.executed_at for row in fills if unpack_fronted(row.payload)[0] == asset), None)
        latest = max((known for known in (latest, at) if known is not None), default=None)
    return latest


def _book(row: StoredRow) -> BookId:
    return Address(bytes(row.router)), DomainId(row.domain), Address(bytes(row.asset))


def _sums(row: StoredRow) -> BookSums:
    return BookSums(_number(row.added), _number(row.removed), _number(row.fronted), _number(row.reimbursed), row.fills)


def _row(book: BookId, sums: BookSums, last_fill: Timestamp | None) -> tuple[object, ...]:
    amounts = (_signed(amount) for amount in (sums.added, sums.removed, sums.fronted, sums.reimbursed))
    return (*book, *amounts, sums.fills, last_fill)


def _signed(amount: int) -> bytes:
    # Never negative, unless something is wrong; then the events are to be recorded all the same.
    return amount.to_bytes(amount.bit_length() // 8 + 1, "big", signed=True)


def _number(signed: bytes) -> int:
    return int.from_bytes(signed, "big", signed=True)
