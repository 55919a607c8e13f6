"""The blocks of past checkpoints of each chain: the newest are kept, and those above a checkpoint that went back go."""

from sqlalchemy import Delete, delete, select
from sqlalchemy.dialects.sqlite import Insert, insert

from connext_monitor.core.events import BlockNumber, BlockRef, DomainId, Hash32
from connext_monitor.store.connection import Connection
from connext_monitor.store.prepared import Prepared, parameter, parameters
from connext_monitor.store.schema import anchors

_KEPT = 256


_OF_DOMAIN = anchors.c.domain == parameter("of_domain")
_SELECT_NEWEST_FIRST = Prepared(
    lambda: select(anchors).where(_OF_DOMAIN).order_by(anchors.c.block_number.desc()).limit(parameter("most"))
)
_FORGET_ABOVE = Prepared(lambda: delete(anchors).where(_OF_DOMAIN, anchors.c.block_number > parameter("above")))


def _keep() -> Insert:
    row = insert(anchors).values(parameters("domain", "block_number", "block_hash"))
    replaced = {"block_hash": row.excluded.block_hash}
    return row.on_conflict_do_update(index_elements=["domain", "block_number"], set_=replaced)


def _make_room() -> Delete:
    oldest = select(anchors.c.block_number).where(_OF_DOMAIN).order_by(anchors.c.block_number.desc())
    return delete(anchors).where(
        _OF_DOMAIN, anchors.c.block_number < oldest.limit(1).offset(_KEPT - 1).scalar_subquery()
    )


_KEEP = Prepared(_keep)
_MAKE_ROOM = Prepared(_make_room)


def newest_first(connection: Connection, domain: DomainId, most: int = _KEPT) -> list[tuple[BlockNumber, Hash32]]:
    """Height and hash of each, or of the newest ones."""
    rows = _SELECT_NEWEST_FIRST.rows(connection, of_domain=domain, most=most)
    return [(BlockNumber(row.block_number), Hash32(row.block_hash)) for row in rows]


def keep(connection: Connection, domain: DomainId, block: BlockRef) -> None:
    """One more; the oldest makes room."""
    _KEEP.execute(connection, domain=domain, block_number=block.number, block_hash=block.hash)
    _MAKE_ROOM.execute(connection, of_domain=domain)


def forget_above(connection: Connection, domain: DomainId, block: BlockNumber) -> None:
    """Those above a block no longer stand."""
    _FORGET_ABOVE.execute(connection, of_domain=domain, above=block)
