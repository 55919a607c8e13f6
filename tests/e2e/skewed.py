"""The program on a machine whose time of day is wrong by as many seconds as a file says, at every moment.

Everything in it reads the time of day through `SystemClock`; only that is changed.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connext_monitor.cli import main
from connext_monitor.clock import SystemClock

FILE = "SKEW_FILE"
"""The variable that names the file."""


def _now(self: SystemClock) -> datetime:
    del self
    return datetime.now(UTC) + timedelta(seconds=float(Path(os.environ[FILE]).read_text(encoding="utf-8")))


if __name__ == "__main__":
    SystemClock.now = _now  # type: ignore[method-assign]
    main()
