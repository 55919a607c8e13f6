"""What each set of routers is owed, added up; triggers say of which that is to be done anew."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"

_KEY = ["destination", "routers", "asset"]
_NAMED = ", ".join(_KEY)
_OLD, _NEW = (", ".join(f"{row}.{column}" for column in _KEY) for row in ("OLD", "NEW"))
_OF_OLD = f"UPDATE debts SET transfers = NULL WHERE ({_NAMED}) = ({_OLD}) AND transfers IS NOT NULL;"  # noqa: S608 - ours
_OF_NEW = (
    f"INSERT INTO debts ({_NAMED}) SELECT {_NEW} WHERE NEW.asset IS NOT NULL"
    f" ON CONFLICT ({_NAMED}) DO UPDATE SET transfers = NULL WHERE debts.transfers IS NOT NULL;"
)
_TRIGGERS = (
    ("update", "UPDATE OF asset, amount, executed_at ON fronted", "", _OF_OLD + _OF_NEW),
    ("delete", "DELETE ON fronted", "WHEN (OLD.asset IS NOT NULL)", _OF_OLD),
)


def upgrade() -> None:
    """Make the table, with a row for each that is to be added up, and the triggers."""
    op.create_table(
        "debts",
        sa.Column("destination", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("routers", sa.LargeBinary(), nullable=False),
        sa.Column("asset", sa.LargeBinary(), nullable=False),
        sa.Column("transfers", sa.BigInteger(), nullable=True),
        sa.Column("oldest", sa.BigInteger(), nullable=True),
        sa.Column("share", sa.LargeBinary(), nullable=True),
        sa.Column("last_share", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint(*_KEY),
        sqlite_with_rowid=False,
    )
    op.create_index("debts_to_add_up", "debts", _KEY, sqlite_where=sa.text("transfers IS NULL"))
    op.execute(f"INSERT INTO debts ({_NAMED}) SELECT DISTINCT {_NAMED} FROM fronted WHERE asset IS NOT NULL")  # noqa: S608
    on_server = op.get_bind().dialect.name == "postgresql"
    for name, change, when, statements in _TRIGGERS:
        if on_server:
            body = f"BEGIN {statements} RETURN NULL; END"
            op.execute(f"CREATE FUNCTION debts_after_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
            what = f"FOR EACH ROW {when} EXECUTE FUNCTION debts_after_{name}()"
        else:
            what = f"{when} BEGIN {statements} END"
        op.execute(f"CREATE TRIGGER debts_after_{name} AFTER {change} {what}")
