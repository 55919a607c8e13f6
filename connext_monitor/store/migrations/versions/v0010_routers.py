"""Who fronted each transfer, in a column that it can be counted by; taken from the events for what is stored."""

from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"

_AT_ONCE = 1_000
_UNPACK = msgspec.msgpack.Decoder(tuple[Any, ...]).decode
_ROUTERS = 3
"""Where they stand in the payload of an Executed."""

# The signs + keep SQLite from looking through all lower blocks of the domain instead of the transfer's few events.
# An Executed counts on the transfer's destination; where it stands in several places, the lowest one does.
_EXECUTED = sa.text(
    "SELECT e.id, e.transfer_id, e.payload FROM events AS e JOIN transfers AS t ON t.transfer_id = e.transfer_id"
    " WHERE e.id > :after AND e.kind = 'executed' AND e.domain = t.destination AND NOT EXISTS ("
    " SELECT 1 FROM events AS lower WHERE lower.transfer_id = e.transfer_id AND lower.kind = e.kind"
    " AND +lower.domain = e.domain AND (+lower.block_number, lower.block_hash) < (e.block_number, e.block_hash))"
    " ORDER BY e.id LIMIT :most"
)
_FILL = sa.text("UPDATE transfers SET routers = :routers WHERE transfer_id = :transfer_id")


def upgrade() -> None:
    """Make the column, and fill it."""
    op.add_column("transfers", sa.Column("routers", sa.LargeBinary(), nullable=True))
    connection = op.get_bind()
    after = 0
    while rows := connection.execute(_EXECUTED, {"after": after, "most": _AT_ONCE}).all():
        after = rows[-1].id
        filled = [{"transfer_id": row.transfer_id, "routers": b"".join(_UNPACK(row.payload)[_ROUTERS])} for row in rows]
        connection.execute(_FILL, filled)
    op.create_index(
        "transfers_by_router",
        "transfers",
        ["destination", "origin", "routers", "executed_at"],
        sqlite_where=sa.text("executed_at IS NOT NULL"),
    )
