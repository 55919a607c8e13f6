"""A bridge whose chains are asked why a leg is late, and say what a test wants them to."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from connext_monitor.alerting.causes import BidStore, CauseFinder
from connext_monitor.clock import SystemClock
from connext_monitor.core.events import TransferId
from connext_monitor.core.side_events import SeenSideEvent
from tests.world.alerts import DESTINATION, ORIGIN, SENT_AT


@dataclass
class Chain:
    """A chain that says these things, or None; ``hangs`` as long as it is set."""

    observed: bool = True
    pause: bool | None = False
    events: list[SeenSideEvent] | None = field(default_factory=list)
    asked: list[object] = field(default_factory=list)
    hangs: bool = False
    fails: bool = False

    async def paused(self) -> bool | None:
        self.asked.append("paused")
        await self._answer()
        return self.pause

    async def side_events(
        self, transfer_id: TransferId, topics: Sequence[bytes], since: int
    ) -> list[SeenSideEvent] | None:
        assert since == SENT_AT
        self.asked.append((transfer_id, tuple(topics)))
        await self._answer()
        return self.events

    async def _answer(self) -> None:
        if self.fails:
            raise OSError("broken")
        if self.hangs:
            await asyncio.Event().wait()


@dataclass
class Bridge:
    origin: Chain = field(default_factory=Chain)
    destination: Chain = field(default_factory=Chain)

    def finder(self, store: BidStore) -> CauseFinder:
        return CauseFinder(store, {ORIGIN: self.origin, DESTINATION: self.destination}, SystemClock())
