"""The ranges of blocks that were read by `backfill`."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "backfills",
        sa.Column("domain", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_block", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("domain", "first_block"),
    )
