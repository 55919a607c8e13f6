"""Judges the deadlines of one destination that have passed: asks it, and accuses what is absent, many at once.

Each destination has a judge of its own, so that one which answers slowly delays no other.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import NoReturn, Protocol

import structlog

from connext_monitor.alerting.destination import Destination
from connext_monitor.clock import Clock
from connext_monitor.core.alert import Alert, overdue, overdue_id
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.cause import Cause
from connext_monitor.core.database_trouble import StoreUnavailable
from connext_monitor.core.deadline import Awaited, Leg, Verdict, judge
from connext_monitor.core.events import Timestamp, TransferId
from connext_monitor.core.hindrance import hindrance
from connext_monitor.core.selection import Watched
from connext_monitor.core.transfer import Transfer
from connext_monitor.core.unjudged import Hindrance, Obstacle

SETTLES = 60.0
"""Seconds after an alert's end before it opens again: a leg that comes and goes with reorgs is one alert, not many."""

_MOMENT = 0.1
_ASK_AGAIN = 2.0
_LONGEST_ASK_AGAIN = 15.0
"""Seconds. Nobody answers: then a single leg is asked about, ever more seldom, until there is an answer."""
_LOOK_AGAIN = 60.0
_LEARNS_WITHIN = 3.0
"""Seconds. An alert waits no longer for what could be said beside the bare facts."""
_JUDGED_AT_ONCE = 64
_ASKED_AT_ONCE = 16
_CLOSED_AT_ONCE = 4
"""Gaps: the events of a single leg may take minutes to be looked for."""
_CLOCK_SKEW = 3600

_GAP = "its contract says that a leg has happened"

Key = tuple[TransferId, Leg]
Route = Callable[[Alert], Collection[str]]
"""The providers that an alert goes to."""
Learn = Callable[[Transfer, Leg], Awaitable[tuple[Cause, ...]]]
"""Finds out within a second what an alert can say beside the bare facts."""

log = structlog.get_logger()


class CaseStore(Protocol):
    """What a judge reads and writes."""

    async def watched(self, ids: Collection[TransferId]) -> dict[TransferId, Watched]:
        """Those of these transfers that are known, with their deadlines."""
        ...

    async def resolved_since(self, alert_ids: Collection[str], since: datetime) -> dict[str, datetime]:
        """Those of these alerts that were resolved since then, with when that was."""
        ...

    async def open_overdue(
        self, accused: Sequence[tuple[TransferId, Callable[[Watched | None], Alert | None]]], providers: Route
    ) -> list[Alert]:
        """Open what each decision makes of its transfer within one transaction; those that are new."""
        ...


@dataclass(slots=True)
class _Case:
    """A deadline that has passed, with what is known of it."""

    awaited: Awaited
    watched: Watched | None
    watermark: Timestamp | None
    answer: TransferStatus | None = None
    causes: tuple[Cause, ...] = ()

    @property
    def key(self) -> Key:
        return self.awaited.transfer_id, self.awaited.leg

    @property
    def alert_id(self) -> str:
        return overdue_id(*self.key)

    def verdict(self) -> Verdict:
        return self.verdict_on(self.watched)

    def verdict_on(self, watched: Watched | None) -> Verdict:
        if watched is None or watched.due is None:
            return Verdict.WITHDRAWN
        leg = self.awaited.leg
        return judge(watched.transfer, leg, watched.due.of(leg), self.watermark, self.answer)

    def accusation(self, at: datetime, watched: Watched | None) -> Alert | None:
        """Judged once more on what stands within the transaction: the leg may have arrived meanwhile."""
        if watched is None or self.verdict_on(watched) is not Verdict.ABSENT:
            return None
        pathway = (watched.transfer.origin, watched.transfer.destination)
        return overdue(self.awaited.transfer_id, self.awaited.leg, self.awaited.due_at, at, pathway, self.causes)


class DestinationJudge:
    """The deadlines of one destination that have passed, until each is judged; ``told`` are the legs with an alert."""

    def __init__(
        self,
        store: CaseStore,
        destination: Destination,
        told: set[Key],
        route: Route,
        opened: Callable[[], None],
        learn: Learn,
        arm: Callable[[Awaited], None],
        clock: Clock,
        settles: float = SETTLES,
    ) -> None:
        self._settles = settles
        self._store = store
        self._destination = destination
        self._told = told
        self._route = route
        self._opened = opened
        self._learn = learn
        self._arm = arm
        self._clock = clock
        self._waiting: dict[Key, Awaited] = {}
        self._not_before: dict[Key, float] = {}
        self._gaps: set[Key] = set()
        self._kept: dict[Key, Hindrance] = {}
        self._asked_in_vain: dict[Key, int] = {}
        self._looks_in_vain = 0
        self._ask_again_at = 0.0
        self._asking_since: float | None = None
        self._in_turn = 0
        self._asking = asyncio.Semaphore(_ASKED_AT_ONCE)
        self._closing = asyncio.Semaphore(_CLOSED_AT_ONCE)
        self._closings: set[asyncio.Task[None]] = set()
        self._fault_told_at = -math.inf
        self._wake = asyncio.Event()
        self.watermark: Timestamp | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, key: Key) -> bool:
        return key in self._waiting

    def take(self, awaited: Awaited) -> None:
        """A deadline that has passed: the destination is to be covered past it."""
        self._waiting[awaited.transfer_id, awaited.leg] = awaited
        self._destination.look(awaited.due_at)
        self._wake.set()

    def drop(self, key: Key) -> None:
        """It need not be judged any more."""
        self._waiting.pop(key, None)
        self._not_before.pop(key, None)
        self._asked_in_vain.pop(key, None)
        self._kept.pop(key, None)
        self._gaps.discard(key)

    def covered(self, watermark: Timestamp) -> None:
        """The destination is covered up to there."""
        self.watermark = watermark
        if self._waiting:
            self._wake.set()

    @property
    def hindered(self) -> bool:
        """Whether a leg was to be judged and could not be."""
        return bool(self._kept)

    def hindrance(self, first_due: Timestamp) -> Hindrance:
        """What keeps legs from being judged, the first of which was due then."""
        watermark = self.watermark
        return hindrance(
            # What is missing may concern a single leg; what nobody answers concerns all.
            min(self._kept.values(), key=lambda kept: kept.obstacle is Obstacle.EVENT_MISSING, default=None),
            first_due,
            watermark,
            self._clock.now().timestamp(),
            reads_history=watermark is not None and self._destination.reads_history(watermark),
            asked_for=None if self._asking_since is None else self._clock.monotonic() - self._asking_since,
            in_turn=self._in_turn,
            trouble=self._destination.trouble,
        )

    async def run(self) -> NoReturn:
        """Judge until cancelled."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._judge_ready()
        finally:
            for closing in self._closings:
                closing.cancel()

    async def _judge_ready(self) -> None:
        ready = self._ready()
        in_vain = self._looks_in_vain
        if in_vain:
            if self._clock.monotonic() < self._ask_again_at:
                return
            # Another one each time: it may be just this leg about which nobody answers.
            ready = sorted(ready, key=self._tried)[:1]
        try:
            for start in range(0, len(ready), _JUDGED_AT_ONCE):
                self._in_turn = len(ready) - start
                await self._judge(ready[start : start + _JUDGED_AT_ONCE])
                if self._looks_in_vain > in_vain:
                    return
        finally:
            self._in_turn = 0
        if in_vain and ready:
            # There is an answer again, or that leg needed none: on with the others.
            self._wake.set()

    def _tried(self, awaited: Awaited) -> int:
        return self._asked_in_vain.get((awaited.transfer_id, awaited.leg), 0)

    def _ready(self) -> list[Awaited]:
        watermark = self.watermark or Timestamp(0)
        if self._destination.reads_history(watermark):
            # Judged when it has caught up: what is late now is then told at once, and nothing of what was.
            return []
        now = self._clock.monotonic()
        ready = [
            awaited
            for key, awaited in self._waiting.items()
            if awaited.due_at < watermark and self._not_before.get(key, now) <= now
        ]
        return sorted(ready, key=lambda awaited: awaited.due_at)

    async def _judge(self, part: Sequence[Awaited]) -> None:
        try:
            await self._settle(part)
        except StoreUnavailable:
            # Nothing is wrong with these deadlines: they are judged as soon as the database works again.
            for awaited in part:
                self._later((awaited.transfer_id, awaited.leg), _ASK_AGAIN)
        except Exception:  # noqa: BLE001 - logged as all such are
            if len(part) > 1:
                # One that cannot be judged must not keep the others from it.
                for awaited in part:
                    await self._judge([awaited])
                return
            self._failed((part[0].transfer_id, part[0].leg))

    def _failed(self, key: Key) -> None:
        """Called within an exception's handler."""
        now = self._clock.monotonic()
        # Thousands may fail in the same way: one traceback a minute says it.
        told = now - self._fault_told_at < _LOOK_AGAIN
        self._fault_told_at = self._fault_told_at if told else now
        log.error("deadline.not_judged", transfer=f"0x{key[0].hex()}", leg=key[1].value, exc_info=not told)
        self._keep(key, Obstacle.FAULT, "an error in this program; see its log")
        self._later(key, _LOOK_AGAIN)

    def _keep(self, key: Key, obstacle: Obstacle, words: str) -> None:
        if key in self._waiting:
            self._kept[key] = Hindrance(obstacle, words)

    async def _settle(self, part: Iterable[Awaited]) -> None:
        """Judge these deadlines, and do what the verdicts say."""
        cases = await self._cases(part)
        await self._ask_about([case for case in cases if case.verdict() is Verdict.NOT_ASKED])
        absent: list[_Case] = []
        for case in cases:
            match case.verdict():
                case Verdict.WITHDRAWN | Verdict.ARRIVED:
                    self.drop(case.key)
                case Verdict.NOT_COVERED:
                    self._await_again(case)
                case Verdict.NOT_ASKED:
                    self._ask_later(case.key)
                case Verdict.GAP:
                    self._begin_closing(case)
                case Verdict.ABSENT:
                    absent.append(case)
        await self._accuse(await self._unsettled(absent))

    async def _cases(self, part: Iterable[Awaited]) -> list[_Case]:
        due = list(part)
        watched = await self._store.watched({awaited.transfer_id for awaited in due})
        return [_Case(awaited, watched.get(awaited.transfer_id), self.watermark) for awaited in due]

    async def _ask_about(self, cases: Sequence[_Case]) -> None:
        self._asking_since = self._clock.monotonic() if cases else None
        try:
            await asyncio.gather(*map(self._ask, cases))
        finally:
            self._asking_since = None
        answered = [case.key for case in cases if case.answer is not None]
        for key in answered:
            self._asked_in_vain.pop(key, None)
            self._kept.pop(key, None)
        if answered:
            self._looks_in_vain = 0
        elif cases:
            self._looks_in_vain += 1
            self._ask_again_at = self._clock.monotonic() + _pause_after(self._looks_in_vain)

    def _ask_later(self, key: Key) -> None:
        tried = self._asked_in_vain[key] = self._asked_in_vain.get(key, 0) + 1
        reason = self._destination.unanswered or "no endpoint answers"
        self._keep(key, Obstacle.NOT_ANSWERED, f"transferStatus is not answered: {reason}")
        # At the earliest when somebody is to be asked about any leg again; where others are answered for, soon.
        self._later(key, _pause_after(max(1, self._looks_in_vain, tried // 4)))

    async def _ask(self, case: _Case) -> None:
        async with self._asking:
            case.answer = await self._destination.transfer_status(case.awaited.transfer_id)

    async def _unsettled(self, absent: Sequence[_Case]) -> list[_Case]:
        """Those of them whose alert has not ended a moment ago; the others are looked at again when it has settled."""
        now = self._clock.now()
        lately = await self._store.resolved_since(
            [case.alert_id for case in absent], now - timedelta(seconds=self._settles)
        )
        # What ended in the future did so before the clock was set back: nothing waits for that.
        ended = {alert_id: at for alert_id, at in lately.items() if at <= now}
        for case in absent:
            if case.alert_id in ended:
                self._later(case.key, self._settles - (now - ended[case.alert_id]).total_seconds() + _MOMENT)
        return [case for case in absent if case.alert_id not in ended]

    async def _accuse(self, cases: Sequence[_Case]) -> None:
        if not cases:
            return
        await asyncio.gather(*map(self._learn_about, cases))
        at = self._clock.now()
        accused = [(case.awaited.transfer_id, partial(case.accusation, at)) for case in cases]
        opened = await self._store.open_overdue(accused, self._route)
        for case in cases:
            if case.key in self._waiting:
                self.drop(case.key)
                self._told.add(case.key)
        for alert in opened:
            late_by = round(at.timestamp() - int(alert.details["due_at"]), 3)
            log.warning("alert.opened", alert=alert.id, late_by=late_by)
        if opened:
            self._opened()

    async def _learn_about(self, case: _Case) -> None:
        # So that the alert can say how much of what, and why; what is not known in time never keeps it.
        if case.watched is None:
            return
        try:
            async with asyncio.timeout(_LEARNS_WITHIN):
                case.causes = await self._learn(case.watched.transfer, case.awaited.leg)
        except Exception:
            log.exception("alert.nothing_learned", alert=case.alert_id)

    def _begin_closing(self, case: _Case) -> None:
        """Have the missing event looked for, which may take long, beside the judging of the others."""
        self._not_before[case.key] = math.inf
        self._keep(case.key, Obstacle.EVENT_MISSING, f"{_GAP}, and its event is still being looked for")
        closing = asyncio.create_task(self._close(case), name="a gap is closed")
        self._closings.add(closing)
        closing.add_done_callback(self._closings.discard)

    async def _close(self, case: _Case) -> None:
        try:
            async with self._closing:
                await self._close_gap(case)
        except Exception:  # noqa: BLE001 - logged as all such are
            self._failed(case.key)

    async def _close_gap(self, case: _Case) -> None:
        awaited = case.awaited
        about = {
            "transfer": f"0x{awaited.transfer_id.hex()}",
            "leg": awaited.leg.value,
            "chain": self._destination.name,
        }
        log.warning("gap.found", **about)
        since = case.watched.transfer.started_at if case.watched else awaited.due_at
        found = await self._destination.fetch_events(awaited.transfer_id, Timestamp(since - _CLOCK_SKEW))
        if not found:
            log.error("gap.not_closed", asked=found is not None, **about)
        self._keep(case.key, Obstacle.EVENT_MISSING, f"{_GAP}, and {self._why_missing(found)}")
        # What is found and leaves the gap as it was, a delivery of something else for one, is not fetched all the time.
        self._later(case.key, _ASK_AGAIN if found and case.key not in self._gaps else _LOOK_AGAIN)
        self._gaps.add(case.key)

    def _why_missing(self, found: bool | None) -> str:
        if found is None:
            return self._destination.unanswered or "no endpoint answers"
        return "what endpoints show of it is not that event" if found else "no endpoint shows the event"

    def _await_again(self, case: _Case) -> None:
        """The deadline is another now (a reorg moved XCalled), or the chain is not there yet."""
        awaited, watched = case.awaited, case.watched
        due_at = watched.due.of(awaited.leg) if watched and watched.due else awaited.due_at
        if due_at != awaited.due_at:
            self.drop(case.key)
            self._arm(Awaited(awaited.transfer_id, awaited.leg, due_at, awaited.destination))

    def _later(self, key: Key, seconds: float) -> None:
        if key not in self._waiting:
            return
        self._not_before[key] = self._clock.monotonic() + seconds
        asyncio.get_running_loop().call_later(seconds, self._wake.set)


def _pause_after(looks: int) -> float:
    """Seconds to the next question after so many in a row that nobody answered."""
    return float(min(_LONGEST_ASK_AGAIN, _ASK_AGAIN * 2.0 ** min(looks - 1, 10)))
