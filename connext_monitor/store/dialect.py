"""What statements are compiled for."""

from functools import cache

from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect

from connext_monitor.store import sql_functions  # noqa: F401 - they are written by it
from connext_monitor.store.connection import SQLITE

_SQLITE_DIALECT = sqlite.dialect()


@cache
def dialect_of(engine: str) -> Dialect:
    """What statements are compiled for that a connection of this engine is to run."""
    if engine == SQLITE:
        return _SQLITE_DIALECT
    from connext_monitor.store.postgres_dialect import DIALECT  # noqa: PLC0415 - slow to load, and only for those who use it

    return DIALECT
