"""How far each chain has been read, and the logs of it that could not be read."""

from datetime import datetime
from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from connext_monitor.core.coverage import Coverage
from connext_monitor.core.events import BlockNumber, BlockRef, DomainId, Hash32, Timestamp
from connext_monitor.store.schema import chains, malformed_logs

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


async def starts(connection: AsyncConnection) -> dict[DomainId, BlockNumber]:
    """The first block watched of each chain that anything has been covered of."""
    rows = await connection.execute(select(chains.c.domain, chains.c.start_block))
    return {DomainId(row.domain): BlockNumber(row.start_block) for row in rows}


async def save_coverage(connection: AsyncConnection, domain: DomainId, reached: Coverage) -> None:
    """Store how far the chain has been read."""
    covered = reached.covered
    moving = {
        "start_block": reached.start,
        "checkpoint": reached.checkpoint,
        "covered_number": covered.number if covered else None,
        "covered_hash": covered.hash if covered else None,
        "covered_at": covered.timestamp if covered else None,
    }
    row = insert(chains).values(domain=domain, **moving)
    await connection.execute(row.on_conflict_do_update(index_elements=["domain"], set_=moving))


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
