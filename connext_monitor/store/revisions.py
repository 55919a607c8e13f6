"""The order in which alerts change: each change of any of them takes the next number."""

from typing import Any

from sqlalchemy import ScalarSelect, func, select

from connext_monitor.store.connection import Connection
from connext_monitor.store.prepared import Prepared
from connext_monitor.store.schema import alerts

_SELECT_NEWEST = Prepared(lambda: select(func.coalesce(func.max(alerts.c.revision), 0)))


def upcoming_revision() -> ScalarSelect[Any]:
    """In a statement, the number of the change that it writes, where it writes one."""
    return select(func.coalesce(func.max(alerts.c.revision), 0) + 1).scalar_subquery()


def newest_revision(connection: Connection) -> int:
    """The number of the last change of any alert, 0 where there is none."""
    newest: int = _SELECT_NEWEST.value(connection)
    return newest


def next_revision(connection: Connection) -> int:
    """The first number that is free, where several changes are written together."""
    return newest_revision(connection) + 1
