"""What routers' balances at the bridge amount to, as far as the events tell: by router, chain and token.

Source of the rules: ``BridgeFacet._handleExecuteLiquidity``, ``InboxFacet._reconcile`` and ``RoutersFacet`` of
``@connext/smart-contracts`` 2.4.0. A fill takes the bridged amount less the fee from its routers, in equal parts, the
remainder from the last one; the reconciliation gives the whole bridged amount back to them in the same way.

Events do not tell everything. Where the recipient got a token other than the bridge's own, what was fronted is the
bridged amount less the usual fee. A fill that Aave lent the funds for counts as fronted, though it took nothing from
the balance, and how a router repaid Aave is not said. What was before the first event seen is not known.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from connext_monitor.core.bridge_events import BridgeRecord
from connext_monitor.core.events import (
    ADDRESS_BYTES,
    RECONCILED,
    XCALLED,
    Address,
    DomainId,
    EventKind,
    Executed,
    Hash32,
    PackedExecuted,
    Reconciled,
    Timestamp,
)
from connext_monitor.core.stats import Owed, shares_of
from connext_monitor.core.structs import struct
from connext_monitor.core.transfer import EventRecord, SeenRecord, fold

FEE_NUMERATOR: Final = 9_995
"""What routers front of 10,000 bridged, as the contract is deployed (``LIQUIDITY_FEE_NUMERATOR``)."""
_FEE_DENOMINATOR: Final = 10_000

LIQUIDITY_ADDED: Final = "RouterLiquidityAdded"
LIQUIDITY_REMOVED: Final = "RouterLiquidityRemoved"
PORTAL_LOAN: Final = "AavePortalMintUnbacked"

BookId = tuple[Address, DomainId, Address]
"""The router, the chain, and the bridge's own token on it."""


@dataclass(slots=True)
class BookSums:
    """Base units of one book: ``added`` and ``removed`` by the router, ``fronted``, and ``reimbursed`` afterwards.

    ``fills`` is how many transfers the router fronted, alone or with others.
    """

    added: int = 0
    removed: int = 0
    fronted: int = 0
    reimbursed: int = 0
    fills: int = 0

    @property
    def balance(self) -> int:
        """What the router has at the bridge according to these; negative where earlier events were not seen."""
        return self.added - self.removed - self.fronted + self.reimbursed

    @property
    def nothing(self) -> bool:
        """Whether all are 0."""
        return not (self.added or self.removed or self.fronted or self.reimbursed or self.fills)

    def add(self, other: "BookSums") -> None:
        """Add another's."""
        self.added += other.added
        self.removed += other.removed
        self.fronted += other.fronted
        self.reimbursed += other.reimbursed
        self.fills += other.fills


@struct(frozen=True, slots=True)
class RouterBook:
    """One book as it stands: ``fast_fills`` are all of its token, by whichever routers.

    ``last_fill`` is in Unix seconds, ``owed`` what it fronted and has not got back, None where that is nothing;
    ``portal_loans`` are fills on its chain, in any token, for which Aave lent the router the funds.
    """

    router: Address
    domain: DomainId
    asset: Address
    sums: BookSums
    fast_fills: int
    last_fill: Timestamp | None
    owed: Owed | None
    portal_loans: int

    @property
    def id(self) -> BookId:
        """What makes it another one."""
        return self.router, self.domain, self.asset

    @property
    def share(self) -> float | None:
        """Its part of the token's fast fills, 0 to 1; None where there were none."""
        return self.sums.fills / self.fast_fills if self.fast_fills else None


@struct(frozen=True, slots=True)
class RouterBookPage:
    """Books by router, chain and token; ``next`` is the router behind which the list continues, None at its end."""

    books: Sequence[RouterBook]
    next: Address | None


@dataclass(slots=True)
class Movements:
    """What books change by.

    ``fast_fills`` are counted by chain and token, a transfer once however many routers fronted it. ``last_fills`` are
    the latest of the fills that came, and ``undone`` of those that went (Unix seconds).
    """

    books: dict[BookId, BookSums] = field(default_factory=dict)
    fast_fills: Counter[tuple[DomainId, Address]] = field(default_factory=Counter)
    last_fills: dict[BookId, Timestamp] = field(default_factory=dict)
    undone: dict[BookId, Timestamp] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.books)

    def alone(self, records: Iterable[SeenRecord]) -> None:
        """Events came, each the only one of its kind that is known of its transfer, and each of them counts.

        History brings thousands at once, most of one router each: what is not to be shared out is added up here.
        """
        fills: dict[BookId, tuple[int, int, Timestamp]] = {}
        reimbursed: dict[BookId, int] = {}
        for record in records:
            event = record.event
            if event.kind is XCALLED:
                continue
            router = event.together
            if len(router) != ADDRESS_BYTES:
                self.event(record.whole)
                continue
            book = Address(router), record.domain, event.local
            if event.kind is RECONCILED:
                reimbursed[book] = reimbursed.get(book, 0) + event.amount
                continue
            at = record.sighting.block.timestamp
            count, amount, latest = fills.get(book) or (0, 0, at)
            fills[book] = count + 1, amount + fronted_by(event), max(latest, at)
        for book, back in reimbursed.items():
            self._book(*book).reimbursed += back
        for book, filled in fills.items():
            self._filled(book, *filled)

    def _filled(self, book: BookId, count: int, amount: int, latest: Timestamp) -> None:
        _, domain, asset = book
        sums = self._book(*book)
        sums.fronted += amount
        sums.fills += count
        self.fast_fills[domain, asset] += count
        self.last_fills[book] = max(self.last_fills.get(book, latest), latest)

    def event(self, record: EventRecord, sign: int = 1) -> None:
        """An event that counts came, or went where ``sign`` is -1."""
        event = record.event
        if isinstance(event, Executed):
            if event.routers:
                self._fill(record.domain, event, record.sighting.block.timestamp, sign)
        elif isinstance(event, Reconciled) and event.routers:
            self._reimbursement(record.domain, event, sign)

    def _fill(self, domain: DomainId, event: Executed, at: Timestamp, sign: int) -> None:
        routers, asset = event.routers, event.local
        for router, amount in zip(routers, shares_of([fronted_by(event)], len(routers)), strict=True):
            self._book(router, domain, asset).fronted += sign * amount
        latest = self.last_fills if sign > 0 else self.undone
        for router in set(routers):
            self._book(router, domain, asset).fills += sign
            latest[router, domain, asset] = max(latest.get((router, domain, asset), at), at)
        self.fast_fills[domain, asset] += sign

    def _reimbursement(self, domain: DomainId, event: Reconciled, sign: int) -> None:
        for router, amount in zip(event.routers, shares_of([event.amount], len(event.routers)), strict=True):
            self._book(router, domain, event.local).reimbursed += sign * amount

    def of_transfer(self, before: Iterable[EventRecord], after: Iterable[EventRecord]) -> None:
        """A transfer has these events instead of those."""
        had, has = _legs(before), _legs(after)
        for kind in (EventKind.EXECUTED, EventKind.RECONCILED):
            went, came = had.get(kind), has.get(kind)
            if went is not None and went != came:
                self.event(went, -1)
            if came is not None and came != went:
                self.event(came)

    def liquidity(self, before: Iterable[BridgeRecord], after: Iterable[BridgeRecord]) -> None:
        """Of the bridge's events these stand instead of those; one that stands in two blocks counts once."""
        had, has = _liquidity(before), _liquidity(after)
        for identity in had.keys() - has.keys():
            self._liquidity(had[identity], -1)
        for identity in has.keys() - had.keys():
            self._liquidity(has[identity], 1)

    def _liquidity(self, record: BridgeRecord, sign: int) -> None:
        fields = record.event.fields
        router, local = (Address(bytes.fromhex(fields[name][2:])) for name in ("router", "local"))
        book, amount = self._book(router, record.domain, local), sign * int(fields["amount"])
        if record.event.kind == LIQUIDITY_ADDED:
            book.added += amount
        else:
            book.removed += amount

    def _book(self, router: Address, domain: DomainId, asset: Address) -> BookSums:
        known = self.books.get((router, domain, asset))
        if known is None:
            known = self.books[router, domain, asset] = BookSums()
        return known


def fronted_by(event: Executed | PackedExecuted) -> int:
    """What the routers of a fill fronted together, in base units of the bridge's own token."""
    if isinstance(event, PackedExecuted):
        return event.fronted
    return fronted(event.asset, event.local, event.amount, event.params.bridged_amount)


def fronted(asset: Address, local: Address, amount: int, bridged: int) -> int:
    """The same by what a fill says: what the recipient got, ``amount`` of ``asset``, and what was bridged."""
    # The recipient got the bridge's own token itself: what was fronted is what it got.
    return amount if asset == local else bridged * FEE_NUMERATOR // _FEE_DENOMINATOR


def _legs(records: Iterable[EventRecord]) -> dict[EventKind, EventRecord]:
    """Those of one transfer's events that count as its legs."""
    every = list(records)
    transfer = fold(every)
    if transfer is None:
        return {}
    counting = {EventKind.EXECUTED: transfer.executed, EventKind.RECONCILED: transfer.reconciled}
    return {
        record.kind: record
        for record in every
        if record.domain == transfer.destination
        and record.kind in counting
        and record.sighting == counting[record.kind]
    }


def moves_liquidity(record: BridgeRecord) -> bool:
    """Whether a router added or removed funds."""
    return record.event.kind in {LIQUIDITY_ADDED, LIQUIDITY_REMOVED}


def _liquidity(records: Iterable[BridgeRecord]) -> Mapping[tuple[DomainId, Hash32, bytes, int], BridgeRecord]:
    """By what makes it the same in another block."""
    return {(r.domain, r.tx_hash, r.event.digest, r.ordinal): r for r in records if moves_liquidity(r)}
