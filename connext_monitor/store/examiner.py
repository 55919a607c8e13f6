"""Looks after an open database: whether its files are still there, and whether it can be written to.

Neither is waited for: a disk that does not answer must not keep anybody from saying so.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

from connext_monitor.core.database_trouble import DatabaseTrouble
from connext_monitor.store.database import Database
from connext_monitor.store.errors import DatabaseUnavailableError

_WRITES_EVERY = 15.0
"""Seconds without a write after which one is made, to see whether it can be."""
_MARKS_EVERY = 30.0
"""Seconds after which a new mark is written, so that a copy from before it is known for what it is."""
_A_MOMENT = 0.5


class Mark(Protocol):
    """What is written where nothing else is, to see whether it can be, and what of it shows the database to be ours."""

    @property
    def written(self) -> bool:
        """Whether it has been."""
        ...

    @property
    def in_file(self) -> bool:
        """Whether nothing is left to be done for it to be found there."""
        ...

    async def write(self) -> None:
        """Write it, flushed and committed as any change. Raises DatabaseUnavailableError."""

    async def bring_into_file(self) -> None:
        """Do what is left to be done."""

    def look(self) -> DatabaseTrouble | None:
        """What it says about the database. Blocks."""


class Examiner:
    """Examines one database again and again, for as long as somebody asks it to."""

    def __init__(self, database: Database, mark: Mark) -> None:
        self._database = database
        self._mark = mark
        self._time = asyncio.get_running_loop().time
        self._marked_at = -math.inf
        self._under_way: dict[str, asyncio.Future[None]] = {}

    @property
    def trouble(self) -> DatabaseTrouble | None:
        """What keeps the database from being used, if anything does."""
        return self._database.condition.trouble

    @property
    def proven(self) -> bool:
        """Whether it has taken a write since it was opened."""
        return self._mark.written

    async def examine(self) -> None:
        """Look at its files, and write to it where nothing was written lately; what comes of it is its `trouble`."""
        condition = self._database.condition
        self._begin("look", self._look_at_files)
        if self._mark.written and not self._mark.in_file:
            self._begin("mark", self._mark.bring_into_file)
        due = self._time() - self._marked_at >= _MARKS_EVERY
        if due or condition.write_trouble is not None or condition.idle_for >= _WRITES_EVERY:
            self._begin("write", self._write)
        under_way = [work for work in self._under_way.values() if not work.done()]
        if under_way:
            await asyncio.wait(under_way, timeout=_A_MOMENT)

    async def aclose(self) -> None:
        """Let go of what is under way."""
        for work in self._under_way.values():
            work.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    def _begin(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        last = self._under_way.get(name)
        if last is None or last.done():
            self._under_way[name] = asyncio.ensure_future(work())
            if last is not None:
                last.result()

    def _look_at_files(self) -> "asyncio.Future[None]":
        condition = self._database.condition
        looking = asyncio.get_running_loop().run_in_executor(None, condition.look_at_files, self._mark.look)
        condition.begun("look")
        looking.add_done_callback(lambda _: condition.ended("look"))
        return looking

    async def _write(self) -> None:
        with suppress(DatabaseUnavailableError):  # it stands in the condition
            await self._mark.write()
            self._marked_at = self._time()
