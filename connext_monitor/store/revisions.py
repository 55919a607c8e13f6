"""The order in which alerts change: each change of any of them takes the next number."""

from sqlalchemy import Connection, func, select

from connext_monitor.store.schema import alerts

_NEWEST = select(func.coalesce(func.max(alerts.c.revision), 0))
NEXT_REVISION = select(func.coalesce(func.max(alerts.c.revision), 0) + 1).scalar_subquery()
"""The number of the change that is being written, where it is one."""


def newest_revision(connection: Connection) -> int:
    """The number of the last change of any alert, 0 where there is none."""
    newest: int = connection.execute(_NEWEST).scalar_one()
    return newest


def next_revision(connection: Connection) -> int:
    """The first number that is free, where several changes are written together."""
    return newest_revision(connection) + 1
