"""Backups by their names: which are ours, how old they are, which are superseded, when the next one is due.

A backup's name says of which database it is and when it was begun: ``connext-monitor-20261125T025424Z.db``. What lies
beside them under other names is nobody's business.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from connext_monitor.core.structs import struct

_STAMP = "%Y%m%dT%H%M%SZ"
_FIRST_RETRY = 60.0
_LONGEST_RETRY = 3600.0
_CLOCKS_MAY_DIFFER = timedelta(minutes=5)
"""A backup made by hand is dated by another process, and of two made within a second one is dated later."""


@struct(frozen=True, slots=True)
class Backup:
    """One verified copy of a database: its name, when it was begun, how large it is, and how much is in it."""

    name: str
    made_at: datetime
    size: int
    transfers: int
    events: int
    alerts: int


def backup_name(stem: str, at: datetime) -> str:
    """The name of a backup begun then of the database whose file name begins with ``stem``."""
    return f"{stem}-{at.astimezone(UTC).strftime(_STAMP)}.db"


def made_at(name: str, stem: str) -> datetime | None:
    """When the backup of this name was begun; None where it is not a backup of this database."""
    match = re.fullmatch(re.escape(stem) + r"-([0-9]{8}T[0-9]{6}Z)\.db", name, re.ASCII)
    if match is None:
        return None
    try:
        return datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def ours(names: Iterable[str], stem: str) -> list[str]:
    """Those of the names that are backups of this database, the oldest first."""
    dated = [(at, name) for name in names if (at := made_at(name, stem)) is not None]
    return [name for _, name in sorted(dated)]


def superseded(names: Iterable[str], stem: str, keep: int, now: datetime) -> list[str]:
    """The backups of this database beyond the newest ``keep`` (at least 1).

    One dated in the future was made while the clock was ahead: nobody knows when, and it is the first to go.
    """
    by_date = ours(names, stem)
    dated_ahead = {name for name in by_date if not is_past(made_at(name, stem), now)}
    return sorted(by_date, key=lambda name: name not in dated_ahead)[:-keep]


def is_past(at: datetime | None, now: datetime) -> bool:
    """Whether something was made by now, as clocks go; None: it was not."""
    return at is not None and at <= now + _CLOCKS_MAY_DIFFER


def seconds_until_due(newest: datetime | None, every: float, now: datetime, failures: int = 0) -> float:
    """Seconds until the next backup; ``newest`` is no later than now, None where there is none that is not.

    ``failures`` in a row bring it forward, ever less often.
    """
    if failures:
        return min(every, _LONGEST_RETRY, _FIRST_RETRY * 2.0 ** min(failures - 1, 10))
    if newest is None:
        return 0.0
    return min(every, max(0.0, newest.timestamp() + every - now.timestamp()))
