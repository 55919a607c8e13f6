"""What a monitor may be sending at this moment, read from its database."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from connext_monitor.config import DatabaseUrl

# Each is stored before it is sent. What was refused comes later, what waits behind that comes after it, and a dead
# channel is sent nothing.
_DUE = """
SELECT 'alert ' || alert_id || ' to ' || provider FROM deliveries AS due
WHERE pending = 1 AND next_attempt_ms <= :now AND provider NOT IN (SELECT provider FROM channels WHERE state = 'dead')
AND NOT EXISTS (SELECT 1 FROM deliveries AS earlier WHERE earlier.pending = 1 AND earlier.alert_id = due.alert_id
    AND earlier.provider = due.provider AND earlier.id < due.id)
UNION ALL
SELECT 'group ' || id || ' to ' || provider FROM delivery_groups
WHERE ended = 0 AND opened_with IS NULL AND next_attempt_ms <= :now
"""


def deliveries_under_way(database: Path | DatabaseUrl) -> list[str]:
    """Those of alerts and groups that are sent now or next; none where there is no database yet."""
    if not isinstance(database, Path):
        return _on_server(database)
    if not database.exists():
        return []
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        try:
            return [line for (line,) in connection.execute(_DUE, {"now": _now()})]
        except sqlite3.OperationalError as error:
            return [] if "no such table" in str(error) else [str(error)]


def _on_server(database: DatabaseUrl) -> list[str]:
    import psycopg

    query = _DUE.replace("pending = 1", "pending").replace("ended = 0", "NOT ended").replace(":now", "%(now)s")
    with psycopg.connect(database.get_secret_value()) as connection:
        try:
            return [line for (line,) in connection.execute(query, {"now": _now()})]
        except psycopg.errors.UndefinedTable:
            return []


def _now() -> int:
    return time.time_ns() // 10**6
