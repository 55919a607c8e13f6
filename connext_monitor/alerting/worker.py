"""One provider's worker: brings what stands in the store to its channel, at least once, in order, at its own pace."""

import asyncio
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from math import inf
from operator import itemgetter
from pathlib import Path
from typing import Protocol, TypeVar

import structlog

from connext_monitor.alerting.notice import Provider, takes_reports
from connext_monitor.alerting.outgoing_message import GroupStore, OutgoingAlert, OutgoingMessage
from connext_monitor.alerting.outgoing_report import OutgoingReport, ReportDelivery, report_key
from connext_monitor.clock import Clock
from connext_monitor.core.database_trouble import StoreUnavailable
from connext_monitor.core.delivery import (
    ChannelDead,
    ChannelState,
    FailureCause,
    Outcome,
    QueuedDelivery,
    Refused,
    Sent,
    TryLater,
    with_wait_asked,
)
from connext_monitor.core.holds import Held, Holds, Lane, in_turn, independent
from connext_monitor.core.labels import ChainLabels

SEND_GRACE = 2.0
RECORD_GRACE = 1.0
# How long an edit, or a report, may take before it gives way to what is new: it can be repeated.
_GIVES_WAY_AFTER = 2.0
# A wake-up is a hint; the store is the truth and is looked at this often without one.
_LOOK_EVERY = 60.0
# How long to sleep at most before the time of day is looked at again: it may have jumped, or the machine slept.
_NAP = 1.0
_LONGEST_STORE_WAIT = 60.0
_STORE_UNAVAILABLE_WAIT = 2.0
# How many deliveries are read at once where each is told by itself, and for how many seconds they are believed.
_AHEAD, _AHEAD_FOR = 50, 2.0

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


class Elapsed:
    """Time that passes with the clock that is never set, or with the time of day where that went further, as in sleep.

    Goes back with neither.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen = (clock.monotonic(), clock.now().timestamp())
        self._seconds = 0.0

    def read(self) -> float:
        """Seconds since it was made."""
        seen = (self._clock.monotonic(), self._clock.now().timestamp())
        self._seconds += max(0.0, *(after - before for after, before in zip(seen, self._seen, strict=True)))
        self._seen = seen
        return self._seconds


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
        reports: ReportDelivery | None = None,
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
        self._told: tuple[ChannelState, str | None, datetime] | None = None
        self._dead = False
        self._ahead: deque[QueuedDelivery] = deque()
        self._read_at = 0.0
        self._holds = Holds()
        self._elapsed = Elapsed(clock)

    @property
    def _log(self) -> structlog.typing.FilteringBoundLogger:
        # Bound anew each time: a logger that is bound before logging is configured never hears of it.
        bound: structlog.typing.FilteringBoundLogger = log.bind(provider=self.provider.name)
        return bound

    async def run(self) -> None:
        """Deliver until cancelled or until the channel is dead."""
        while not self._dead:
            message = await self._next_due()
            sending = asyncio.create_task(self._send(message))
            giving_way = asyncio.create_task(self._give_way(message, sending))
            recording = asyncio.create_task(self._record_result(message, sending, giving_way))
            try:
                await asyncio.shield(recording)
            except asyncio.CancelledError:
                giving_way.cancel()
                await _finish(sending, recording)
                raise

    async def _give_way(self, message: OutgoingMessage, sending: "asyncio.Task[Outcome]") -> bool:
        """Cut an edit short that is slow, once something new is to be told; whether it was."""
        if message.attempt.lane is not Lane.EDITS:
            return False
        await asyncio.wait({sending}, timeout=_GIVES_WAY_AFTER)
        while not sending.done():
            if await self._insist(self._has_news):
                return sending.cancel()
            await asyncio.wait({sending}, timeout=_NAP)
        return False

    async def _has_news(self) -> bool:
        """Whether something new is due."""
        queued = await self._store.next_deliveries(self.provider.name, 1)
        now = self._clock.now().timestamp()
        return any(at <= now for at, _ in in_turn(queued, self._held()))

    async def _next_due(self) -> OutgoingMessage:
        """Wait for the next delivery and its time. Read again after each wait: the alert may have changed since."""
        while True:
            self.woken.clear()
            not_before, delivery = await self._next_delivery()
            left = not_before - self._clock.now().timestamp()
            if delivery is not None and left <= 0:
                return self._alone(delivery)
            self._ahead.clear()
            if (report := await self._report_or_wait(left if delivery is not None else None)) is not None:
                return report

    async def _report_or_wait(self, left: float | None) -> OutgoingMessage | None:
        """The report that is to be told now; else it has been waited: until woken, or until something may be due.

        Asked for only where there is no alert to tell for the next ``left`` seconds.
        """
        desk, provider = self._reports, self.provider
        if desk is not None and takes_reports(provider):
            queued = await self._insist(lambda: desk.store.next_report(provider.name))
            if queued is not None:
                now = self._clock.now().timestamp()
                held = self._held().until(report_key(queued), Lane.EDITS) - now
                if held <= 0:
                    return OutgoingReport(queued, provider, desk, self._labels)
                left = min(inf if left is None else left, held)
        await self._wait_for_work(left)
        return None

    async def _next_delivery(self) -> tuple[float, QueuedDelivery | None]:
        """The next one, and the time from which on it may be tried (Unix seconds).

        Some that follow are read with it: that stays true for a moment, as long as nothing fails.
        """
        now = self._clock.monotonic()
        if not self._ahead or now - self._read_at > _AHEAD_FOR:
            self._read_at = now
            queued = await self._insist(lambda: self._store.next_deliveries(self.provider.name, _AHEAD))
            timed = in_turn(independent(queued), self._held(), await self._newest_critical())
            due = [one for at, one in timed if at <= self._clock.now().timestamp()]
            self._ahead = deque(due)
            if timed and not due:
                return min(timed, key=itemgetter(0))
        return (-inf, self._ahead[0]) if self._ahead else (inf, None)

    async def _newest_critical(self) -> float:
        """When the last critical alert came that has not been tried; asked only while it may end a hold."""
        if self._held().news_until <= self._clock.now().timestamp():
            return -inf
        came_at = await self._insist(lambda: self._store.newest_critical(self.provider.name))
        return -inf if came_at is None else came_at.timestamp()

    def _alone(self, delivery: QueuedDelivery) -> OutgoingMessage:
        return OutgoingAlert(delivery, self.provider, self._store, self._labels)

    def _held(self) -> Held:
        return self._holds.at(self._elapsed.read(), self._clock.now().timestamp())

    async def _wait_for_work(self, left: float | None) -> None:
        """Until woken, or for so many seconds, and for as long as a wake-up may be missing at most."""
        end = self._elapsed.read() + (_LOOK_EVERY if left is None else min(left, _LOOK_EVERY))
        while not self.woken.is_set():
            nap = min(end - self._elapsed.read(), _NAP)
            if nap <= 0:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(nap):
                    await self.woken.wait()

    async def _send(self, message: OutgoingMessage) -> Outcome:
        try:
            return await message.send()
        except Exception as error:  # noqa: BLE001 - a bug in one channel's code must not stop the others
            self._log.error("alert.fault", **message.about, error=type(error).__name__, at=_where(error))
            return TryLater(f"connext-monitor itself failed on it ({type(error).__name__})", cause=FailureCause.FAULT)

    async def _record_result(
        self, message: OutgoingMessage, sending: "asyncio.Task[Outcome]", giving_way: "asyncio.Task[bool]"
    ) -> None:
        await asyncio.wait({sending})
        if sending.cancelled() and giving_way.done() and not giving_way.cancelled() and giving_way.result():
            outcome: Outcome = TryLater("gave way to what is new", cause=FailureCause.RATE_LIMITED)
        else:
            giving_way.cancel()
            outcome = await sending
        if self._on_outcome is not None:
            self._on_outcome(self.provider.name, outcome)
        if self._ahead and isinstance(outcome, Sent):
            self._ahead.popleft()
        else:
            self._ahead.clear()
        now, attempt = self._clock.now(), message.attempt
        match outcome:
            case Sent(reference):
                await self._insist(lambda: message.sent(reference, now))
                self._holds.taken(attempt)
                self._log.info("alert.sent", **message.about, attempt=attempt.attempts + 1)
                await self._took(now)
            case TryLater(reason, after, cause):
                said = with_wait_asked(reason, after, now)
                wait = self._holds.failed(attempt, outcome, self._elapsed.read(), self._jitter())
                await self._postpone(message, "alert.postponed", said, wait, now)
                # An edit refused for coming too soon does not mean that an alert has failed to arrive.
                if attempt.lane is Lane.NEWS or cause is not FailureCause.RATE_LIMITED:
                    await self._channel(ChannelState.FAILING, said, now)
            case Refused(reason):
                wait = self._holds.refused(attempt, reason, self._elapsed.read(), self._jitter())
                await self._postpone(message, "alert.refused", reason, wait, now)
                await self._channel(ChannelState.FAILING, reason, now)
            case ChannelDead(reason):
                self._dead = True
                cure = "correct its address or key and restart; its alerts wait in the database until then"
                self._log.error("channel.dead", **message.about, reason=reason, cure=cure)
                await self._channel(ChannelState.DEAD, reason, now)

    async def _postpone(self, message: OutgoingMessage, event: str, reason: str, wait: float, now: datetime) -> None:
        attempts = message.attempt.attempts + 1
        await self._insist(lambda: message.postponed(attempts, now.timestamp() + wait, reason))
        self._log.warning(event, **message.about, reason=reason, attempt=attempts, next_in=round(wait, 1))

    async def _took(self, at: datetime) -> None:
        """The channel works, as far as it does."""
        not_taken = self._holds.not_taken
        await self._channel(ChannelState.OK if not_taken is None else ChannelState.FAILING, not_taken, at)

    async def _channel(self, state: ChannelState, reason: str | None, at: datetime) -> None:
        if reason is None:
            self._health.took(self.provider.name)
        else:
            self._health.failed(self.provider.name, reason, dead=state is ChannelState.DEAD)
        if self._told is None or (state, reason) != self._told[:2]:
            since = self._told[2] if self._told is not None and self._told[0] is state else at
            await self._insist(lambda: self._store.channel_state(self.provider.name, state, reason, since))
            self._told = (state, reason, since)

    async def _insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the store until it answers: going on without the record of a send would send again and again."""
        wait = 0.1
        while True:
            try:
                return await ask()
            except StoreUnavailable:
                # A full disk is mended while the monitor runs.
                wait = min(wait, _STORE_UNAVAILABLE_WAIT)
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not be forgotten what was sent
                self._log.error("alert.store_failed", error=error, at=_where(error), next_in=wait)
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_STORE_WAIT)


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
