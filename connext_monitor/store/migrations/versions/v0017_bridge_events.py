"""What the bridge says besides its transfers."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "bridge_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("domain", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=False),
        sa.Column("block_at", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("covered", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    identity = ["domain", "block_hash", "tx_hash", "digest", "ordinal"]
    op.create_index("bridge_events_by_identity", "bridge_events", identity, unique=True)
    op.create_index("bridge_events_by_block", "bridge_events", ["domain", "block_number"])
    op.create_index("bridge_events_by_time", "bridge_events", ["block_at"])
    op.create_index("bridge_events_by_kind", "bridge_events", ["kind", "block_at"])
