"""One provider's worker: brings what stands in the store to its channel, at least once, in order, at its own pace."""

import asyncio
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Protocol, TypeVar

import structlog

from connext_monitor.alerting.errand import AlertErrand, Errand, GroupStore
from connext_monitor.alerting.notice import Provider
from connext_monitor.alerting.report_errand import ReportDesk, ReportErrand
from connext_monitor.clock import Clock
from connext_monitor.core.delivery import (
    LONGEST_ASKED,
    Cause,
    ChannelDead,
    ChannelState,
    Outcome,
    QueuedDelivery,
    Refused,
    Sent,
    TryLater,
    wait_before,
)
from connext_monitor.core.labels import ChainLabels

SEND_GRACE = 2.0
RECORD_GRACE = 2.0
# A wake-up is a hint; the store is the truth and is looked at this often without one.
_LOOK_EVERY = 60.0
# How long to sleep at most before the time of day is looked at again: it may have jumped, or the machine slept.
_NAP = 1.0
_LONGEST_STORE_WAIT = 60.0
# How many deliveries are read at once where each is told by itself, and for how many seconds they are believed.
_AHEAD, _AHEAD_FOR = 50, 2.0
# A delivery that our own code fails to write so often will never be written; the ones behind it may be.
_FAULTS_FORGIVEN = 5

log = structlog.get_logger()

T = TypeVar("T")


OnOutcome = Callable[[str, Outcome], None]
"""Called with the provider's name and how a try ended; must not block and must not raise."""


class ProviderHealth(Protocol):
    """Who hears how each channel answers."""

    def took(self, provider: str, /) -> None:
        """It took a message."""
        ...

    def failed(self, provider: str, reason: str, /, *, dead: bool) -> None:
        """It did not take one, and never will where it is ``dead``."""
        ...


class Worker:
    """Tells one provider each alert by itself, in the order of the deliveries' ids."""

    def __init__(
        self,
        store: GroupStore,
        provider: Provider,
        labels: ChainLabels,
        health: ProviderHealth,
        clock: Clock,
        jitter: Callable[[], float],
        on_outcome: OnOutcome | None = None,
        reports: ReportDesk | None = None,
    ) -> None:
        self.provider = provider
        self.woken = asyncio.Event()
        self._store = store
        self._labels = labels
        self._health = health
        self._clock = clock
        self._jitter = jitter
        self._on_outcome = on_outcome
        self._reports = reports
        self._state: ChannelState | None = None
        self._faults = ("", 0)  # an errand's key, and how often our own code failed on it
        self._ahead: deque[QueuedDelivery] = deque()
        self._read_at = 0.0
        self._retry_at: float | None = None  # on the clock that is never set

    @property
    def _log(self) -> structlog.typing.FilteringBoundLogger:
        # Bound anew each time: a logger that is bound before logging is configured never hears of it.
        bound: structlog.typing.FilteringBoundLogger = log.bind(provider=self.provider.name)
        return bound

    async def run(self) -> None:
        """Deliver until cancelled or until the channel is dead."""
        while self._state is not ChannelState.DEAD:
            errand = await self._next_due()
            sending = asyncio.create_task(self._send(errand))
            recording = asyncio.create_task(self._record_result(errand, sending))
            try:
                await asyncio.shield(recording)
            except asyncio.CancelledError:
                await _finish(sending, recording)
                raise

    async def _next_due(self) -> Errand:
        """Wait for the next delivery and its time. Read again after each wait: the alert may have changed since."""
        while True:
            self.woken.clear()
            delivery = await self._next_delivery()
            if delivery is None:
                if (report := await self._report_or_wait(None)) is not None:
                    return report
            elif self._retry_is_due() or delivery.next_attempt_at <= self._clock.now().timestamp():
                return self._alone(delivery)
            else:
                await self._wait_until(delivery.next_attempt_at)
                self._ahead.clear()

    async def _report_or_wait(self, until: float | None) -> Errand | None:
        """The report that is to be told now; else it has been waited: until woken, or until something may be due.

        Asked for only where there is no alert to tell before that time of day (Unix seconds).
        """
        desk, queued = self._reports, None
        if desk is not None:
            queued = await self._insist(lambda: desk.store.next_report(self.provider.name))
        if desk is not None and queued is not None:
            if self._retry_is_due() or queued.next_attempt_at <= self._clock.now().timestamp():
                return ReportErrand(queued, self.provider, desk, self._labels)
            until = min(until or inf, queued.next_attempt_at)
        await self._wait_for_work(until)
        return None

    async def _next_delivery(self) -> QueuedDelivery | None:
        """The next one. Some that follow are read with it: that stays true for a moment, as long as nothing fails."""
        now = self._clock.monotonic()
        if not self._ahead or now - self._read_at > _AHEAD_FOR:
            self._read_at = now
            found = await self._insist(lambda: self._store.next_deliveries(self.provider.name, _AHEAD))
            self._ahead = deque(_independent(found))
        return self._ahead[0] if self._ahead else None

    def _alone(self, delivery: QueuedDelivery) -> Errand:
        return AlertErrand(delivery, self.provider, self._store, self._labels)

    def _retry_is_due(self) -> bool:
        """Whether the wait after a failed try is over, whatever the time of day has been set to."""
        return self._retry_at is not None and self._retry_at <= self._clock.monotonic()

    async def _wait_for_work(self, until: float | None) -> None:
        """Until woken, or until that time of day (Unix seconds)."""
        end = self._clock.monotonic() + _LOOK_EVERY
        while not self.woken.is_set():
            left = end - self._clock.monotonic()
            if until is not None:
                left = min(left, until - self._clock.now().timestamp(), _NAP)
            if self._retry_at is not None and not self._retry_is_due():
                left = min(left, self._retry_at - self._clock.monotonic())
            if left <= 0:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self.woken.wait()

    async def _wait_until(self, instant: float) -> None:
        """Until that time of day; never longer than the longest wait there is, whatever the clock is set to."""
        left = min(instant - self._clock.now().timestamp(), LONGEST_ASKED)
        if self._retry_at is None:
            self._retry_at = self._clock.monotonic() + left
        while left > 0:
            await asyncio.sleep(min(left, _NAP))
            left = min(instant - self._clock.now().timestamp(), self._retry_at - self._clock.monotonic())

    async def _send(self, errand: Errand) -> Outcome:
        self._retry_at = None
        try:
            return await errand.send()
        except Exception as error:  # noqa: BLE001 - a bug in one channel's code must not stop the others
            return self._fault(errand, error)

    def _fault(self, errand: Errand, error: Exception) -> Outcome:
        count = self._faults[1] + 1 if self._faults[0] == errand.key else 1
        self._faults = (errand.key, count)
        self._log.error("alert.fault", **errand.about, error=type(error).__name__, at=_where(error))
        reason = f"connext-monitor itself failed on it ({type(error).__name__})"
        return Refused(f"{reason}, {count} times") if count >= _FAULTS_FORGIVEN else TryLater(reason, cause=Cause.FAULT)

    async def _record_result(self, errand: Errand, sending: "asyncio.Task[Outcome]") -> None:
        outcome = await sending
        if self._on_outcome is not None:
            self._on_outcome(self.provider.name, outcome)
        done = isinstance(outcome, Sent | Refused)
        if self._ahead and done:
            self._ahead.popleft()
        elif not done:
            self._ahead.clear()
        said = self._log.bind(**errand.about)
        now = self._clock.now()
        match outcome:
            case Sent(reference):
                await self._insist(lambda: errand.sent(reference, now))
                said.info("alert.sent", attempt=errand.attempts + 1)
                await self._channel(ChannelState.OK, None, now)
            case TryLater(reason, after):
                wait = await self._postpone(errand, reason, after, now)
                said.warning("alert.postponed", reason=reason, attempt=errand.attempts + 1, next_in=round(wait, 1))
                await self._channel(ChannelState.FAILING, reason, now)
            case Refused(reason):
                await self._insist(lambda: errand.refused(reason, now))
                said.error("alert.refused", reason=reason)
                await self._channel(ChannelState.FAILING, reason, now)
            case ChannelDead(reason):
                cure = "correct its address or key and restart; its alerts wait in the database until then"
                said.error("channel.dead", reason=reason, cure=cure)
                await self._channel(ChannelState.DEAD, reason, now)

    async def _postpone(self, errand: Errand, reason: str, after: float | None, now: datetime) -> float:
        attempts = errand.attempts + 1
        wait = wait_before(attempts, after, self._jitter())
        until = now.timestamp() + wait
        await self._insist(lambda: errand.postponed(attempts, until, reason))
        self._retry_at = self._clock.monotonic() + wait
        return wait

    async def _channel(self, state: ChannelState, reason: str | None, at: datetime) -> None:
        if reason is None:
            self._health.took(self.provider.name)
        else:
            self._health.failed(self.provider.name, reason, dead=state is ChannelState.DEAD)
        if state is not self._state:
            await self._insist(lambda: self._store.channel_state(self.provider.name, state, reason, at))
            self._state = state

    async def _insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the store until it answers: going on without the record of a send would send again and again."""
        wait = 0.1
        while True:
            try:
                return await ask()
            except Exception as error:  # noqa: BLE001 - a full disk is mended while the monitor runs
                self._log.error("alert.store_failed", error=error, at=_where(error), next_in=wait)
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_STORE_WAIT)


def _independent(deliveries: Sequence[QueuedDelivery]) -> list[QueuedDelivery]:
    """Those before the second of any alert: what that changes is what the channel is yet to answer to the first."""
    found: dict[str, QueuedDelivery] = {}
    for delivery in deliveries:
        if delivery.alert.id in found:
            break
        found[delivery.alert.id] = delivery
    return list(found.values())


async def _finish(sending: "asyncio.Task[Outcome]", recording: "asyncio.Task[None]") -> None:
    """Let a send under way come to its end, within its grace; what a channel took is recorded even then."""
    await asyncio.wait({sending}, timeout=SEND_GRACE)
    sending.cancel()
    await asyncio.wait({recording}, timeout=RECORD_GRACE)
    recording.cancel()
    await asyncio.wait({recording})


def _where(error: BaseException) -> str:
    """The last places in the code that an error passed; its own text stays out, since it may hold a secret."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
