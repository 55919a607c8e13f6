"""Prunes old, settled data hourly, in steps so small that nobody waits for them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, NoReturn, Protocol, TypeVar

import structlog

from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import look_every

_FEWEST, _MOST = 10, 500
"""Transfers per transaction: so many that it takes about `_STEP`."""
_STEP = 0.02
"""Seconds that whoever writes may wait for one of these transactions."""
_EVERY = 3600.0
_FIRST_AFTER = 60.0
"""Seconds: what a downtime left unread comes first."""
_NOBODY_TELLS = 10.0
"""Seconds until the next look whether a chain vouches for the time."""
_BREATH = 0.005
"""Seconds between two transactions, at least; and half as long as the last one took, for others that read and write."""

log = structlog.get_logger()

S = TypeVar("S")


class PruneStore(Protocol[S]):
    """The store, as pruning uses it. ``before`` is in Unix seconds; each step of pruning is one short transaction."""

    async def settled(self, before: int, after: S | None, limit: int) -> Sequence[S]:
        """The next transfers that may be pruned, behind ``after``."""
        ...

    async def prune(self, batch: Sequence[S], before: int) -> int:
        """Prune those that still may be pruned; returns how many were."""
        ...

    async def prune_alerts(self, before: int, limit: int) -> int:
        """Alerts about nothing that is kept."""
        ...

    async def prune_malformed(self, before: int, limit: int) -> int:
        """Logs that could not be read."""
        ...

    async def prune_groups(self, before: int, limit: int) -> int:
        """Messages of groups that have ended."""
        ...

    async def prune_reports(self, before: int, limit: int) -> int:
        """Reports that have been delivered."""
        ...


class Pruning:
    """Keeps what is younger than ``keep``, and what is pending or open whatever its age; None keeps everything.

    ``earliest`` is the earlier of our time and the chains' (Unix seconds), None while no chain has told it: then
    nothing is pruned, for what is gone does not come back when a clock is set right.
    """

    def __init__(
        self,
        store: PruneStore[Any],
        keep: timedelta | None,
        clock: Clock,
        earliest: Callable[[], float | None],
        first_after: float = _FIRST_AFTER,
    ) -> None:
        self._store = store
        self._keep = keep.total_seconds() if keep else None
        self._clock = clock
        self._earliest = earliest
        self._first_after = first_after

    async def run(self) -> NoReturn:
        """Prune until cancelled."""
        if self._keep is None:
            await asyncio.get_running_loop().create_future()
        look = partial(self._look, self._keep or 0.0)
        await look_every(_EVERY, look, failed="retention.failed", first_after=self._first_after)

    async def _look(self, keep: float) -> float:
        """Seconds to the next look."""
        now = self._earliest()
        if now is None:
            return _NOBODY_TELLS
        await self._round(int(now - keep))
        return _EVERY

    async def _round(self, before: int) -> None:
        began = self._clock.monotonic()
        gone = {
            "transfers": await self._transfers(before),
            "alerts": await self._rest(self._store.prune_alerts, before),
            "malformed_logs": await self._rest(self._store.prune_malformed, before),
            "groups": await self._rest(self._store.prune_groups, before),
            "reports": await self._rest(self._store.prune_reports, before),
        }
        if any(gone.values()):
            log.info("retention.pruned", **gone, seconds=round(self._clock.monotonic() - began, 1))

    async def _transfers(self, before: int) -> int:
        gone, last, most = 0, None, _FEWEST
        while batch := await self._store.settled(before, last, most):
            last = batch[-1]
            began = self._clock.monotonic()
            gone += await self._store.prune(batch, before)
            took = self._clock.monotonic() - began
            most = min(_MOST, most * 2) if took < _STEP / 2 else max(_FEWEST, most // 2) if took > _STEP else most
            await asyncio.sleep(max(_BREATH, took / 2))
        return gone

    async def _rest(self, prune: Callable[[int, int], Awaitable[int]], before: int) -> int:
        gone = 0
        while count := await self._breathing(lambda: prune(before, _FEWEST)):
            gone += count
        return gone

    async def _breathing(self, work: Callable[[], Awaitable[int]]) -> int:
        """Run one step, then leave the writer to others for a while."""
        count = await work()
        await asyncio.sleep(_BREATH)
        return count
