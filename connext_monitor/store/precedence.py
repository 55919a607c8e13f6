"""The driver's connection of whoever writes: its thread has the interpreter before all others.

One thread at a time has Python's interpreter. One that calls SQLite lets go of it for as long; any other keeps it until
somebody has asked for it for an interval. By Python's own interval the event loop, which always has something to do
while history is read, would run ahead as far as it may, a writer would wait for a third of the time, and in the end the
loop would rest. So a writer asks for it soon after SQLite is done, and is asked for it late: the loop works on while
SQLite does.
"""

import sqlite3
from collections.abc import Callable
from functools import wraps
from sys import getswitchinterval, setswitchinterval
from typing import Any, Final, TypeVar, cast

USUAL: Final = getswitchinterval()
"""Seconds for which a thread that waits for the interpreter leaves it to another."""
SOON: Final = 0.000_2
"""The same while SQLite works, and while the thread that called it waits to go on. Half of it gains no more."""
LATE: Final = 0.02
"""The same while a transaction has the interpreter: what it does between two statements takes less."""

_Call = TypeVar("_Call", bound=Callable[..., Any])


def _going_first(call: _Call) -> _Call:
    """A method of a cursor that has SQLite work."""

    @wraps(call)
    def called(cursor: sqlite3.Cursor, *args: Any) -> Any:  # noqa: ANN401 - as the driver's own
        setswitchinterval(SOON)
        try:
            return call(cursor, *args)
        finally:
            setswitchinterval(LATE if cursor.connection.in_transaction else USUAL)

    return cast("_Call", called)


class FirstCursor(sqlite3.Cursor):
    """One whose thread goes first, where there is a transaction; one transaction at a time may do so."""

    execute = _going_first(sqlite3.Cursor.execute)
    executemany = _going_first(sqlite3.Cursor.executemany)
    fetchone = _going_first(sqlite3.Cursor.fetchone)
    fetchmany = _going_first(sqlite3.Cursor.fetchmany)
    fetchall = _going_first(sqlite3.Cursor.fetchall)
    __next__ = _going_first(sqlite3.Cursor.__next__)


class FirstConnection(sqlite3.Connection):
    """A connection with such cursors.

    It makes each by its own `cursor`: the driver keeps a weak reference to every cursor that there was, and only there
    it drops those to cursors that are gone.
    """

    def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:  # noqa: ANN401 - as the driver's own
        """Run one statement."""
        return self.cursor(FirstCursor).execute(sql, values)

    def executemany(self, sql: str, rows: Any, /) -> sqlite3.Cursor:  # noqa: ANN401 - as above
        """Run one statement with each of these rows of values."""
        return self.cursor(FirstCursor).executemany(sql, rows)

    def rollback(self) -> None:
        """End the transaction, if there is one."""
        try:
            super().rollback()
        finally:
            setswitchinterval(USUAL)

    def close(self) -> None:
        """Let go of the file, and of what was not committed."""
        try:
            super().close()
        finally:
            setswitchinterval(USUAL)
