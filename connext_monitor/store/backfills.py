"""The ranges of each chain's blocks that `backfill` has read."""

from sqlalchemy import Connection, delete, insert, select

from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.events import BlockNumber, DomainId
from connext_monitor.core.history import joined
from connext_monitor.store.schema import backfills


def read(connection: Connection, domain: DomainId) -> list[BlockRange]:
    """The chain's ranges, the lowest first."""
    rows = connection.execute(select(backfills).where(backfills.c.domain == domain).order_by(backfills.c.first_block))
    return [BlockRange(BlockNumber(row.first_block), BlockNumber(row.last_block)) for row in rows]


def add(connection: Connection, domain: DomainId, blocks: BlockRange) -> None:
    """These blocks have been read too; what they touch becomes one range with them."""
    touching = (
        backfills.c.domain == domain,
        backfills.c.first_block <= blocks.last + 1,
        backfills.c.last_block >= blocks.first - 1,
    )
    rows = connection.execute(select(backfills).where(*touching)).all()
    (whole,) = joined([blocks, *(BlockRange(row.first_block, row.last_block) for row in rows)])
    connection.execute(delete(backfills).where(*touching))
    connection.execute(insert(backfills).values(domain=domain, first_block=whole.first, last_block=whole.last))
