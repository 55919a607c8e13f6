"""Another process that holds the lock of a database."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOLD = """
import sys, time
from pathlib import Path
from connext_monitor.store.lock import DatabaseLock
with DatabaseLock(Path(sys.argv[1]), make=True):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def held(file: Path, how: str = HOLD) -> Iterator[subprocess.Popen[str]]:
    """Another process holds the lock of this database."""
    command = [sys.executable, "-c", how, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


HOLD_OPEN = """
import asyncio, sys
from pathlib import Path
from connext_monitor.store.lock import DatabaseLock
from connext_monitor.store.store import Store
async def hold():
    store = await Store.open(Path(sys.argv[1]), {})
    print("held", flush=True)
    await asyncio.sleep(60)
with DatabaseLock(Path(sys.argv[1]), make=True):
    asyncio.run(hold())
"""
