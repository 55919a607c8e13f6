"""The latest execution of each pathway by each set of routers; triggers have it follow the transfers' rows."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"

_OF_EACH = (
    "INSERT INTO last_executions (destination, origin, routers, last)"
    " SELECT destination, origin, routers, max(executed_at) FROM {0}"
    " WHERE executed_at IS NOT NULL AND routers IS NOT NULL GROUP BY destination, origin, routers"
)
_OR_LATER = (
    " ON CONFLICT (destination, origin, routers) DO UPDATE SET last = excluded.last"
    " WHERE excluded.last > last_executions.last;"
)
_LATEST = (
    "(SELECT executed_at FROM transfers AS t WHERE t.destination = {0}.destination AND t.origin = {0}.origin"
    " AND t.routers = {0}.routers AND executed_at IS NOT NULL ORDER BY executed_at DESC LIMIT 1)"
)
_SAME = "destination = OLD.destination AND origin = OLD.origin AND routers = OLD.routers"
_EXECUTED = "{0}.executed_at IS NOT NULL AND {0}.routers IS NOT NULL"
_ROW = "({0}.destination, {0}.origin, {0}.routers, {0}.executed_at)"
_UPDATE = "UPDATE OF destination, origin, routers, executed_at ON transfers"
# Without a function, and with nothing that may not be NULL: see `bulk.ending_all`.
_CAME = f"INSERT INTO last_executions (destination, origin, routers, last) VALUES {_ROW.format('NEW')}{_OR_LATER}"  # noqa: S608 - ours
_WENT = (
    f"UPDATE last_executions SET last = {_LATEST.format('OLD')} WHERE {_SAME} AND last = OLD.executed_at;"  # noqa: S608 - ours
    f"DELETE FROM last_executions WHERE {_SAME} AND last IS NULL;"
)
_TRIGGERS = (
    ("insert", f"INSERT ON transfers WHEN {_EXECUTED.format('NEW')}", _CAME),
    ("update", f"{_UPDATE} WHEN {_EXECUTED.format('NEW')}", _CAME),
    (
        "change",
        f"{_UPDATE} WHEN {_EXECUTED.format('OLD')} AND {_ROW.format('OLD')} IS NOT {_ROW.format('NEW')}",
        _WENT,
    ),
    ("delete", f"DELETE ON transfers WHEN {_EXECUTED.format('OLD')}", _WENT),
)
_OLD, _NEW = "OLD TABLE AS old_rows", "NEW TABLE AS new_rows"
_MOVED = (
    "(SELECT old_rows.* FROM old_rows JOIN new_rows ON new_rows.id = old_rows.id"  # noqa: S608 - ours
    f" WHERE old_rows.executed_at IS NOT NULL AND {_ROW.format('old_rows')} IS DISTINCT FROM {_ROW.format('new_rows')})"
)
_AMONG = "(destination, origin, routers) IN (SELECT destination, origin, routers FROM {0} AS moved)"
_WENT_OF = (
    f"UPDATE last_executions SET last = {_LATEST.format('last_executions')} WHERE {_AMONG};"  # noqa: S608 - ours
    f"DELETE FROM last_executions WHERE last IS NULL AND {_AMONG};"
)
_CAME_OF_NEW = _OF_EACH.format("new_rows") + _OR_LATER
_OF_STATEMENTS = (
    ("INSERT", _NEW, _CAME_OF_NEW),
    ("UPDATE", f"{_OLD} {_NEW}", _WENT_OF.format(_MOVED) + _CAME_OF_NEW),
    ("DELETE", _OLD, _WENT_OF.format("old_rows")),
)


def upgrade() -> None:
    """Make the table and the triggers that keep it."""
    op.create_table(
        "last_executions",
        sa.Column("destination", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("routers", sa.LargeBinary(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("destination", "origin", "routers"),
        sqlite_with_rowid=False,
    )
    op.execute(_OF_EACH.format("transfers"))
    if op.get_bind().dialect.name == "postgresql":
        _make_functions()
        return
    for name, change, statements in _TRIGGERS:
        op.execute(f"CREATE TRIGGER last_executions_after_{name} AFTER {change} BEGIN {statements} END")


def _make_functions() -> None:
    """The same on PostgreSQL: once a statement, with the rows as they were and as they are."""
    for change, rows, statements in _OF_STATEMENTS:
        name = f"last_executions_after_{change.lower()}"
        body = f"BEGIN {statements} RETURN NULL; END"
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
        op.execute(
            f"CREATE TRIGGER {name} AFTER {change} ON transfers REFERENCING {rows}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )
