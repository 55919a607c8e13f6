"""Tells when a chain is out of sight, and when it is back: one alert speaks for every deadline that waits for it."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NoReturn, Protocol

import structlog

from connext_monitor.alerting.destination import Destination
from connext_monitor.clock import Clock
from connext_monitor.core.alert import Alert, AlertKind, chain_unobserved
from connext_monitor.core.events import DomainId

_OFTEN = 0.25
"""The shortest time, in seconds, between two looks at the chains."""

_RECOUNT = 10.0
"""Seconds between two counts of the deadlines that wait for a chain out of sight."""

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


class ChainWatch:
    """Opens `chain_unobserved` when a chain's covered head has not risen for ``unobserved_after`` seconds."""

    def __init__(
        self,
        store: NamedAlertStore,
        destinations: Mapping[DomainId, Destination],
        waiting: Callable[[DomainId], int],
        unobserved_after: float,
        route: Callable[[Alert], Collection[str]],
        told: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._store = store
        self._destinations = destinations
        self._waiting = waiting
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

    async def run(self) -> NoReturn:
        """Watch until cancelled."""
        self._open = {alert.subject: alert for alert in await self._store.open_alerts(AlertKind.CHAIN_UNOBSERVED)}
        while True:
            try:
                await self._forget_removed()
                for domain, destination in self._destinations.items():
                    await self._look_at(domain, destination)
            except Exception:
                log.exception("chain_watch.failed")
            await self._until_next()

    async def _forget_removed(self) -> None:
        for name in self._open.keys() - {destination.name for destination in self._destinations.values()}:
            await self._store.resolve_alert(self._open[name].id, "removed", self._clock.now())
            del self._open[name]
            self._told()

    async def _look_at(self, domain: DomainId, destination: Destination) -> None:
        alert = self._open.get(destination.name)
        if alert is None and destination.silent_for >= self._unobserved_after:
            await self._out_of_sight(domain, destination)
        elif alert is not None:
            # It speaks for all that wait: for more and more, the longer the chain stays out of sight.
            await self._recount(alert, self._waiting(domain))
        if alert is not None and destination.observed:
            await self._store.resolve_alert(alert.id, "observed", self._clock.now())
            del self._open[destination.name]
            log.info("chain.observed_again", chain=destination.name)
            self._told()

    async def _recount(self, alert: Alert, waiting: int) -> None:
        if waiting == alert.details["waiting"]:
            return
        counted = replace(alert, details={**alert.details, "waiting": waiting})
        await self._store.change_details(alert.id, counted.details)
        self._open[alert.subject] = counted

    async def _out_of_sight(self, domain: DomainId, destination: Destination) -> None:
        alert = chain_unobserved(
            destination.name,
            self._clock.now(),
            silent_for=round(destination.silent_for),
            waiting=self._waiting(domain),
            why=destination.trouble or "its head does not rise",
        )
        await self._store.open_alert(alert, self._route(alert))
        self._open[destination.name] = alert
        log.warning("chain.unobserved", chain=destination.name, why=alert.details["why"])
        self._told()

    async def _until_next(self) -> None:
        in_sight = [d for d in self._destinations.values() if d.name not in self._open]
        soonest = min((self._unobserved_after - d.silent_for for d in in_sight), default=self._unobserved_after)
        if self._open:
            soonest = min(soonest, _RECOUNT)
        try:
            async with asyncio.timeout(max(_OFTEN, soonest)):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()
