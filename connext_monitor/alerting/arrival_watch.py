"""Asks about late legs again while their alerts are open: an event may have been hidden from here when it came."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import NoReturn, Protocol

from connext_monitor.alerting.chains import JudgedChain
from connext_monitor.alerting.missing_events import close_gap
from connext_monitor.alerting.waiting_legs import LegKey
from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import StepFailures, look_every
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.deadline import OverdueLeg, done
from connext_monitor.core.events import DomainId

_FAILED = "arrivals.not_asked_about"
_LOOK_EVERY = 300.0
_FIRST_AFTER = 60.0
_LONGEST_PAUSE = 900.0
"""An event that stays missing is looked for ever more seldom: its delivery may be one that never decodes."""
_ASKED_PER_LOOK = 64
"""Legs of one destination, so that an outage of days does not become a flood of questions."""


class OverdueLegs(Protocol):
    """Where legs are stored, and how far chains have been read."""

    async def coverage(self, domain: DomainId) -> Coverage | None:
        """How far a chain has been read."""
        ...

    async def late_and_awaited(self, destination: DomainId) -> list[OverdueLeg]:
        """The legs of one destination that are called late, and have not arrived."""
        ...


@dataclass(slots=True)
class _Asked:
    """When a late leg was last asked about, and how often its missing event was looked for.

    ``asked_at`` and ``not_before`` are on the monotonic clock.
    """

    asked_at: float = -inf
    not_before: float = -inf
    fetches: int = 0


class ArrivalWatch:
    """Has the events fetched of legs that are called late, where their chain's contract says that they have happened.

    What is recorded then ends the alert, as it does however an event comes.
    """

    def __init__(
        self, store: OverdueLegs, chains: Mapping[DomainId, JudgedChain], clock: Clock, every: float = _LOOK_EVERY
    ) -> None:
        self._every = every
        self._destinations = [_Destination(domain, chain, store, clock, every) for domain, chain in chains.items()]

    async def run(self) -> NoReturn:
        """Ask every so often until cancelled, each destination by itself: one that answers slowly delays no other."""
        async with asyncio.TaskGroup() as tasks:
            for destination in self._destinations:
                first_after = min(self._every, _FIRST_AFTER)
                looks = look_every(self._every, destination.look, failed=_FAILED, first_after=first_after)
                tasks.create_task(looks, name="asks about late legs")
        raise AssertionError("all run until cancelled")


def pause_after(fetches: int, every: float) -> float:
    """Seconds after which the look comes that has a missing event looked for once more, after so many searches.

    Half a look early, so that no look comes just before its time.
    """
    looks = min(1 << min(fetches - 1, 10), max(1, round(_LONGEST_PAUSE / every)))
    return (looks - 0.5) * every


class _Destination:
    def __init__(self, domain: DomainId, chain: JudgedChain, store: OverdueLegs, clock: Clock, every: float) -> None:
        self._domain = domain
        self._chain = chain
        self._store = store
        self._clock = clock
        self._every = every
        self._asked: dict[LegKey, _Asked] = {}
        self._failures = StepFailures(_FAILED)

    async def look(self) -> None:
        """Ask about those that have not been asked about for longest; if nobody answers, not about the rest."""
        legs = {(leg.transfer_id, leg.leg): leg for leg in await self._store.late_and_awaited(self._domain)}
        # What is known of those that were late before stays known.
        self._asked = {key: self._asked.get(key) or _Asked() for key in legs}
        if not legs or await self._reads_history():
            return
        now = self._clock.monotonic()
        ready = sorted((asked.asked_at, key) for key, asked in self._asked.items() if asked.not_before <= now)
        await self._ask_about([legs[key] for _, key in ready[:_ASKED_PER_LOOK]])

    async def _reads_history(self) -> bool:
        """Whether legs may have arrived in what is still to be read."""
        reached = await self._store.coverage(self._domain)
        return reached is None or reached.covered is None or self._chain.reads_history(reached.covered.timestamp)

    async def _ask_about(self, legs: Sequence[OverdueLeg]) -> None:
        """Ask about all of them together; where that is not answered, it may be for the sake of a single one."""
        if not await self._ask(legs) and len(legs) > 1:
            for leg in legs:
                if not await self._ask([leg]):
                    return

    async def _ask(self, legs: Sequence[OverdueLeg]) -> bool:
        """Whether the chain could be asked; what it says has happened is fetched."""
        alone = len(legs) == 1
        if alone:
            self._of(legs[0]).asked_at = self._clock.monotonic()
        with self._failures.survive(legs[0].leg if alone else "several legs"):
            statuses = await self._chain.transfer_statuses([leg.transfer_id for leg in legs])
            for leg, status in zip(legs, statuses or (), strict=statuses is not None):
                await self._heard(leg, status)
            return statuses is not None
        return alone  # a fault about one says nothing of the others

    async def _heard(self, leg: OverdueLeg, status: TransferStatus) -> None:
        self._of(leg).asked_at = self._clock.monotonic()
        if done(leg.leg, status):
            with self._failures.survive(leg.leg):
                await self._fetch(leg)

    async def _fetch(self, leg: OverdueLeg) -> None:
        asked = self._of(leg)
        await close_gap(self._chain, (leg.transfer_id, leg.leg), leg.started_at, first=not asked.fetches)
        asked.fetches += 1
        asked.not_before = self._clock.monotonic() + pause_after(asked.fetches, self._every)

    def _of(self, leg: OverdueLeg) -> _Asked:
        return self._asked[leg.transfer_id, leg.leg]
