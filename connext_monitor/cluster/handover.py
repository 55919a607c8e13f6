"""The sight of instances: a standby looks at the chains, and an owner that sees less hands the work over."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NoReturn, Protocol

import structlog

from connext_monitor.clock.watch_loop import look_every
from connext_monitor.core.database_trouble import StoreUnavailable
from connext_monitor.core.events import BlockNumber
from connext_monitor.core.handover import Handover, HandoverTimes, OwnSight, StandbySight, Stays, decide, unseen_chains
from connext_monitor.core.ownership import Instance

log = structlog.get_logger()


class SightStore(Protocol):
    """What instances see, in the database. Everything raises StoreUnavailable where that cannot be used."""

    async def want_sight(self, token: str, *, asks: bool) -> None:
        """Ask the instances that stand by, or no longer, to look at the chains."""

    async def show_sight(self, me: Instance, heads: Mapping[str, BlockNumber]) -> None:
        """Say which chains this instance sees, each with its newest block."""

    async def sights(self, me: Instance) -> tuple[list[StandbySight], float | None]:
        """What the others see, and how many seconds ago the work was last handed over, if it ever was."""


class HandoverWatch:
    """Of an owner: says what it sees, and hands the work over at most once.

    ``chains`` tells how it sees them, every so many seconds; ``hand_over`` is to end the term.
    """

    def __init__(
        self,
        me: Instance,
        token: str,
        store: SightStore,
        chains: Callable[[], Mapping[str, OwnSight]],
        hand_over: Callable[[Handover], None],
        every: float,
        times: HandoverTimes,
    ) -> None:
        self._me = me
        self._token = token
        self._store = store
        self._chains = chains
        self._hand_over = hand_over
        self._every = min(every, times.probe_every)
        self._times = times
        self._asking = False
        self._shown: set[str] | None = None
        self._said: Stays | Handover = Stays.SEES_ALL

    async def run(self) -> NoReturn:
        """Watch until cancelled."""
        await look_every(self._every, self._look, failed="handover_watch.failed")

    async def _look(self) -> None:
        try:
            await self._decide(self._chains())
        except StoreUnavailable:
            return  # whoever cannot reach the database has nothing to hand over

    async def _decide(self, own: Mapping[str, OwnSight]) -> None:
        unseen = unseen_chains(own, self._times)
        await self._show(own, unseen)
        if self._asking != bool(unseen):
            await self._store.want_sight(self._token, asks=bool(unseen))
            self._asking = bool(unseen)
        if isinstance(self._said, Handover):
            return
        decision: Stays | Handover = Stays.SEES_ALL
        if unseen:
            decision = decide(own, *await self._store.sights(self._me), self._times)
        if decision != self._said:
            log.info("work.handover_considered", unseen=sorted(unseen), outcome=_outcome(decision))
        self._said = decision
        if isinstance(decision, Handover):
            self._hand_over(decision)

    async def _show(self, own: Mapping[str, OwnSight], unseen: set[str]) -> None:
        """What it sees, where that has changed; nobody compares its blocks."""
        seen = {name: sight.covered for name, sight in own.items() if name not in unseen and sight.covered is not None}
        if self._shown != seen.keys():
            await self._store.show_sight(self._me, seen)
            self._shown = set(seen)


def _outcome(decision: Stays | Handover) -> str:
    return decision.name.lower() if isinstance(decision, Stays) else f"handed over to {decision.to}"


Probe = Callable[[], Awaitable[BlockNumber | None]]
"""Looks at a chain: the newest block whose logs an endpoint gives; None where none does. Raises StoreUnavailable."""


class SightWatch:
    """Of a standby: looks at the chains every so many seconds, and often while the owner asks for that.

    Whether it does is looked at every ``asked_every`` seconds.
    """

    def __init__(
        self,
        me: Instance,
        store: SightStore,
        probes: Mapping[str, Probe],
        asked: Callable[[], bool],
        asked_every: float,
        every: float,
        times: HandoverTimes,
    ) -> None:
        self._me = me
        self._store = store
        self._probes = probes
        self._asked = asked
        self._asked_every = min(asked_every, times.probe_every)
        self._every = every
        self._times = times
        self._looked_at: float | None = None

    async def run(self) -> NoReturn:
        """Watch until cancelled."""
        await look_every(self._asked_every, self._look_where_due, failed="sight_watch.failed")

    async def _look_where_due(self) -> None:
        now = asyncio.get_running_loop().time()
        every = self._times.probe_every if self._asked() else self._every
        if self._looked_at is not None and now - self._looked_at < every:
            return
        try:
            heads = await asyncio.gather(*(probe() for probe in self._probes.values()))
            seen = {name: head for name, head in zip(self._probes, heads, strict=True) if head is not None}
            await self._store.show_sight(self._me, seen)
        except StoreUnavailable:
            return  # soon again
        self._looked_at = now
