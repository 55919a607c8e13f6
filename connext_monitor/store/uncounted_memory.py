"""SQLite's count of the memory that it uses: each time that it allocates any, it takes a lock for it. Nobody asks."""

import ctypes
from importlib.util import find_spec
from typing import Final

_MEMSTATUS: Final = 9
"""SQLITE_CONFIG_MEMSTATUS of sqlite3.h."""


def leave_memory_uncounted() -> None:
    """Have SQLite not count it; once anything has loaded SQLite, this changes nothing.

    That spares a twentieth of what recording takes. Where SQLite is a part of the interpreter itself, it counts.
    """
    driver = find_spec("_sqlite3")
    if driver is None or driver.origin is None or not driver.has_location:
        return
    # The driver's own SQLite, found by way of the driver: there may be others on the machine.
    configure = getattr(ctypes.CDLL(driver.origin), "sqlite3_config", None)
    if configure is not None:
        configure.argtypes = [ctypes.c_int]  # what follows it is variadic
        configure(_MEMSTATUS, 0)
