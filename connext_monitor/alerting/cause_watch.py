"""Keeps what is known of the causes with the alerts: while they are open, and when they end.

What comes after the first telling is told with the next change, and calls nobody.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import NoReturn, Protocol

import structlog

from connext_monitor.alerting.causes import CauseFinder
from connext_monitor.clock import Clock
from connext_monitor.core.alert import OVERDUE_KINDS, Alert, AlertKind, overdue_id
from connext_monitor.core.cause import Cause, Findings, merged
from connext_monitor.core.deadline import Effect, Leg, Resolution, ResolveOverdue
from connext_monitor.core.events import TransferId
from connext_monitor.core.selection import Watched

_LOOK_EVERY = 60.0
_LOOKED_AT = 5
"""How many open alerts are looked at again each time."""

log = structlog.get_logger()


class OverdueStore(Protocol):
    """Where transfers and their alerts stand."""

    async def watched(self, transfer_id: TransferId) -> Watched | None:
        """One transfer with its deadlines."""
        ...

    async def open_alerts(self, kind: AlertKind) -> list[Alert]:
        """The open alerts of one kind."""
        ...


class CauseStore(Protocol):
    """Where causes are kept."""

    async def change(self, alert_id: str, decide: Callable[[tuple[Cause, ...]], tuple[Cause, ...]]) -> bool:
        """Keep what ``decide`` makes of an alert's causes; False where that is nothing new."""
        ...


class CauseWatch:
    """Looks again at what is late, and once more at what has arrived."""

    def __init__(
        self,
        overdue: OverdueStore,
        store: CauseStore,
        finder: CauseFinder,
        tell: Callable[[], None],
        clock: Clock,
        every: float = _LOOK_EVERY,
    ) -> None:
        self._overdue = overdue
        self._store = store
        self._finder = finder
        self._tell = tell
        self._clock = clock
        self._every = every
        self._looked_at: dict[str, float] = {}
        self._ends: set[asyncio.Task[None]] = set()

    def resolved(self, effects: Iterable[Effect], changed: Iterable[str]) -> None:
        """Alerts have changed: have it told at once, or after a second's look at what kept those that were executed."""
        rest = set(changed)
        arrived: list[TransferId] = []
        for effect in effects:
            if isinstance(effect, ResolveOverdue) and effect.resolution is Resolution.EXECUTED:
                alert_id = overdue_id(effect.transfer_id, effect.leg)
                if alert_id in rest:
                    rest.discard(alert_id)
                    arrived.append(effect.transfer_id)
        if rest or len(arrived) > _LOOKED_AT:
            self._tell()
        if arrived:
            task = asyncio.create_task(self._look_at_ends(arrived[:_LOOKED_AT]), name="what kept those that arrived")
            self._ends.add(task)
            task.add_done_callback(self._ends.discard)

    async def run(self) -> NoReturn:
        """Look again now and then at what is late, until cancelled."""
        try:
            while True:
                await asyncio.sleep(self._every)
                try:
                    await self._look_again()
                except Exception:
                    log.exception("causes.not_looked_for")
        finally:
            for task in self._ends:
                task.cancel()

    async def _look_at_ends(self, arrived: Iterable[TransferId]) -> None:
        try:
            await asyncio.gather(*map(self._look_at_end, arrived))
        except Exception:
            log.exception("causes.not_looked_for")
        finally:
            self._tell()

    async def _look_at_end(self, transfer_id: TransferId) -> None:
        watched = await self._overdue.watched(transfer_id)
        if watched is not None:
            await self._keep(overdue_id(transfer_id, Leg.EXECUTE), await self._finder.done_about(watched.transfer))

    async def _look_again(self) -> None:
        """At those open alerts that have not been looked at for longest."""
        late = [(alert, leg) for leg, kind in OVERDUE_KINDS.items() for alert in await self._overdue.open_alerts(kind)]
        self._looked_at = {alert.id: self._looked_at.get(alert.id, 0.0) for alert, _ in late}
        for alert, leg in sorted(late, key=lambda one: self._looked_at[one[0].id])[:_LOOKED_AT]:
            self._looked_at[alert.id] = self._clock.monotonic()
            watched = await self._overdue.watched(alert.transfer_id) if alert.transfer_id else None
            if watched is not None:
                await self._keep(alert.id, await self._finder.find(watched.transfer, leg, told=True))

    async def _keep(self, alert_id: str, found: Findings) -> None:
        if await self._store.change(alert_id, lambda known: merged(known, found)):
            log.info("alert.cause_found", alert=alert_id, causes=[cause.kind.value for cause in found.causes])
