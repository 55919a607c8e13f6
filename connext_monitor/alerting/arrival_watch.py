"""Asks about late legs again while their alerts are open: an event may have been hidden from here when it came."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import inf
from typing import NoReturn, Protocol

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.alerting.chains import JudgedChain
from connext_monitor.alerting.missing_events import close_gap
from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import StepFailures, look_every
from connext_monitor.core.alerts.kinds.overdue import LEG_OF
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.deadline import Leg, TransferWithDeadlines, done, sighting_of
from connext_monitor.core.events import DomainId, Timestamp, TransferId
from connext_monitor.core.transfer import Transfer

_FAILED = "arrivals.not_asked_about"
_LOOK_EVERY = 300.0
_FIRST_AFTER = 60.0
_LONGEST_PAUSE = 900.0
"""An event that stays missing is looked for ever more seldom: its delivery may be one that never decodes."""
_ASKED_PER_LOOK = 64
"""Legs of one destination, so that an outage of days does not become a flood of questions."""


class LateTransfers(Protocol):
    """Where transfers are stored, and how far chains have been read."""

    async def coverage(self, domain: DomainId) -> Coverage | None:
        """How far a chain has been read."""
        ...

    async def transfers_by_id(self, ids: Collection[TransferId]) -> dict[TransferId, TransferWithDeadlines]:
        """Those of these transfers that are known."""
        ...


@dataclass(slots=True)
class _AlertedLeg:
    """A leg with an open alert. ``asked_at`` and ``not_before`` are on the monotonic clock."""

    transfer_id: TransferId
    leg: Leg
    asked_at: float = -inf
    not_before: float = -inf
    fetches: int = 0
    """How often its missing event has been looked for."""


class ArrivalWatch:
    """Has the events fetched of legs that are called late, where their chain's contract says that they have happened.

    What is recorded then ends the alert, as it does however an event comes.
    """

    def __init__(
        self,
        store: LateTransfers,
        chains: Mapping[DomainId, JudgedChain],
        desk: AlertDesk,
        clock: Clock,
        every: float = _LOOK_EVERY,
    ) -> None:
        self._every = every
        self._destinations = [
            _Destination(domain, chain, store, desk, clock, every) for domain, chain in chains.items()
        ]

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
    def __init__(
        self, domain: DomainId, chain: JudgedChain, store: LateTransfers, desk: AlertDesk, clock: Clock, every: float
    ) -> None:
        self._domain = domain
        self._chain = chain
        self._store = store
        self._desk = desk
        self._clock = clock
        self._every = every
        self._legs: dict[str, _AlertedLeg] = {}
        self._failures = StepFailures(_FAILED)

    async def look(self) -> None:
        """Ask about those that have not been asked about for longest; if nobody answers, not about the rest."""
        await self._recall()
        if not self._legs or await self._reads_history():
            return
        now = self._clock.monotonic()
        ready = sorted((leg for leg in self._legs.values() if leg.not_before <= now), key=lambda leg: leg.asked_at)
        transfers = await self._store.transfers_by_id({leg.transfer_id for leg in ready})
        awaited = [
            (leg, stored.transfer)
            for leg in ready
            if (stored := transfers.get(leg.transfer_id)) is not None
            and stored.transfer.destination == self._domain
            and sighting_of(stored.transfer, leg.leg) is None
        ]
        for leg, transfer in awaited[:_ASKED_PER_LOOK]:
            leg.asked_at = self._clock.monotonic()
            with self._failures.survive(leg.leg):
                if not await self._ask(leg, transfer):
                    return

    async def _recall(self) -> None:
        """Which alerts are open now; what is known of those that were so before stays known."""
        open_now: dict[str, _AlertedLeg] = {}
        for alert in await self._desk.open_alerts(*LEG_OF):
            # Alerts of early versions do not say where their leg is due.
            may_be_here = self._domain in (alert.details.watched_chains or (self._domain,))
            if may_be_here and alert.transfer_id is not None:
                open_now[alert.id] = self._legs.get(alert.id) or _AlertedLeg(alert.transfer_id, LEG_OF[alert.kind])
        self._legs = open_now

    async def _reads_history(self) -> bool:
        """Whether legs may have arrived in what is still to be read."""
        reached = await self._store.coverage(self._domain)
        return reached is None or reached.covered is None or self._chain.reads_history(reached.covered.timestamp)

    async def _ask(self, leg: _AlertedLeg, transfer: Transfer) -> bool:
        """Whether the chain could be asked; what it says has happened is fetched."""
        status = await self._chain.transfer_status(leg.transfer_id)
        if status is not None and done(leg.leg, status):
            await self._fetch(leg, Timestamp(transfer.started_at))
        return status is not None

    async def _fetch(self, leg: _AlertedLeg, started_at: Timestamp) -> None:
        await close_gap(self._chain, (leg.transfer_id, leg.leg), started_at, first=not leg.fetches)
        leg.fetches += 1
        leg.not_before = self._clock.monotonic() + pause_after(leg.fetches, self._every)
