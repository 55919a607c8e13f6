"""The blocks of past checkpoints of each chain: the newest are kept, and those above a checkpoint that went back go."""

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from connext_monitor.core.events import BlockNumber, BlockRef, DomainId, Hash32
from connext_monitor.store.prepared import Prepared, parameter
from connext_monitor.store.schema import anchors

_KEPT = 256


_SELECT_NEWEST_FIRST = Prepared(
    select(anchors).where(anchors.c.domain == parameter("domain")).order_by(anchors.c.block_number.desc())
)


def newest_first(connection: Connection, domain: DomainId) -> list[tuple[BlockNumber, Hash32]]:
    """Height and hash of each."""
    rows = _SELECT_NEWEST_FIRST(connection, domain=domain)
    return [(BlockNumber(row.block_number), Hash32(row.block_hash)) for row in rows]


def keep(connection: Connection, domain: DomainId, block: BlockRef) -> None:
    """One more; the oldest makes room."""
    values = {"domain": domain, "block_number": block.number, "block_hash": block.hash}
    row = insert(anchors).values(values)
    connection.execute(
        row.on_conflict_do_update(index_elements=["domain", "block_number"], set_={"block_hash": block.hash})
    )
    oldest = (
        select(anchors.c.block_number)
        .where(anchors.c.domain == domain)
        .order_by(anchors.c.block_number.desc())
        .limit(1)
        .offset(_KEPT - 1)
        .scalar_subquery()
    )
    connection.execute(delete(anchors).where(anchors.c.domain == domain, anchors.c.block_number < oldest))


def forget_above(connection: Connection, domain: DomainId, block: BlockNumber) -> None:
    """Those above a block no longer stand."""
    connection.execute(delete(anchors).where(anchors.c.domain == domain, anchors.c.block_number > block))
