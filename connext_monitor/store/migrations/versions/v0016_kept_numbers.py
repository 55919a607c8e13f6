"""Numbers that are kept: of quarter days, and of what routers have fronted and not got back.

Triggers have both follow the transfers' rows, whoever changes those. What they cannot know is counted and read while
the monitor runs.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_QUARTER = 6 * 3_600
_SPAN = 8 * 86_400
_FORGET = {
    row: f"DELETE FROM kept_counts WHERE since = {row}.started_at - {row}.started_at % {_QUARTER};"  # noqa: S608 - ours
    for row in ("OLD", "NEW")
}
# Without a function: see `bulk.ending_all`.
_IS_FRONTED = "{0}.executed_at IS NOT NULL AND {0}.reconciled_at IS NULL AND {0}.routers <> x''"
_FRONTED = (
    "INSERT INTO fronted (transfer, origin, destination, routers) SELECT {0}.id, {0}.origin, {0}.destination,"
    " {0}.routers{1} WHERE " + _IS_FRONTED
)
_ADD = _FRONTED.format("NEW", "") + ";"
_REMOVE = "DELETE FROM fronted WHERE transfer = OLD.id;"
_TRIGGERS = (
    ("kept_counts_after_insert", "INSERT ON transfers", _FORGET["NEW"]),
    ("kept_counts_after_update", "UPDATE ON transfers", _FORGET["OLD"] + _FORGET["NEW"]),
    ("kept_counts_after_delete", "DELETE ON transfers", _FORGET["OLD"]),
    (
        "kept_spans_after_delete",
        "DELETE ON kept_counts",
        f"DELETE FROM kept_spans WHERE since = OLD.since - OLD.since % {_SPAN};",  # noqa: S608 - ours
    ),
    ("fronted_after_insert", "INSERT ON transfers", _ADD),
    (
        "fronted_after_update",
        "UPDATE OF origin, destination, executed_at, reconciled_at, routers ON transfers",
        _REMOVE + _ADD,
    ),
    ("fronted_after_delete", "DELETE ON transfers", _REMOVE),
)


def upgrade() -> None:
    """Make the tables and the triggers that keep them."""
    for table in ("kept_counts", "kept_spans"):
        op.create_table(
            table,
            sa.Column("since", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
            sa.Column("content", sa.LargeBinary(), nullable=False),
            sa.PrimaryKeyConstraint("since"),
        )
    op.create_table(
        "fronted",
        sa.Column("transfer", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("origin", sa.BigInteger(), nullable=False),
        sa.Column("destination", sa.BigInteger(), nullable=False),
        sa.Column("routers", sa.LargeBinary(), nullable=False),
        sa.Column("asset", sa.LargeBinary(), nullable=True),
        sa.Column("amount", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("transfer"),
    )
    op.execute(_FRONTED.format("transfers", " FROM transfers"))
    op.create_index("fronted_not_read", "fronted", ["transfer"], sqlite_where=sa.text("asset IS NULL"))
    by_routers = ["destination", "routers", "asset", "origin", "amount"]
    op.create_index("fronted_by_routers", "fronted", by_routers, sqlite_where=sa.text("asset IS NOT NULL"))
    for name, change, statements in _TRIGGERS:
        op.execute(f"CREATE TRIGGER {name} AFTER {change} BEGIN {statements} END")
