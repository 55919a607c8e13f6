"""The alert scheduler: one timer per pending deadline; opens an alert when a leg's absence is established.

The store is the truth. Timers only say when to look, and what waits only whom to judge when sight returns; a sweep
finds whatever they missed (a clock that was set, a machine that slept).
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import NoReturn, Protocol

import structlog

from connext_monitor.alerting.destination import Destination
from connext_monitor.clock import Clock
from connext_monitor.core.alert import OVERDUE_KINDS, Alert, AlertKind, overdue
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.cause import Cause
from connext_monitor.core.deadline import ArmDeadline, Awaited, CancelDeadline, Effect, Leg, Verdict, judge
from connext_monitor.core.events import DomainId, Timestamp, TransferId
from connext_monitor.core.recording import ChainProgress
from connext_monitor.core.selection import Watched
from connext_monitor.core.transfer import Transfer

HORIZON = 3600.0
"""Seconds ahead for which timers are armed; what is due later is loaded as it comes near."""

_SWEEP = 30.0
_ASK_AGAIN = 2.0
_LOOK_AGAIN = 60.0
_AT_ONCE = 16
_LOADED_AT_ONCE = 1000
_CLOCK_SKEW = 3600

Key = tuple[TransferId, Leg]
Route = Callable[[Alert], Collection[str]]
"""The providers that an alert goes to."""

log = structlog.get_logger()


class DeadlineStore(Protocol):
    """What the scheduler reads and writes."""

    async def awaited(self, leg: Leg, *, due_until: int, after: Awaited | None, limit: int) -> list[Awaited]:
        """The first legs of this kind after that one that have not arrived and are due until then (Unix seconds)."""
        ...

    async def watched(self, transfer_id: TransferId) -> Watched | None:
        """One transfer with its deadlines."""
        ...

    async def open_alerts(self, kind: AlertKind) -> list[Alert]:
        """The open alerts of one kind."""
        ...

    async def open_overdue(
        self, transfer_id: TransferId, decide: Callable[[Watched | None], Alert | None], providers: Route
    ) -> Alert | None:
        """Open what ``decide`` makes of the transfer within one transaction; None where that is nothing new."""
        ...


class AlertScheduler:
    """Judges every deadline once its destination is covered past it."""

    def __init__(
        self,
        store: DeadlineStore,
        destinations: Mapping[DomainId, Destination],
        route: Route,
        opened: Callable[[], None],
        learn: Callable[[Transfer, Leg], Awaitable[tuple[Cause, ...]]],
        clock: Clock,
    ) -> None:
        self._store = store
        self._destinations = destinations
        self._route = route
        self._opened = opened
        self._learn = learn
        self._clock = clock
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._waiting: dict[DomainId, dict[Key, Awaited]] = {domain: {} for domain in destinations}
        self._not_before: dict[Key, float] = {}
        self._told: set[Key] = set()
        self._watermarks: dict[DomainId, Timestamp] = {}
        self._wake = asyncio.Event()

    def waiting(self, domain: DomainId) -> int:
        """How many deadlines have passed and wait for this chain to be covered past them."""
        return len(self._waiting[domain])

    def committed(self, effects: Iterable[Effect], progress: Iterable[ChainProgress]) -> None:
        """Arm and cancel what has just become durable, and judge what the chains are now covered past."""
        for chain in progress:
            if chain.coverage.covered is not None:
                self._watermarks[chain.domain] = chain.coverage.covered.timestamp
        for effect in effects:
            match effect:
                case ArmDeadline(awaited):
                    self._drop((awaited.transfer_id, awaited.leg))
                    self._arm(awaited)
                case CancelDeadline(transfer_id, leg):
                    self._drop((transfer_id, leg))
                case _:
                    pass
        if any(self._waiting.values()):
            self._wake.set()

    async def run(self) -> NoReturn:
        """Arm from the store, then judge until cancelled."""
        for kind, leg in ((kind, leg) for leg, kind in OVERDUE_KINDS.items()):
            alerts = await self._store.open_alerts(kind)
            self._told.update((alert.transfer_id, leg) for alert in alerts if alert.transfer_id is not None)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._sweep())
            tasks.create_task(self._judge_forever())
        raise AssertionError("both run until cancelled")

    # When to look

    def _arm(self, awaited: Awaited) -> None:
        key = (awaited.transfer_id, awaited.leg)
        if key in self._told or key in self._timers or awaited.destination not in self._waiting:
            return
        if key in self._waiting[awaited.destination]:
            return
        delay = awaited.due_at - self._clock.now().timestamp()
        if delay <= HORIZON:
            self._timers[key] = asyncio.get_running_loop().call_later(max(0.0, delay), self._due, awaited)

    def _due(self, awaited: Awaited) -> None:
        # A timer's callback only wakes the task: an exception in here would reach nobody.
        key = (awaited.transfer_id, awaited.leg)
        self._timers.pop(key, None)
        self._waiting[awaited.destination][key] = awaited
        self._destinations[awaited.destination].look(awaited.due_at)
        self._wake.set()

    def _drop(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        for waiting in self._waiting.values():
            waiting.pop(key, None)
        self._told.discard(key)
        self._not_before.pop(key, None)

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
        return max(int(self._clock.now().timestamp()), *self._watermarks.values(), 0)

    # Judging

    async def _judge_forever(self) -> NoReturn:
        while True:
            await self._wake.wait()
            self._wake.clear()
            ready = self._ready()
            for start in range(0, len(ready), _AT_ONCE):
                await asyncio.gather(*(self._judge(awaited) for awaited in ready[start : start + _AT_ONCE]))

    def _ready(self) -> list[Awaited]:
        now = self._clock.monotonic()
        found: list[Awaited] = []
        for domain, waiting in self._waiting.items():
            watermark = self._watermarks.get(domain, Timestamp(0))
            if self._destinations[domain].reads_history(watermark):
                # Judged when it has caught up: what is late now is then told at once, and nothing of what was.
                continue
            found += [
                awaited
                for key, awaited in waiting.items()
                if awaited.due_at < watermark and self._not_before.get(key, now) <= now
            ]
        return sorted(found, key=lambda awaited: awaited.due_at)

    async def _judge(self, awaited: Awaited) -> None:
        try:
            await self._settle(awaited)
        except Exception:
            log.exception("deadline.not_judged", transfer=f"0x{awaited.transfer_id.hex()}", leg=awaited.leg.value)
            self._later(awaited, _LOOK_AGAIN)

    async def _settle(self, awaited: Awaited) -> None:
        """Judge one deadline, and do what its verdict says."""
        destination = self._destinations[awaited.destination]
        watched = await self._store.watched(awaited.transfer_id)
        watermark = self._watermarks.get(awaited.destination)
        answer: TransferStatus | None = None
        verdict = _verdict(watched, awaited.leg, watermark, answer)
        if verdict is Verdict.NOT_ASKED:
            answer = await destination.transfer_status(awaited.transfer_id)
            verdict = _verdict(watched, awaited.leg, watermark, answer)
        match verdict:
            case Verdict.WITHDRAWN | Verdict.ARRIVED:
                self._drop((awaited.transfer_id, awaited.leg))
            case Verdict.NOT_COVERED:
                self._await_again(awaited, watched)
            case Verdict.NOT_ASKED:
                self._later(awaited, _ASK_AGAIN)
            case Verdict.GAP:
                await self._close_gap(awaited, destination)
            case Verdict.ABSENT:
                # So that the alert can say how much of what, and why; it waits no longer than a second for that.
                causes = await self._learn(watched.transfer, awaited.leg) if watched is not None else ()
                await self._accuse(awaited, watermark, answer, causes)

    async def _accuse(
        self,
        awaited: Awaited,
        watermark: Timestamp | None,
        answer: TransferStatus | None,
        causes: tuple[Cause, ...],
    ) -> None:
        at = self._clock.now()

        def decide(watched: Watched | None) -> Alert | None:
            # Judged once more on what stands within the transaction: the leg may have arrived meanwhile.
            if watched is None or _verdict(watched, awaited.leg, watermark, answer) is not Verdict.ABSENT:
                return None
            pathway = (watched.transfer.origin, watched.transfer.destination)
            return overdue(awaited.transfer_id, awaited.leg, awaited.due_at, at, pathway, causes)

        alert = await self._store.open_overdue(awaited.transfer_id, decide, self._route)
        key = (awaited.transfer_id, awaited.leg)
        if key in self._waiting[awaited.destination]:
            self._drop(key)
            self._told.add(key)
        if alert is not None:
            log.warning("alert.opened", alert=alert.id, late_by=round(at.timestamp() - awaited.due_at, 3))
            self._opened()

    async def _close_gap(self, awaited: Awaited, destination: Destination) -> None:
        about = {"transfer": f"0x{awaited.transfer_id.hex()}", "leg": awaited.leg.value, "chain": destination.name}
        log.warning("gap.found", **about)
        since = Timestamp(awaited.due_at - _CLOCK_SKEW)
        watched = await self._store.watched(awaited.transfer_id)
        if watched is not None:
            since = Timestamp(watched.transfer.started_at - _CLOCK_SKEW)
        found = await destination.fetch_events(awaited.transfer_id, since)
        if not found:
            log.error("gap.not_closed", asked=found is not None, **about)
        self._later(awaited, _ASK_AGAIN if found else _LOOK_AGAIN)

    def _await_again(self, awaited: Awaited, watched: Watched | None) -> None:
        """The deadline is another now (a reorg moved XCalled), or the chain is not there yet."""
        due_at = watched.due.of(awaited.leg) if watched and watched.due else awaited.due_at
        if due_at != awaited.due_at:
            self._drop((awaited.transfer_id, awaited.leg))
            self._arm(Awaited(awaited.transfer_id, awaited.leg, due_at, awaited.destination))

    def _later(self, awaited: Awaited, seconds: float) -> None:
        self._not_before[awaited.transfer_id, awaited.leg] = self._clock.monotonic() + seconds
        asyncio.get_running_loop().call_later(seconds, self._wake.set)


def _verdict(watched: Watched | None, leg: Leg, watermark: Timestamp | None, answer: TransferStatus | None) -> Verdict:
    if watched is None or watched.due is None:
        return Verdict.WITHDRAWN
    return judge(watched.transfer, leg, watched.due.of(leg), watermark, answer)
