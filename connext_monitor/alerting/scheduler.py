"""The alert scheduler: one timer per pending deadline, and a judge for each destination of those that have passed.

The store is the truth. Timers only say when to look, and what waits only whom to judge when sight returns; a sweep
finds whatever they missed (a clock that was set, a machine that slept).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn, Protocol

import structlog

from connext_monitor.alerting.destination import Destination
from connext_monitor.alerting.judge import SETTLES, CaseStore, DestinationJudge, Key, Learn, Route
from connext_monitor.clock import Clock
from connext_monitor.core.alert import OVERDUE_KINDS, Alert, AlertKind
from connext_monitor.core.deadline import ArmDeadline, Awaited, CancelDeadline, Effect, Leg
from connext_monitor.core.events import DomainId, Timestamp
from connext_monitor.core.recording import ChainProgress
from connext_monitor.core.unjudged import Hindrance

HORIZON = 3600.0
"""Seconds ahead for which timers are armed; what is due later is loaded as it comes near."""

_SWEEP = 30.0
_LOADED_AT_ONCE = 1000

log = structlog.get_logger()


class DeadlineStore(CaseStore, Protocol):
    """What the scheduler and its judges read and write."""

    async def awaited(self, leg: Leg, *, due_until: int, after: Awaited | None, limit: int) -> list[Awaited]:
        """The first legs of this kind after that one that have not arrived and are due until then (Unix seconds)."""
        ...

    async def open_alerts(self, kind: AlertKind) -> list[Alert]:
        """The open alerts of one kind."""
        ...


class AlertScheduler:
    """Has every deadline judged once its destination is covered past it."""

    def __init__(
        self,
        store: DeadlineStore,
        destinations: Mapping[DomainId, Destination],
        route: Route,
        opened: Callable[[], None],
        learn: Learn,
        clock: Clock,
        settles: float = SETTLES,
    ) -> None:
        self._store = store
        self._clock = clock
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._told: set[Key] = set()
        self._judges = {
            domain: DestinationJudge(store, one, self._told, route, opened, learn, self._arm, clock, settles)
            for domain, one in destinations.items()
        }

    def waiting(self, domain: DomainId) -> int:
        """How many deadlines have passed and wait for this chain to be covered past them."""
        return len(self._judges[domain])

    def hindered(self, domain: DomainId) -> bool:
        """Whether a leg due there was to be judged and could not be."""
        return self._judges[domain].hindered

    def hindrance(self, domain: DomainId, first_due: Timestamp) -> Hindrance:
        """What keeps legs due there from being judged, the first of which was due at ``first_due``."""
        return self._judges[domain].hindrance(first_due)

    def watermark(self, domain: DomainId) -> Timestamp | None:
        """The block time up to which a chain has been covered since the start."""
        return self._judges[domain].watermark

    def overlooked(self, legs: Iterable[Awaited]) -> None:
        """Have these judged, which the store says are past due, whatever timers and notes of alerts say."""
        for awaited in legs:
            key = (awaited.transfer_id, awaited.leg)
            timer = self._timers.pop(key, None)
            if timer is not None:
                timer.cancel()
            self._told.discard(key)
            self._judges[awaited.destination].take(awaited)

    @property
    def armed(self) -> int:
        """How many deadlines have a timer."""
        return len(self._timers)

    def committed(self, effects: Iterable[Effect], progress: Iterable[ChainProgress]) -> None:
        """Arm and cancel what has just become durable, and judge what the chains are now covered past."""
        for effect in effects:
            match effect:
                case ArmDeadline(awaited):
                    self._drop((awaited.transfer_id, awaited.leg))
                    self._arm(awaited)
                case CancelDeadline(transfer_id, leg):
                    self._drop((transfer_id, leg))
                case _:
                    pass
        for chain in progress:
            if chain.coverage.covered is not None and chain.domain in self._judges:
                self._judges[chain.domain].covered(chain.coverage.covered.timestamp)

    async def run(self) -> NoReturn:
        """Arm from the store, then judge until cancelled."""
        for kind, leg in ((kind, leg) for leg, kind in OVERDUE_KINDS.items()):
            alerts = await self._store.open_alerts(kind)
            self._told.update((alert.transfer_id, leg) for alert in alerts if alert.transfer_id is not None)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._sweep())
            for judge in self._judges.values():
                tasks.create_task(judge.run())
        raise AssertionError("all run until cancelled")

    def _arm(self, awaited: Awaited) -> None:
        key = (awaited.transfer_id, awaited.leg)
        judge = self._judges.get(awaited.destination)
        if judge is None or key in self._told or key in self._timers or key in judge:
            return
        delay = awaited.due_at - self._clock.now().timestamp()
        if delay <= HORIZON:
            self._timers[key] = asyncio.get_running_loop().call_later(max(0.0, delay), self._due, awaited)

    def _due(self, awaited: Awaited) -> None:
        # A timer's callback only wakes the task: an exception in here would reach nobody.
        self._timers.pop((awaited.transfer_id, awaited.leg), None)
        self._judges[awaited.destination].take(awaited)

    def _drop(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        for judge in self._judges.values():
            judge.drop(key)
        self._told.discard(key)

    async def _sweep(self) -> NoReturn:
        """Arm what comes near, and now and then everything that is due whatever the timers say."""
        loaded_at = -HORIZON
        while True:
            reach = 0.0
            if self._clock.monotonic() - loaded_at >= HORIZON / 2:
                loaded_at, reach = self._clock.monotonic(), HORIZON
            try:
                await self._load(self._latest_instant() + int(reach))
            except Exception:
                loaded_at = -HORIZON
                log.exception("deadlines.not_loaded")
            await asyncio.sleep(_SWEEP)

    async def _load(self, due_until: int) -> None:
        """Arm what is due until then, in parts: a hundred thousand at once would hold up the loop."""
        for leg in Leg:
            last: Awaited | None = None
            while part := await self._store.awaited(leg, due_until=due_until, after=last, limit=_LOADED_AT_ONCE):
                for awaited in part:
                    self._arm(awaited)
                if len(part) < _LOADED_AT_ONCE:
                    break
                last = part[-1]

    def _latest_instant(self) -> int:
        """Now, by our clock or by the chain that is ahead of it."""
        marks = [judge.watermark or 0 for judge in self._judges.values()]
        return max(int(self._clock.now().timestamp()), *marks, 0)
