"""What was pruned, so that it does not come back in part; reports on statistics, and whom they are still to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0010"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "pruned",
        sa.Column("id_start", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id_start"),
        sqlite_with_rowid=False,
    )
    op.add_column("chains", sa.Column("pruned_nonce", sa.BigInteger(), nullable=True))
    # What holds an alert's row is looked up by the alert when that goes, whether it is open there or not.
    op.drop_index("group_members_open", "group_members")
    op.create_index("group_members_by_alert", "group_members", ["alert_id"])
    op.create_table(
        "reports",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("until_at"),
    )
    op.create_table(
        "report_deliveries",
        sa.Column("report_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("pending", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("done_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"]),
        sa.PrimaryKeyConstraint("report_id", "provider"),
    )
    op.create_index(
        "report_deliveries_pending",
        "report_deliveries",
        ["provider", "report_id"],
        sqlite_where=sa.text("pending = 1"),
    )
