"""Looks at the store for legs that are past due and have not been judged, whatever it is that keeps them from it.

It trusts neither timers nor judges: only what is stored, and the clock. What it finds, the chain watch tells, and with
it the deliveries that would be accused if a chain could be asked.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from math import inf
from typing import NoReturn, Protocol

import structlog

from connext_monitor.alerting.destination import Destination
from connext_monitor.alerting.judge import SETTLES
from connext_monitor.clock import Clock
from connext_monitor.core.alert import Alert, AlertKind
from connext_monitor.core.deadline import Awaited
from connext_monitor.core.events import DomainId, Timestamp
from connext_monitor.core.unjudged import (
    Count,
    Hindrance,
    Marks,
    Obstacle,
    PastDue,
    Unjudged,
    stands,
    together,
)

_LOOK_EVERY = 5.0
_REST = 10.0
"""A look that took long is followed by so many times as long without one."""
_HANDED_OVER_AT_ONCE = 1000

log = structlog.get_logger()


class UnjudgedStore(Protocol):
    """Where legs and the alerts about them stand."""

    async def count(
        self, marks: Mapping[DomainId, Marks], settling: tuple[datetime, datetime]
    ) -> Mapping[DomainId, Count]:
        """By destination, the unjudged legs that were due before each of its marks."""
        ...

    async def first(
        self, destination: DomainId, due_before: int, settling: tuple[datetime, datetime], *, limit: int
    ) -> list[Awaited]:
        """The first of one destination's that were due before then."""
        ...


class OpenAlertStore(Protocol):
    """Where it stands which chains are alerted about."""

    async def open_alerts(self, kind: AlertKind) -> list[Alert]:
        """The open alerts of one kind."""
        ...


class Judging(Protocol):
    """Who judges, and knows what keeps it from that."""

    def time(self, domain: DomainId) -> float:
        """The time on a chain (Unix seconds): what was due there before it is past due."""
        ...

    def hindered(self, domain: DomainId) -> bool:
        """Whether a leg due there was to be judged and could not be."""
        ...

    def hindrance(self, domain: DomainId, first_due: Timestamp) -> Hindrance:
        """What keeps legs due there from being judged, the first of which was due at ``first_due``."""
        ...

    def overlooked(self, legs: list[Awaited]) -> None:
        """Have these judged, whatever timers and notes say."""
        ...


class UnjudgedWatch:
    """Knows of each chain what has waited for ``patience`` seconds to be judged, and is not."""

    def __init__(
        self,
        legs: UnjudgedStore,
        alerts: OpenAlertStore,
        judging: Judging,
        held_deliveries: Callable[[DomainId], Unjudged | None],
        destinations: Mapping[DomainId, Destination],
        patience: float,
        changed: Callable[[], None],
        clock: Clock,
        settles: float = SETTLES,
    ) -> None:
        self._legs = legs
        self._alerts = alerts
        self._judging = judging
        self._held_deliveries = held_deliveries
        self._destinations = destinations
        self._patience = patience
        self._changed = changed
        self._clock = clock
        self._settles = settles
        self._every = max(0.25, min(_LOOK_EVERY, patience / 4))
        self._past_due = {domain: PastDue(patience) for domain in destinations}
        # Until it has been looked, what was told before a restart is taken to stand.
        self._standing: set[DomainId] = set(destinations)
        self._found: dict[DomainId, Unjudged] = {}
        self._last_found_at: dict[DomainId, float] = {}
        self._has_looked = False

    def of(self, domain: DomainId) -> Unjudged | None:
        """What cannot be judged because of a chain, where the first of it waits for too long."""
        return self._found.get(domain)

    def nothing_waits(self, domain: DomainId) -> bool:
        """Whether it has been looked, and nothing waits because of the chain for longer than judging takes."""
        return self._has_looked and domain not in self._found

    def settled(self, domain: DomainId) -> bool:
        """Whether it has been looked, and nothing has waited because of the chain for as long as there is patience.

        An endpoint that answers by turns gives one alert, not many.
        """
        return domain not in self._standing

    async def run(self) -> NoReturn:
        """Look until cancelled."""
        await self._recall()
        readable = True
        while True:
            began = self._clock.monotonic()
            try:
                await self._look()
            except Exception:
                # What was found before stands until the store can be read again.
                if readable:
                    log.exception("unjudged_legs.not_counted")
                readable = False
            else:
                readable = True
            took = self._clock.monotonic() - began
            await asyncio.sleep(max(self._every, min(_REST * took, self._patience / 4)))

    async def _recall(self) -> None:
        """What was told before a restart stands until what it is about has been judged."""
        told = {alert.subject for alert in await self._alerts.open_alerts(AlertKind.CHAIN_UNOBSERVED)}
        self._standing = {domain for domain, one in self._destinations.items() if one.name in told}

    async def _look(self) -> None:
        now, at = self._clock.now(), self._clock.elapsed()
        settling = (now - timedelta(seconds=self._settles), now)
        marks = {domain: self._marks(domain, at) for domain in self._destinations}
        counts = await self._legs.count(marks, settling)
        before = dict(self._found)
        for domain in self._destinations:
            self._conclude(domain, counts.get(domain), marks[domain])
        self._has_looked = True
        if self._found != before:
            self._changed()
        for domain, unjudged in self._found.items():
            if unjudged.hindrance.obstacle is Obstacle.NOT_LOOKED_AT:
                self._judging.overlooked(
                    await self._legs.first(domain, marks[domain].aged, settling, limit=_HANDED_OVER_AT_ONCE)
                )

    def _marks(self, domain: DomainId, at: float) -> Marks:
        instant = int(self._judging.time(domain))
        past_due = self._past_due[domain]
        past_due.note(at, instant)
        return Marks(instant, instant - int(self._patience / 2), past_due.ripe)

    def _conclude(self, domain: DomainId, count: Count | None, marks: Marks) -> None:
        stood = domain in self._standing
        found = together(self._legs_of(domain, count, marks, stood=stood), self._deliveries_of(domain, stood=stood))
        now = self._clock.monotonic()
        if found is None:
            self._found.pop(domain, None)
            if now - self._last_found_at.get(domain, -inf) >= self._patience:
                self._standing.discard(domain)
            return
        self._last_found_at[domain] = now
        self._standing.add(domain)
        self._found[domain] = found
        if not stood:
            name, why = self._destinations[domain].name, found.hindrance.words
            log.warning("transfers.not_judged", chain=name, legs=found.legs, deliveries=found.deliveries, why=why)

    def _legs_of(self, domain: DomainId, count: Count | None, marks: Marks, *, stood: bool) -> Unjudged | None:
        if count is None or not stands(count, stood=stood, hindered=self._judging.hindered(domain)):
            return None
        hindrance = self._judging.hindrance(domain, count.first_due)
        return Unjudged(count.past_due, marks.now - count.first_due, hindrance)

    def _deliveries_of(self, domain: DomainId, *, stood: bool) -> Unjudged | None:
        held = self._held_deliveries(domain)
        return held if held is not None and (stood or held.waited_for >= self._patience) else None
