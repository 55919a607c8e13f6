"""The nonces of each origin: which were seen, up to where none is missing, and where one that is missing may stand."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, func, select, update

from connext_monitor.core.coverage import BlockRange, NonceHole, Nonces, contiguous_until
from connext_monitor.core.events import BlockNumber, DomainId, EventKind, XCalled
from connext_monitor.core.transfer import EventRecord
from connext_monitor.store.chains import coverage
from connext_monitor.store.schema import chains, domain_of_event, events, transfers


def known(connection: Connection, domain: DomainId) -> Nonces | None:
    """The origin's nonces; None while the chain has not been asked."""
    return _known(connection, chains.c.domain == domain).get(domain)


def every(connection: Connection) -> dict[DomainId, Nonces]:
    """Those of every origin that has been asked."""
    return _known(connection)


def _known(connection: Connection, *conditions: ColumnElement[bool]) -> dict[DomainId, Nonces]:
    query = select(chains).where(chains.c.first_nonce.is_not(None), chains.c.next_nonce.is_not(None), *conditions)
    return {
        DomainId(row.domain): Nonces(row.first_nonce, row.contiguous_nonce, row.next_nonce, row.pruned_nonce or 0)
        for row in connection.execute(query)
    }


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
        missing = contiguous_until(above, _seen(connection, domain, above, nonces.next))
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
    connection.execute(
        update(chains)
        .where(chains.c.domain == domain, chains.c.first_nonce.is_(None))
        .values(first_nonce=first, contiguous_nonce=first)
    )


def save_next(connection: Connection, domain: DomainId, upcoming: int) -> None:
    """Store what the chain said it would give next at a covered block, and prove contiguity up to it."""
    row = connection.execute(
        select(chains.c.first_nonce, chains.c.contiguous_nonce).where(chains.c.domain == domain)
    ).one()
    first, contiguous = row.first_nonce, row.contiguous_nonce
    if first is None:
        # The endpoint had no state before the first watched block, so the first one that was seen is the first watched.
        first = contiguous = _lowest_seen(connection, domain, 0, upcoming)
    if first is None:
        return
    seen = _seen(connection, domain, contiguous, upcoming)
    connection.execute(
        update(chains)
        .where(chains.c.domain == domain)
        .values(first_nonce=first, next_nonce=upcoming, contiguous_nonce=contiguous_until(contiguous, seen))
    )


def forget(connection: Connection, removed: Iterable[EventRecord]) -> None:
    """Prove contiguity again from the nonces of these events on, which were taken back.

    Not below what was pruned: those nonces were final, and what held them is not there to be counted.
    """
    for record in removed:
        if isinstance(record.event, XCalled):
            connection.execute(
                update(chains)
                .where(chains.c.domain == record.domain, chains.c.contiguous_nonce > record.event.nonce)
                .values(
                    contiguous_nonce=func.max(
                        chains.c.first_nonce, func.coalesce(chains.c.pruned_nonce, 0), record.event.nonce
                    )
                )
            )


def _seen(connection: Connection, origin: DomainId, first: int, before: int) -> list[int]:
    """The nonces seen on an origin with ``first <= nonce < before``, ascending."""
    rows = connection.execute(
        select(transfers.c.nonce)
        .where(
            transfers.c.origin == origin,
            transfers.c.xcalled_at.is_not(None),
            transfers.c.nonce >= first,
            transfers.c.nonce < before,
        )
        .order_by(transfers.c.nonce)
    )
    return list(rows.scalars())


def _lowest_seen(connection: Connection, origin: DomainId, first: int, before: int) -> int | None:
    """The lowest nonce seen on an origin with ``first <= nonce < before``."""
    rows = connection.execute(
        select(func.min(transfers.c.nonce)).where(
            transfers.c.origin == origin,
            transfers.c.xcalled_at.is_not(None),
            transfers.c.nonce >= first,
            transfers.c.nonce < before,
        )
    )
    lowest: int | None = rows.scalar()
    return lowest


def block_of(connection: Connection, origin: DomainId, nonce: int) -> BlockNumber | None:
    """The block that the XCalled of a nonce stands in; the lowest, where a reorg is not settled yet."""
    rows = connection.execute(
        select(func.min(events.c.block_number))
        .join(transfers, transfers.c.transfer_id == events.c.transfer_id)
        .where(
            transfers.c.origin == origin,
            transfers.c.xcalled_at.is_not(None),
            transfers.c.nonce == nonce,
            domain_of_event == origin,
            events.c.kind == EventKind.XCALLED.value,
        )
    )
    block = rows.scalar()
    return None if block is None else BlockNumber(block)
