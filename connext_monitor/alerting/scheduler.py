"""The alert scheduler: one timer per pending deadline, and a judge for each destination of those that have passed.

The store is the truth. Timers only say when to look, and what waits only whom to judge when sight returns. What is due
on a destination is decided by the later of our clock and its block times; when either moves otherwise than the event
loop's time does (a clock that was set, a machine that slept, a program that was stopped), all timers are armed anew.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
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
_LOOKS_AT_CLOCKS_EVERY = 1.0
_STEP = 2.0
"""A time that moves so many seconds otherwise than the loop's has timers armed anew; block times are no steadier."""
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


@dataclass(frozen=True, slots=True)
class _Timer:
    handle: asyncio.TimerHandle
    awaited: Awaited


class AlertScheduler:
    """Has every deadline judged once its destination is covered past it.

    ``latest`` is the time on a destination (Unix seconds): the later of our clock and of its newest block's, where that
    can be believed.
    """

    def __init__(
        self,
        store: DeadlineStore,
        destinations: Mapping[DomainId, Destination],
        route: Route,
        opened: Callable[[], None],
        learn: Learn,
        clock: Clock,
        settles: float = SETTLES,
        latest: Callable[[DomainId], float] | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._latest = latest or (lambda _domain: clock.now().timestamp())
        self._timers: dict[Key, _Timer] = {}
        self._ahead: dict[DomainId, float] = {}
        self._clocks_moved = asyncio.Event()
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

    def time(self, domain: DomainId) -> float:
        """The time on a destination (Unix seconds): what was due there before it is past due."""
        return self._latest(domain)

    def overlooked(self, legs: Iterable[Awaited]) -> None:
        """Have these judged, which the store says are past due, whatever timers and notes of alerts say."""
        for awaited in legs:
            key = (awaited.transfer_id, awaited.leg)
            timer = self._timers.pop(key, None)
            if timer is not None:
                timer.handle.cancel()
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
            tasks.create_task(self._follow_clocks())
            for judge in self._judges.values():
                tasks.create_task(judge.run())
        raise AssertionError("all run until cancelled")

    def _arm(self, awaited: Awaited) -> None:
        key = (awaited.transfer_id, awaited.leg)
        judge = self._judges.get(awaited.destination)
        if judge is None or key in self._told or key in self._timers or key in judge:
            return
        delay = awaited.due_at - self.time(awaited.destination)
        if delay <= HORIZON:
            handle = asyncio.get_running_loop().call_later(max(0.0, delay), self._due, awaited)
            self._timers[key] = _Timer(handle, awaited)

    def _due(self, awaited: Awaited) -> None:
        # A timer's callback only wakes the task: an exception in here would reach nobody.
        self._timers.pop((awaited.transfer_id, awaited.leg), None)
        self._judges[awaited.destination].take(awaited)

    def _drop(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.handle.cancel()
        for judge in self._judges.values():
            judge.drop(key)
        self._told.discard(key)

    async def _sweep(self) -> NoReturn:
        """Arm what comes near, and now and then, or when a clock has moved, everything whatever the timers say."""
        loaded_at = -HORIZON
        while True:
            reach = 0.0
            if self._clocks_moved.is_set() or self._clock.monotonic() - loaded_at >= HORIZON / 2:
                self._clocks_moved.clear()
                loaded_at, reach = self._clock.monotonic(), HORIZON
            try:
                await self._load(self._latest_instant() + int(reach))
            except Exception:
                loaded_at = -HORIZON
                log.exception("deadlines.not_loaded")
            with suppress(TimeoutError):
                async with asyncio.timeout(_SWEEP):
                    await self._clocks_moved.wait()

    async def _follow_clocks(self) -> NoReturn:
        """Have the timers of each destination go by the time there, however that moves."""
        while True:
            try:
                moved = {domain: by for domain in self._judges if (by := self._moved(domain))}
                if moved:
                    self._arm_anew(moved)
                if max(moved.values(), default=0.0) > _SWEEP:
                    # What was beyond the horizon may be due; after a lesser step the next sweep sees to that.
                    self._clocks_moved.set()
            except Exception:
                log.exception("deadlines.not_armed_anew")
            await asyncio.sleep(_LOOKS_AT_CLOCKS_EVERY)

    def _moved(self, domain: DomainId) -> float:
        """By how many seconds the time there has moved otherwise than that of timers, since they were armed by it."""
        ahead = self.time(domain) - asyncio.get_running_loop().time()
        before = self._ahead.setdefault(domain, ahead)
        if abs(ahead - before) <= _STEP:
            return 0.0
        self._ahead[domain] = ahead
        return abs(ahead - before)

    def _arm_anew(self, domains: Collection[DomainId]) -> None:
        for key, timer in list(self._timers.items()):
            if timer.awaited.destination in domains:
                timer.handle.cancel()
                del self._timers[key]
                self._arm(timer.awaited)

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
        """The time on the destination that is furthest ahead."""
        return max((int(self.time(domain)) for domain in self._judges), default=0)
