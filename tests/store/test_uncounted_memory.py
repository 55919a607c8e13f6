"""SQLite is told to count no memory before the store loads it."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

DRIVER = find_spec("_sqlite3")
pytestmark = pytest.mark.skipif(
    DRIVER is None or not DRIVER.has_location, reason="SQLite is a part of this interpreter, and counts"
)
USES = """if True:
    import ctypes, sys
    {first}
    import connext_monitor.store.connection
    import _sqlite3, sqlite3
    opened = sqlite3.connect(":memory:")
    opened.execute("CREATE TABLE t (a)")
    used = ctypes.CDLL(_sqlite3.__file__).sqlite3_memory_used
    used.restype = ctypes.c_int64
    print(used(), opened.execute("SELECT count(*) FROM t").fetchone()[0])
"""


def used(first: str = "") -> tuple[int, int]:
    """The bytes that SQLite has counted in a process that does this ``first``, and how many rows it finds."""
    ran = subprocess.run(
        [sys.executable, "-c", USES.format(first=first)], capture_output=True, text=True, timeout=120, check=True
    )
    count, rows = ran.stdout.split()
    return int(count), int(rows)


def test_sqlite_counts_no_memory_and_works() -> None:
    assert used() == (0, 0)


def test_where_sqlite_is_loaded_already_it_counts_and_works() -> None:
    count, rows = used(first="import sqlite3; sqlite3.connect(':memory:')")
    assert count > 0
    assert rows == 0
