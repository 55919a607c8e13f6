"""The ranges of each chain's blocks that `backfill` has read."""

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.events import BlockNumber, DomainId
from connext_monitor.core.history import joined
from connext_monitor.store.schema import backfills


async def read(connection: AsyncConnection, domain: DomainId) -> list[BlockRange]:
    """The chain's ranges, the lowest first."""
    rows = await connection.execute(
        select(backfills).where(backfills.c.domain == domain).order_by(backfills.c.first_block)
    )
    return [BlockRange(BlockNumber(row.first_block), BlockNumber(row.last_block)) for row in rows]


async def add(connection: AsyncConnection, domain: DomainId, blocks: BlockRange) -> None:
    """These blocks have been read too; what they touch becomes one range with them."""
    touching = (
        backfills.c.domain == domain,
        backfills.c.first_block <= blocks.last + 1,
        backfills.c.last_block >= blocks.first - 1,
    )
    rows = (await connection.execute(select(backfills).where(*touching))).all()
    (whole,) = joined([blocks, *(BlockRange(row.first_block, row.last_block) for row in rows)])
    await connection.execute(delete(backfills).where(*touching))
    await connection.execute(insert(backfills).values(domain=domain, first_block=whole.first, last_block=whole.last))
