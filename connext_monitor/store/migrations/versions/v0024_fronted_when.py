"""When routers fronted what they have not got back, beside it: statistics would look up each transfer for that."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0022"

_COLUMNS = ["destination", "routers", "asset", "origin", "amount", "executed_at"]


def upgrade() -> None:
    """Add the column, filled where the event has been read, and have the index hold it."""
    op.drop_index("fronted_by_routers", "fronted")
    op.add_column("fronted", sa.Column("executed_at", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE fronted SET executed_at = (SELECT executed_at FROM transfers WHERE transfers.id = fronted.transfer)"
        " WHERE asset IS NOT NULL"
    )
    op.create_index("fronted_by_routers", "fronted", _COLUMNS, sqlite_where=sa.text("asset IS NOT NULL"))
