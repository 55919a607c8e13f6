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
_FORGET_OF = f"DELETE FROM kept_counts WHERE since IN (SELECT started_at - started_at % {_QUARTER} FROM {{0}});"  # noqa: S608 - ours
_MOVED = (
    "(SELECT {0}.* FROM old_rows JOIN new_rows ON new_rows.id = old_rows.id"
    " WHERE (old_rows.origin, old_rows.destination, old_rows.executed_at, old_rows.reconciled_at, old_rows.routers)"
    " IS DISTINCT FROM"
    " (new_rows.origin, new_rows.destination, new_rows.executed_at, new_rows.reconciled_at, new_rows.routers)) AS moved"
)
_FRONTED_OF = (
    "INSERT INTO fronted (transfer, origin, destination, routers) SELECT id, origin, destination, routers FROM {0}"
    " WHERE executed_at IS NOT NULL AND reconciled_at IS NULL AND routers <> ''::bytea;"
)
_REMOVE_OF = "DELETE FROM fronted WHERE transfer IN (SELECT id FROM {0});"
_OLD, _NEW = "OLD TABLE AS old_rows", "NEW TABLE AS new_rows"
_OF_STATEMENTS = (
    ("transfers", "INSERT", _NEW, _FORGET_OF.format("new_rows") + _FRONTED_OF.format("new_rows")),
    (
        "transfers",
        "UPDATE",
        f"{_OLD} {_NEW}",
        _FORGET_OF.format("old_rows")
        + _FORGET_OF.format("new_rows")
        + _REMOVE_OF.format(_MOVED.format("old_rows"))
        + _FRONTED_OF.format(_MOVED.format("new_rows")),
    ),
    ("transfers", "DELETE", _OLD, _FORGET_OF.format("old_rows") + _REMOVE_OF.format("old_rows")),
    (
        "kept_counts",
        "DELETE",
        _OLD,
        f"DELETE FROM kept_spans WHERE since IN (SELECT since - since % {_SPAN} FROM old_rows);",  # noqa: S608 - ours
    ),
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
    on_server = op.get_bind().dialect.name == "postgresql"
    op.execute(_FRONTED_OF.format("transfers") if on_server else _FRONTED.format("transfers", " FROM transfers"))
    op.create_index("fronted_not_read", "fronted", ["transfer"], sqlite_where=sa.text("asset IS NULL"))
    by_routers = ["destination", "routers", "asset", "origin", "amount"]
    op.create_index("fronted_by_routers", "fronted", by_routers, sqlite_where=sa.text("asset IS NOT NULL"))
    if on_server:
        _make_functions()
        return
    for name, change, statements in _TRIGGERS:
        op.execute(f"CREATE TRIGGER {name} AFTER {change} BEGIN {statements} END")


def _make_functions() -> None:
    """The same on PostgreSQL: once a statement, with the rows as they were and as they are."""
    for table, change, rows, statements in _OF_STATEMENTS:
        name = f"{table}_after_{change.lower()}"
        body = f"BEGIN {statements} RETURN NULL; END"
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
        op.execute(
            f"CREATE TRIGGER {name} AFTER {change} ON {table} REFERENCING {rows}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )
