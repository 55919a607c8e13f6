"""The desk through which every watch opens, changes and ends alerts: it routes them, stores them and wakes delivery."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Protocol

import structlog

from connext_monitor.clock import Clock
from connext_monitor.core.alerts.alert import Alert, AlertKind
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.effects import Decide, ResolveAlert, Route
from connext_monitor.core.alerts.removed import ended_by_removal
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.events import TransferId
from connext_monitor.core.labels import ChainNames

log = structlog.get_logger()


class AlertStore(Protocol):
    """Where alerts and their deliveries are kept. Each method is one transaction, or one consistent read."""

    async def open_of_kinds(self, kinds: Collection[AlertKind]) -> list[Alert]:
        """The open alerts of these kinds."""
        ...

    async def open(self, alert: Alert, providers: Collection[str]) -> bool:
        """Open an alert with its deliveries; False where it is open already."""
        ...

    async def open_decided(self, decisions: Sequence[tuple[TransferId, Decide]], providers: Route) -> list[Alert]:
        """Open what each decision makes of its transfer; those that were not open already."""
        ...

    async def change_details(self, alert_id: str, details: Details) -> None:
        """Keep what an alert says now; nothing is delivered."""
        ...

    async def escalate(self, alert_id: str, route: Route, at: datetime) -> bool:
        """Make it critical and queue it anew, once; False where it has ended or was escalated before."""
        ...

    async def resolve(self, ended: ResolveAlert, at: datetime, route: Route) -> bool:
        """Resolve an alert, and queue that news; False where it is not open.

        What was only counted with it is queued by itself, for those whom ``route``, which must be pure, still names.
        """
        ...

    async def resolve_decided(
        self, decide: Callable[[Sequence[Alert]], Sequence[ResolveAlert]], at: datetime, route: Route
    ) -> list[str]:
        """Resolve what ``decide``, which must be pure, ends of all alerts that are open; their ids."""
        ...


class AlertDesk:
    """Opens, changes and ends alerts; its listeners are woken after each commit.

    ``subscribers`` are the providers whose configuration asks for an alert; one that ``is_silenced`` goes to none.
    """

    def __init__(
        self,
        store: AlertStore,
        subscribers: Route,
        clock: Clock,
        is_silenced: Callable[[Alert], bool] = lambda _alert: False,
    ) -> None:
        self._store = store
        self._subscribers = subscribers
        self._clock = clock
        self._is_silenced = is_silenced
        self._listeners: list[Callable[[], None]] = []

    def on_change(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called whenever alerts were opened, escalated or ended; it must not block."""
        self._listeners.append(listener)

    def wake_delivery(self) -> None:
        """Wake whatever delivers alerts or shows them."""
        for listener in self._listeners:
            listener()

    def route(self, alert: Alert) -> Collection[str]:
        """The providers that get the alert now."""
        return () if self._is_silenced(alert) else self._subscribers(alert)

    async def open_alerts(self, *kinds: AlertKind) -> list[Alert]:
        """The open alerts of these kinds."""
        return await self._store.open_of_kinds(kinds)

    async def open(self, alert: Alert) -> bool:
        """Open an alert that is about no transfer; False where it is open already."""
        opened = await self._store.open(alert, self.route(alert))
        self.wake_delivery()
        return opened

    async def open_by(self, transaction: Callable[[Route], Awaitable[Alert | None]]) -> Alert | None:
        """Open what a transaction decides on and opens, for whom this desk says; None where that is none."""
        opened = await transaction(self.route)
        if opened is not None:
            self.wake_delivery()
        return opened

    async def open_decided(self, decisions: Sequence[tuple[TransferId, Decide]]) -> list[Alert]:
        """Open what each decision makes of its transfer within one transaction; those that were not open already."""
        opened = await self._store.open_decided(decisions, self.route)
        if opened:
            self.wake_delivery()
        return opened

    async def change_details(self, alert: Alert, details: Details) -> Alert:
        """Keep what an alert says now, for its next message; the alert as it is then. Nothing is delivered."""
        await self._store.change_details(alert.id, details)
        return replace(alert, details=details)

    async def escalate(self, alert: Alert) -> bool:
        """Make it critical and deliver it anew, once; False where it has ended or was escalated before."""
        escalated = await self._store.escalate(alert.id, self.route, self._clock.now())
        if escalated:
            self.wake_delivery()
        return escalated

    async def resolve(self, alert: Alert, resolution: Resolution) -> bool:
        """End an alert; False where it is not open."""
        resolved = await self._store.resolve(ResolveAlert.of(alert, resolution), self._clock.now(), self.route)
        if resolved:
            self.wake_delivery()
        return resolved

    async def end_removed(self, chains: ChainNames) -> None:
        """End what hangs on a chain which is none of the configured ones (names by domain)."""
        removed = partial(ended_by_removal, chains=chains)
        for alert_id in await self._store.resolve_decided(removed, self._clock.now(), self.route):
            log.info("alert.removed", alert=alert_id)
        self.wake_delivery()

    async def keep_ended(self, alert: Alert) -> None:
        """Keep an alert that is over and was delivered by other means."""
        await self._store.open(alert, ())
        if alert.resolution is not None:
            ended = ResolveAlert.of(alert, alert.resolution)
            await self._store.resolve(ended, alert.resolved_at or alert.opened_at, self.route)
        self.wake_delivery()
