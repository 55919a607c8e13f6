"""The first schema: chains, events, transfers, malformed logs, alerts, deliveries, channels."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "alerts",
        sa.Column("row", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("transfer_id", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("resolved_ms", sa.BigInteger(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("row"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("alerts_by_state", "alerts", ["state", "kind"], unique=False)
    op.create_index("alerts_by_transfer", "alerts", ["transfer_id"], unique=False)
    op.create_table(
        "chains",
        sa.Column("domain", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("start_block", sa.BigInteger(), nullable=False),
        sa.Column("checkpoint", sa.BigInteger(), nullable=False),
        sa.Column("covered_number", sa.BigInteger(), nullable=True),
        sa.Column("covered_hash", sa.LargeBinary(), nullable=True),
        sa.Column("covered_at", sa.BigInteger(), nullable=True),
        sa.Column("first_nonce", sa.BigInteger(), nullable=True),
        sa.Column("contiguous_nonce", sa.BigInteger(), nullable=True),
        sa.Column("next_nonce", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("domain"),
    )
    op.create_table(
        "channels",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("provider"),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("transfer_id", sa.LargeBinary(), nullable=False),
        sa.Column("domain", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=False),
        sa.Column("block_at", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("transfer_id", "kind", "domain", "block_hash"),
    )
    op.create_index("events_by_block", "events", ["domain", "block_number"], unique=False)
    op.create_index("events_by_tx", "events", ["tx_hash"], unique=False)
    op.create_table(
        "malformed_logs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("domain", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("domain", "digest"),
    )
    op.create_table(
        "transfers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("transfer_id", sa.LargeBinary(), nullable=False),
        sa.Column("origin", sa.BigInteger(), nullable=False),
        sa.Column("destination", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("xcalled_at", sa.BigInteger(), nullable=True),
        sa.Column("executed_at", sa.BigInteger(), nullable=True),
        sa.Column("reconciled_at", sa.BigInteger(), nullable=True),
        sa.Column("execute_due_at", sa.BigInteger(), nullable=True),
        sa.Column("reconcile_due_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("transfer_id"),
    )
    op.create_index(
        "transfers_awaiting_execute",
        "transfers",
        ["execute_due_at"],
        unique=False,
        sqlite_where=sa.text("executed_at IS NULL"),
    )
    op.create_index(
        "transfers_awaiting_reconcile",
        "transfers",
        ["reconcile_due_at"],
        unique=False,
        sqlite_where=sa.text("reconciled_at IS NULL"),
    )
    op.create_index(
        "transfers_by_nonce",
        "transfers",
        ["origin", "nonce"],
        unique=False,
        sqlite_where=sa.text("xcalled_at IS NOT NULL"),
    )
    op.create_index("transfers_by_start", "transfers", ["started_at", "transfer_id"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("resolved_ms", sa.BigInteger(), nullable=True),
        sa.Column("pending", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_ms", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("done_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["alert_id"],
            ["alerts.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("deliveries_by_alert", "deliveries", ["alert_id"], unique=False)
    op.create_index(
        "deliveries_pending", "deliveries", ["provider", "id"], unique=False, sqlite_where=sa.text("pending")
    )
