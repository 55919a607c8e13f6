"""Why a leg is late, kept with its alert; deliveries that are not those of their transfer."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column and make the table."""
    op.add_column("alerts", sa.Column("causes", sa.Text(), nullable=False, server_default="[]"))
    op.create_table(
        "mismatches",
        sa.Column("transfer_id", sa.LargeBinary(), nullable=False),
        sa.Column("domain", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("transfer_id", "domain", "block_hash"),
    )
    op.create_index("mismatches_by_block", "mismatches", ["domain", "block_number"])
