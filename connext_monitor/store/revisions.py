"""The order in which alerts change: each change of any of them takes the next number."""

from sqlalchemy import Connection, func, select

from connext_monitor.store.schema import alerts

NEXT_REVISION = select(func.coalesce(func.max(alerts.c.revision), 0) + 1).scalar_subquery()
"""The number of the change that is being written, where it is one."""


def next_revision(connection: Connection) -> int:
    """The first number that is free, where several changes are written together."""
    return (connection.execute(select(func.max(alerts.c.revision))).scalar() or 0) + 1
