"""Tells when a chain is out of sight, or legs due on it cannot be judged, and when that has ended.

One alert speaks for every deadline that waits for the chain.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from math import inf
from typing import NoReturn, Protocol

import structlog

from connext_monitor.alerting.destination import Destination
from connext_monitor.clock import Clock
from connext_monitor.core.alert import Alert, AlertKind, chain_unjudged, chain_unobserved, unjudged_details, unjudged_of
from connext_monitor.core.events import DomainId
from connext_monitor.core.unjudged import Obstacle, Unjudged

_OFTEN = 0.25
"""The shortest time, in seconds, between two looks at the chains."""

_AFTER_OUTAGE = 30.0
"""Seconds after an outage of the store within which what it held up is judged."""

_RECOUNT = 10.0
"""Seconds between two counts of the deadlines that wait for a chain out of sight."""

_OUTAGES = frozenset({Obstacle.NOT_COVERED, Obstacle.READS_HISTORY})
"""What keeps legs from being judged for some moments after every outage of a chain, and is told with that."""

log = structlog.get_logger()


class NamedAlertStore(Protocol):
    """Where alerts about chains and channels are read and written."""

    async def open_alerts(self, kind: AlertKind) -> list[Alert]:
        """The open alerts of one kind."""
        ...

    async def open_alert(self, alert: Alert, providers: Collection[str]) -> bool:
        """Open an alert with its deliveries."""
        ...

    async def change_details(self, alert_id: str, details: Mapping[str, str | int]) -> None:
        """Keep what an alert says now, and tell nobody."""
        ...

    async def resolve_alert(self, alert_id: str, resolution: str, at: datetime) -> bool:
        """Resolve an alert, and queue that news."""
        ...


class UnjudgedLegs(Protocol):
    """Who knows of legs that are past due and not judged."""

    def of(self, domain: DomainId) -> Unjudged | None:
        """Those due on a chain, where the longest of them waits for too long."""
        ...

    def nothing_waits(self, domain: DomainId) -> bool:
        """Whether it has been looked, and no leg due on the chain waits for longer than judging takes."""
        ...

    def settled(self, domain: DomainId) -> bool:
        """Whether no leg due on the chain waits for longer than judging takes, nor has lately."""
        ...


class ChainWatch:
    """Opens `chain_unobserved`.

    When a chain's covered head has not risen for ``unobserved_after`` seconds, or a leg due on it has been past due and
    unjudged for as long.

    What cannot be stored covers and judges nothing, and is not the chain's fault: an outage of the store, which works
    again for ``store_works_for`` seconds, is told by the database watch.
    """

    def __init__(
        self,
        store: NamedAlertStore,
        destinations: Mapping[DomainId, Destination],
        waiting: Callable[[DomainId], int],
        unjudged: UnjudgedLegs,
        unobserved_after: float,
        route: Callable[[Alert], Collection[str]],
        told: Callable[[], None],
        clock: Clock,
        store_works_for: Callable[[], float] = lambda: inf,
    ) -> None:
        self._store_works_for = store_works_for
        self._store = store
        self._destinations = destinations
        self._waiting = waiting
        self._unjudged = unjudged
        self._unobserved_after = unobserved_after
        self._route = route
        self._told = told
        self._clock = clock
        self._open: dict[str, Alert] = {}
        self._wake = asyncio.Event()

    def progressed(self) -> None:
        """Some chain's coverage has moved."""
        if self._open:
            self._wake.set()

    def look(self) -> None:
        """Something has changed about unjudged legs."""
        self._wake.set()

    async def run(self) -> NoReturn:
        """Watch until cancelled."""
        self._open = {alert.subject: alert for alert in await self._store.open_alerts(AlertKind.CHAIN_UNOBSERVED)}
        while True:
            await self._attempt(self._forget_removed())
            for domain, destination in self._destinations.items():
                await self._attempt(self._look_at(domain, destination))
            await self._until_next()

    async def _attempt(self, step: Awaitable[None]) -> None:
        """What fails for one chain keeps no other from being told of."""
        try:
            await step
        except Exception:
            log.exception("chain_watch.failed")

    async def _forget_removed(self) -> None:
        for name in self._open.keys() - {destination.name for destination in self._destinations.values()}:
            await self._store.resolve_alert(self._open[name].id, "removed", self._clock.now())
            del self._open[name]
            self._told()

    async def _look_at(self, domain: DomainId, destination: Destination) -> None:
        alert = self._open.get(destination.name)
        silent = self._silent_for(destination) >= self._unobserved_after
        if alert is None:
            unjudged = self._unjudged.of(domain) is not None and self._store_works_for() >= _AFTER_OUTAGE
            if silent or unjudged:
                await self._out_of_sight(domain, destination)
            return
        # It speaks for all that wait: for more and more, the longer it lasts.
        await self._keep_up(alert, domain, destination)
        if destination.observed and self._is_over(destination.name, domain):
            await self._store.resolve_alert(alert.id, "observed", self._clock.now())
            del self._open[destination.name]
            log.info("chain.observed_again", chain=destination.name)
            self._told()

    def _is_over(self, name: str, domain: DomainId) -> bool:
        """Whether the legs that the chain's alert speaks for are judged; what comes and goes must have stayed away."""
        outage = unjudged_of(self._open[name]) is None
        return self._unjudged.nothing_waits(domain) if outage else self._unjudged.settled(domain)

    def _silent_for(self, destination: Destination) -> float:
        return min(destination.silent_for, self._store_works_for())

    async def _keep_up(self, alert: Alert, domain: DomainId, destination: Destination) -> None:
        """Keep with the alert what it is about now."""
        details = dict(alert.details)
        unjudged = self._unjudged.of(domain)
        if destination.silent_for >= self._unobserved_after:
            if unjudged_of(alert) is not None:
                details = dict(self._alert(domain, destination).details)
            details["waiting"] = self._count(domain)
        elif unjudged is not None and ((told := unjudged_of(alert)) or unjudged.hindrance.obstacle not in _OUTAGES):
            # How long the first has waited stays what it was when it was told.
            details = unjudged_details(replace(unjudged, waited_for=told.waited_for) if told else unjudged)
        else:
            # Those that have been judged by now had waited for it too.
            details["waiting"] = max(self._waiting(domain), int(details["waiting"]))
        if details != alert.details:
            await self._store.change_details(alert.id, details)
            self._open[alert.subject] = replace(alert, details=details)

    def _count(self, domain: DomainId) -> int:
        unjudged = self._unjudged.of(domain)
        return max(self._waiting(domain), unjudged.legs if unjudged else 0)

    async def _out_of_sight(self, domain: DomainId, destination: Destination) -> None:
        alert = self._alert(domain, destination)
        await self._store.open_alert(alert, self._route(alert))
        self._open[destination.name] = alert
        log.warning("chain.unobserved", chain=destination.name, why=alert.details["why"])
        self._told()

    def _alert(self, domain: DomainId, destination: Destination) -> Alert:
        unjudged = self._unjudged.of(domain)
        if unjudged is not None and destination.silent_for < self._unobserved_after:
            return chain_unjudged(destination.name, self._clock.now(), unjudged)
        return chain_unobserved(
            destination.name,
            self._clock.now(),
            silent_for=round(destination.silent_for),
            waiting=self._count(domain),
            why=destination.trouble or "its head does not rise",
        )

    async def _until_next(self) -> None:
        in_sight = [d for d in self._destinations.values() if d.name not in self._open]
        soonest = min((self._unobserved_after - self._silent_for(d) for d in in_sight), default=self._unobserved_after)
        if self._open:
            soonest = min(soonest, _RECOUNT)
        try:
            async with asyncio.timeout(max(_OFTEN, soonest)):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()
