"""The ranges of each chain's blocks that `backfill` has read."""

from sqlalchemy import ColumnElement, delete, insert, select

from connext_monitor.core.coverage import BlockRange
from connext_monitor.core.events import BlockNumber, DomainId
from connext_monitor.core.history import joined
from connext_monitor.store.connection import Connection
from connext_monitor.store.prepared import Prepared, parameter, parameters
from connext_monitor.store.schema import backfills


def _touching() -> list[ColumnElement[bool]]:
    """The condition of a range that these blocks touch, which are parameters."""
    return [
        backfills.c.domain == parameter("of_domain"),
        backfills.c.first_block <= parameter("last") + 1,
        backfills.c.last_block >= parameter("first") - 1,
    ]


_SELECT = Prepared(
    lambda: select(backfills).where(backfills.c.domain == parameter("domain")).order_by(backfills.c.first_block)
)
_SELECT_TOUCHING = Prepared(lambda: select(backfills).where(*_touching()))
_DELETE_TOUCHING = Prepared(lambda: delete(backfills).where(*_touching()))
_INSERT = Prepared(lambda: insert(backfills).values(parameters("domain", "first_block", "last_block")))


def read(connection: Connection, domain: DomainId) -> list[BlockRange]:
    """The chain's ranges, the lowest first."""
    rows = _SELECT.rows(connection, domain=domain)
    return [BlockRange(BlockNumber(row.first_block), BlockNumber(row.last_block)) for row in rows]


def add(connection: Connection, domain: DomainId, blocks: BlockRange) -> None:
    """These blocks have been read too; what they touch becomes one range with them."""
    touching: dict[str, object] = {"of_domain": domain, "first": blocks.first, "last": blocks.last}
    rows = _SELECT_TOUCHING.rows(connection, **touching)
    (whole,) = joined([blocks, *(BlockRange(row.first_block, row.last_block) for row in rows)])
    _DELETE_TOUCHING.execute(connection, **touching)
    _INSERT.execute(connection, domain=domain, first_block=whole.first, last_block=whole.last)
