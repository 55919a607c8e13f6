"""The alert scheduler: one timer per pending deadline, and a judge for each destination of those that have passed.

The store is the truth. Timers only say when to look; legs that are past due wait until their destination is in sight.
What is due on a destination is decided by the later of our clock and its block times; when either moves differently
from the event loop's time, all timers are armed anew.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn, Protocol

from connext_monitor.alerting.accusations import FindCauses
from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.alerting.chains import JudgedChain
from connext_monitor.alerting.deadline_timers import HORIZON, ClockSteps, DeadlineTimers
from connext_monitor.alerting.judge import DestinationJudge, EvidenceStore
from connext_monitor.alerting.judging_pace import JudgingPace
from connext_monitor.alerting.waiting_legs import LegKey, key_of
from connext_monitor.clock import Clock
from connext_monitor.clock.watch_loop import look_every
from connext_monitor.core.alerts.kinds.overdue import LEG_OF
from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.deadline import ArmDeadline, Awaited, CancelDeadline, Leg
from connext_monitor.core.events import DomainId, Timestamp
from connext_monitor.core.hindrance import Hindrance
from connext_monitor.core.leg_effects import Effect

_LOADS_EVERY = 30.0
_AFTER_FAILURE = 2.0
_FOLLOWS_CLOCKS_EVERY = 1.0
_LOADED_AT_ONCE = 1000


class DeadlineStore(EvidenceStore, Protocol):
    """What the scheduler and its judges read."""

    async def awaited(self, leg: Leg, *, due_until: int, after: Awaited | None, limit: int) -> list[Awaited]:
        """The first legs of this kind after that one that have not arrived and are due until then (Unix seconds)."""
        ...


class AlertScheduler:
    """Has every deadline judged once its destination is covered past it.

    ``latest`` is the time on a destination (Unix seconds): the later of our clock and of its newest block's, where that
    can be believed.
    """

    def __init__(
        self,
        store: DeadlineStore,
        chains: Mapping[DomainId, JudgedChain],
        desk: AlertDesk,
        find_causes: FindCauses,
        clock: Clock,
        pace: JudgingPace | None = None,
        latest: Callable[[DomainId], float] | None = None,
        follows_clocks_every: float = _FOLLOWS_CLOCKS_EVERY,
        loads_every: float = _LOADS_EVERY,
    ) -> None:
        self._store = store
        self._desk = desk
        self._clock = clock
        self._follows_clocks_every = follows_clocks_every
        self._loads_every = loads_every
        self._latest = latest or (lambda _domain: clock.now().timestamp())
        self._timers = DeadlineTimers(self.time, self._take)
        self._clock_steps = ClockSteps(self.time)
        self._load_all_at = 0.0  # on the monotonic clock
        self._woken = asyncio.Event()
        self._alerted: set[LegKey] = set()
        self._recalled = False
        pace = pace or JudgingPace()
        self._judges = {
            domain: DestinationJudge(store, chain, chains, self._alerted, desk, find_causes, self._arm, clock, pace)
            for domain, chain in chains.items()
        }

    @property
    def armed(self) -> int:
        """How many deadlines have a timer."""
        return len(self._timers)

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
            self._timers.cancel(key_of(awaited))
            self._alerted.discard(key_of(awaited))
            self._take(awaited)

    def committed(self, effects: Iterable[Effect], progress: Iterable[ChainProgress]) -> None:
        """Arm and cancel what has just become durable, and judge what the chains are now covered past."""
        for effect in effects:
            match effect:
                case ArmDeadline(awaited):
                    self._drop(key_of(awaited))
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
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_loading())
            tasks.create_task(self._keep_to_clocks())
            for judge in self._judges.values():
                tasks.create_task(judge.run())
        raise AssertionError("all run until cancelled")

    async def _keep_loading(self) -> NoReturn:
        await look_every(
            self._loads_every,
            self._load,
            failed="deadlines.not_loaded",
            after_failure=_AFTER_FAILURE,
            woken=self._woken,
        )

    async def _keep_to_clocks(self) -> NoReturn:
        async def look() -> None:
            self.follow_clocks()

        await look_every(self._follows_clocks_every, look, failed="deadlines.not_armed_anew")

    def _arm(self, awaited: Awaited) -> None:
        key, judge = key_of(awaited), self._judges.get(awaited.destination)
        if judge is not None and key not in self._alerted and key not in self._timers and key not in judge:
            self._timers.arm(awaited)

    def _take(self, awaited: Awaited) -> None:
        self._judges[awaited.destination].take(awaited)

    def _drop(self, key: LegKey) -> None:
        self._timers.cancel(key)
        for judge in self._judges.values():
            judge.drop(key)
        self._alerted.discard(key)

    async def _load(self) -> None:
        """Arm what comes near, and now and then, or when a clock has moved, everything whatever the timers say."""
        if not self._recalled:
            await self._recall()
        now, reach = self._clock.monotonic(), 0.0
        if now >= self._load_all_at:
            self._load_all_at, reach = now + HORIZON / 2, HORIZON
        try:
            await self._load_until(self._latest_instant() + int(reach))
        except BaseException:
            self._load_all_at = 0.0
            raise

    async def _recall(self) -> None:
        """Note which legs were alerted about before a restart."""
        alerts = await self._desk.open_alerts(*LEG_OF)
        self._alerted.update(
            (alert.transfer_id, LEG_OF[alert.kind]) for alert in alerts if alert.transfer_id is not None
        )
        self._recalled = True

    async def _load_until(self, due_until: int) -> None:
        """Arm what is due until then, in parts: a hundred thousand at once would hold up the loop."""
        for leg in Leg:
            last: Awaited | None = None
            while part := await self._store.awaited(leg, due_until=due_until, after=last, limit=_LOADED_AT_ONCE):
                for awaited in part:
                    self._arm(awaited)
                if len(part) < _LOADED_AT_ONCE:
                    break
                last = part[-1]

    def follow_clocks(self) -> None:
        """Have the timers of each destination go by the time there, however that has moved since the last time."""
        steps = {domain: step for domain in self._judges if (step := self._clock_steps.since_last(domain))}
        if steps:
            self._timers.arm_anew(steps)
        if max(steps.values(), default=0.0) > self._loads_every:
            # What was beyond the horizon may be due; after a lesser step the next load sees to that.
            self._load_all_at = 0.0
            self._woken.set()

    def _latest_instant(self) -> int:
        """The time on the destination that is furthest ahead."""
        return max((int(self.time(domain)) for domain in self._judges), default=0)
