"""Counts what is over, and reads and adds up what was fronted, so that statistics need not.

In steps so small that nobody waits for them.
"""

import asyncio
from collections.abc import Sequence
from typing import NoReturn, Protocol

from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import look_every

_EVERY = 300.0
_FIRST_AFTER = 5.0
_SETTLED_AFTER = 86_400
"""Seconds after which most of what began in a quarter of a day has ended."""
_QUARTERS = 100
_EVENTS = 500
_DEBTS = 50
_BREATH = 0.01


class KeptNumbersStore(Protocol):
    """The store, as this uses it; each change is one short transaction."""

    async def not_kept(self, until: int, limit: int) -> Sequence[int]:
        """The first quarters before then (Unix seconds) of which no counts are kept."""
        ...

    async def keep(self, quarter: int) -> None:
        """Count one, and keep that."""
        ...

    async def spans_not_kept(self, until: int) -> Sequence[int]:
        """The spans of days that end by then and of which no counts are kept."""
        ...

    async def keep_span(self, span: int) -> None:
        """Add one up, and keep that."""
        ...

    async def fronted_not_read(self) -> bool:
        """Whether there is anything of which it has not been read what was fronted."""
        ...

    async def read_fronted(self, limit: int) -> int:
        """Read so many at most; how many there were."""
        ...

    async def debts_not_added_up(self) -> bool:
        """Whether there is anything that routers are owed and that is to be added up."""
        ...

    async def add_up_debts(self, limit: int) -> int:
        """Add up what so many sets of routers at most are owed in a token; how many there were."""
        ...


class KeptNumbers:
    """Keeps numbers as long as ``run`` runs."""

    def __init__(
        self, store: KeptNumbersStore, clock: Clock, every: float = _EVERY, first_after: float = _FIRST_AFTER
    ) -> None:
        self._store = store
        self._clock = clock
        self._every = every
        self._first_after = first_after

    async def run(self) -> NoReturn:
        """Look every so often until cancelled."""
        await look_every(self._every, self._look, failed="kept_numbers.failed", first_after=self._first_after)

    async def _look(self) -> None:
        while await self._store.fronted_not_read():
            if await self._store.read_fronted(_EVENTS) < _EVENTS:
                break
        while await self._store.debts_not_added_up():
            if await self._store.add_up_debts(_DEBTS) < _DEBTS:
                break
            await asyncio.sleep(_BREATH)
        until = int(self._clock.now().timestamp()) - _SETTLED_AFTER
        while quarters := await self._store.not_kept(until, _QUARTERS):
            for quarter in quarters:
                await self._store.keep(quarter)
                await asyncio.sleep(_BREATH)
        for span in await self._store.spans_not_kept(until):
            await self._store.keep_span(span)
            await asyncio.sleep(_BREATH)
