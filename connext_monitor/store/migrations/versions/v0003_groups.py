"""Groups of alerts that are told in one message; what openings would be grouped by; an index that is used."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TOPICS = """
UPDATE deliveries SET topic = (
    SELECT alerts.kind || coalesce(':' || transfers.origin || ':' || transfers.destination, '')
    FROM alerts LEFT JOIN transfers ON transfers.transfer_id = alerts.transfer_id
    WHERE alerts.id = deliveries.alert_id
) WHERE pending AND change = 'opened'
"""


def upgrade() -> None:
    """Make the tables, and give the deliveries that wait their topic."""
    op.create_table(
        "delivery_groups",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("before", sa.Integer(), nullable=False),
        sa.Column("oldest_ms", sa.BigInteger(), nullable=False),
        sa.Column("newest_ms", sa.BigInteger(), nullable=False),
        sa.Column("formed_ms", sa.BigInteger(), nullable=False),
        sa.Column("opened_with", sa.Integer(), nullable=True),
        sa.Column("told_members", sa.Integer(), nullable=True),
        sa.Column("told_open", sa.Integer(), nullable=True),
        sa.Column("told_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "delivery_groups_standing",
        "delivery_groups",
        ["provider", "id"],
        unique=False,
        sqlite_where=sa.text("ended = 0"),
    )
    op.create_table(
        "group_members",
        sa.Column("group_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["delivery_groups.id"]),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"]),
        sa.PrimaryKeyConstraint("group_id", "alert_id"),
    )
    op.create_index("group_members_by_amount", "group_members", ["group_id", "open", "amount"], unique=False)
    op.create_index("group_members_by_state", "group_members", ["group_id", "open", "since_at"], unique=False)
    op.create_index("group_members_open", "group_members", ["alert_id"], unique=False, sqlite_where=sa.text("open = 1"))
    op.add_column("deliveries", sa.Column("topic", sa.Text(), nullable=True))
    op.add_column("deliveries", sa.Column("fresh", sa.Boolean(), nullable=True))
    op.add_column("deliveries", sa.Column("group_id", sa.BigInteger(), nullable=True))
    # As it was, no query used it: they say "pending = 1", and a partial index is chosen by its very condition.
    op.drop_index("deliveries_pending", "deliveries")
    op.create_index(
        "deliveries_pending", "deliveries", ["provider", "id"], unique=False, sqlite_where=sa.text("pending = 1")
    )
    op.create_index(
        "deliveries_pending_by_alert",
        "deliveries",
        ["alert_id", "provider", "id"],
        unique=False,
        sqlite_where=sa.text("pending = 1"),
    )
    op.create_index(
        "deliveries_told_alone",
        "deliveries",
        ["provider", "done_ms"],
        unique=False,
        sqlite_where=sa.text("pending = 0 AND group_id IS NULL"),
    )
    op.execute(_TOPICS)
