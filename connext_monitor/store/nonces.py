"""The nonces of each origin: which were seen, up to where none is missing, and where one that is missing may stand."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select, update

from connext_monitor.core.coverage import BlockRange, NonceHole, Nonces
from connext_monitor.core.events import BlockNumber, DomainId, XCalled
from connext_monitor.core.transfer import EventRecord
from connext_monitor.store.connection import Connection
from connext_monitor.store.event_kinds import XCALLED
from connext_monitor.store.glance import coverage, nonces_in
from connext_monitor.store.prepared import Prepared, parameter, parameters
from connext_monitor.store.schema import chains, domain_of_event, events, transfers
from connext_monitor.store.sql_functions import Larger

_ORIGIN = parameter("of_origin")
_THIS_CHAIN = chains.c.domain == _ORIGIN
_SELECT_CHAIN = Prepared(lambda: select(chains).where(_THIS_CHAIN))
_SAVE_FIRST = Prepared(
    lambda: (
        update(chains)
        .where(_THIS_CHAIN, chains.c.first_nonce.is_(None))
        .values(parameters("first_nonce", "contiguous_nonce"))
    )
)
_SAVE_NEXT = Prepared(
    lambda: update(chains).where(_THIS_CHAIN).values(parameters("first_nonce", "contiguous_nonce", "next_nonce"))
)
_FORGET = Prepared(
    lambda: (
        update(chains)
        .where(_THIS_CHAIN, chains.c.contiguous_nonce > parameter("nonce"))
        .values(
            contiguous_nonce=Larger(chains.c.first_nonce, func.coalesce(chains.c.pruned_nonce, 0), parameter("nonce"))
        )
    )
)


def _seen_between() -> list[ColumnElement[bool]]:
    """The condition of a transfer whose XCalled was seen on the origin, of a nonce from ``first`` on to ``before``."""
    nonce = transfers.c.nonce
    seen = (transfers.c.origin == _ORIGIN, transfers.c.xcalled_at.is_not(None))
    return [*seen, nonce >= parameter("first"), nonce < parameter("before")]


def _select_end_of_run() -> Select[*tuple[Any, ...]]:
    """The first nonce behind one that was seen that was not seen itself, in one row: there may be a million of them."""
    following = transfers.alias("following").c
    followed = exists().where(
        following.origin == _ORIGIN,
        following.xcalled_at.is_not(None),
        following.nonce == transfers.c.nonce + 1,
    )
    end = select((transfers.c.nonce + 1).label("end")).where(*_seen_between(), ~followed)
    return end.order_by(transfers.c.nonce).limit(1)


def _select_block() -> Select[*tuple[Any, ...]]:
    return (
        select(func.min(events.c.block_number))
        .join(transfers, transfers.c.id == events.c.transfer)
        .where(
            transfers.c.origin == _ORIGIN,
            transfers.c.xcalled_at.is_not(None),
            transfers.c.nonce == parameter("nonce"),
            domain_of_event == _ORIGIN,
            events.c.kind == XCALLED,
        )
    )


_SELECT_END_OF_RUN = Prepared(_select_end_of_run)
_SELECT_LOWEST_SEEN = Prepared(lambda: select(func.min(transfers.c.nonce)).where(*_seen_between()))
_SELECT_BLOCK = Prepared(_select_block)


def known(connection: Connection, domain: DomainId) -> Nonces | None:
    """The origin's nonces; None while the chain has not been asked."""
    row = _SELECT_CHAIN.row(connection, of_origin=domain)
    return None if row is None or row.first_nonce is None or row.next_nonce is None else nonces_in(row)


def hole(connection: Connection, domain: DomainId, above: int = 0) -> NonceHole | None:
    """The first nonces from ``above`` on that are missing, and the blocks between their neighbours.

    None where none is known to be.
    """
    nonces = known(connection, domain)
    reached = coverage(connection, domain)
    if nonces is None or nonces.complete or reached is None or reached.covered is None:
        return None
    missing = nonces.contiguous
    if above > missing:
        missing = first_missing(connection, domain, above, nonces.next)
    if missing >= nonces.next:
        return None
    until = _lowest_seen(connection, domain, missing, nonces.next)
    first = block_of(connection, domain, missing - 1) or reached.start
    last = reached.covered.number
    if until is not None:
        last = block_of(connection, domain, until) or last
    return NonceHole(missing, until or nonces.next, BlockRange(first, max(first, last)))


def save_first(connection: Connection, domain: DomainId, first: int) -> None:
    """Store the nonce that the chain was about to give before its first watched block."""
    _SAVE_FIRST.execute(connection, of_origin=domain, first_nonce=first, contiguous_nonce=first)


def save_next(connection: Connection, domain: DomainId, upcoming: int) -> None:
    """Store what the chain said it would give next at a covered block, and prove contiguity up to it."""
    (row,) = _SELECT_CHAIN.rows(connection, of_origin=domain)
    first, contiguous = row.first_nonce, row.contiguous_nonce
    if first is None:
        # The endpoint had no state before the first watched block, so the first one that was seen is the first watched.
        first = contiguous = _lowest_seen(connection, domain, 0, upcoming)
    if first is None:
        return
    reached = first_missing(connection, domain, contiguous, upcoming)
    _SAVE_NEXT.execute(connection, of_origin=domain, first_nonce=first, contiguous_nonce=reached, next_nonce=upcoming)


def forget(connection: Connection, removed: Iterable[EventRecord]) -> None:
    """Prove contiguity again from the nonces of these events on, which were taken back.

    Not below what was pruned: those nonces were final, and what held them is not there to be counted.
    """
    for record in removed:
        if isinstance(record.event, XCalled):
            _FORGET.execute(connection, of_origin=record.domain, nonce=record.event.nonce)


def first_missing(connection: Connection, origin: DomainId, first: int, before: int) -> int:
    """The first nonce from ``first`` on that was not seen on an origin, of those lower than ``before``; else that."""
    if _lowest_seen(connection, origin, first, before) != first:
        return first
    end: int | None = _SELECT_END_OF_RUN.value(connection, of_origin=origin, first=first, before=before)
    return before if end is None else end


def _lowest_seen(connection: Connection, origin: DomainId, first: int, before: int) -> int | None:
    """The lowest nonce seen on an origin with ``first <= nonce < before``."""
    lowest: int | None = _SELECT_LOWEST_SEEN.value(connection, of_origin=origin, first=first, before=before)
    return lowest


def block_of(connection: Connection, origin: DomainId, nonce: int) -> BlockNumber | None:
    """The block that the XCalled of a nonce stands in; the lowest, where a reorg is not settled yet."""
    block = _SELECT_BLOCK.value(connection, of_origin=origin, nonce=nonce)
    return None if block is None else BlockNumber(block)
