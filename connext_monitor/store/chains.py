"""How far each chain has been read, its nonces, and the logs of it that could not be read."""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from sqlalchemy import func, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from connext_monitor.core.coverage import Coverage, Nonces, contiguous_until
from connext_monitor.core.events import BlockNumber, BlockRef, DomainId, Hash32, Timestamp, XCalled
from connext_monitor.core.transfer import EventRecord
from connext_monitor.store.schema import chains, malformed_logs
from connext_monitor.store.transfers import nonces_from

_KEPT_BYTES = 65536


async def coverage(connection: AsyncConnection, domain: DomainId) -> Coverage | None:
    """How far the chain has been read; None where it never was."""
    row = (await connection.execute(select(chains).where(chains.c.domain == domain))).one_or_none()
    if row is None:
        return None
    covered = None
    if row.covered_number is not None:
        covered = BlockRef(BlockNumber(row.covered_number), Hash32(row.covered_hash), Timestamp(row.covered_at))
    return Coverage(BlockNumber(row.start_block), BlockNumber(row.checkpoint), covered)


async def save_coverage(connection: AsyncConnection, domain: DomainId, reached: Coverage) -> None:
    """Store how far the chain has been read."""
    covered = reached.covered
    moving = {
        "checkpoint": reached.checkpoint,
        "covered_number": covered.number if covered else None,
        "covered_hash": covered.hash if covered else None,
        "covered_at": covered.timestamp if covered else None,
    }
    row = insert(chains).values(domain=domain, start_block=reached.start, **moving)
    await connection.execute(row.on_conflict_do_update(index_elements=["domain"], set_=moving))


async def nonces(connection: AsyncConnection, domain: DomainId) -> Nonces | None:
    """The origin's nonces; None while the chain has not been asked."""
    columns = (chains.c.first_nonce, chains.c.contiguous_nonce, chains.c.next_nonce)
    row = (await connection.execute(select(*columns).where(chains.c.domain == domain))).one_or_none()
    if row is None or row.first_nonce is None or row.next_nonce is None:
        return None
    return Nonces(row.first_nonce, row.contiguous_nonce, row.next_nonce)


async def save_first_nonce(connection: AsyncConnection, domain: DomainId, first: int) -> None:
    """Store the nonce that the chain was about to give before its first watched block."""
    await connection.execute(
        update(chains)
        .where(chains.c.domain == domain, chains.c.first_nonce.is_(None))
        .values(first_nonce=first, contiguous_nonce=first)
    )


async def save_next_nonce(connection: AsyncConnection, domain: DomainId, upcoming: int) -> None:
    """Store what the chain said it would give next at a covered block, and prove contiguity up to it."""
    row = (
        await connection.execute(
            select(chains.c.first_nonce, chains.c.contiguous_nonce).where(chains.c.domain == domain)
        )
    ).one()
    if row.first_nonce is None:
        return
    seen = await nonces_from(connection, domain, row.contiguous_nonce, upcoming)
    await connection.execute(
        update(chains)
        .where(chains.c.domain == domain)
        .values(next_nonce=upcoming, contiguous_nonce=contiguous_until(row.contiguous_nonce, seen))
    )


async def forget_nonces(connection: AsyncConnection, removed: Iterable[EventRecord]) -> None:
    """Prove contiguity again from the nonces of these events on, which were taken back."""
    for record in removed:
        if isinstance(record.event, XCalled):
            await connection.execute(
                update(chains)
                .where(chains.c.domain == record.domain, chains.c.contiguous_nonce > record.event.nonce)
                .values(contiguous_nonce=func.max(chains.c.first_nonce, record.event.nonce))
            )


async def keep_malformed(
    connection: AsyncConnection, domain: DomainId, raw: bytes, reason: str, seen_at: datetime
) -> None:
    """Keep a log that could not be read, once, cut to 64 KiB."""
    row = insert(malformed_logs).values(
        domain=domain,
        digest=sha256(raw).digest(),
        reason=reason,
        raw=raw[:_KEPT_BYTES],
        seen_ms=round(seen_at.timestamp() * 1000),
    )
    await connection.execute(row.on_conflict_do_nothing())


async def malformed_counts(connection: AsyncConnection) -> dict[DomainId, int]:
    """How many distinct malformed logs each chain's endpoints gave."""
    rows = await connection.execute(select(malformed_logs.c.domain, func.count()).group_by(malformed_logs.c.domain))
    return {DomainId(domain): count for domain, count in rows}
