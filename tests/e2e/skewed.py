"""A machine whose time of day is wrong by as many seconds as a file says, at every moment.

Everything in the program reads the time of day through `SystemClock`; only that is changed, in the process where this
is called.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from connext_monitor.clock import SystemClock


def skew(file: str) -> None:
    """From now on, by the number in this file."""

    def now(self: SystemClock) -> datetime:
        del self
        return datetime.now(UTC) + timedelta(seconds=float(Path(file).read_text(encoding="utf-8")))

    SystemClock.now = now  # type: ignore[method-assign]
