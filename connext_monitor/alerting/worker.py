"""One provider's worker: sends what is stored for its channel, at least once, in order, at the channel's own pace."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple

import structlog

from connext_monitor.alerting.channel_health import ChannelHealth
from connext_monitor.alerting.elapsed_time import ElapsedTime
from connext_monitor.alerting.notice import Provider
from connext_monitor.alerting.outgoing_message import Idle, MessageQueue, OutgoingMessage
from connext_monitor.alerting.store_retry import origin_of, retry_store
from connext_monitor.clock import Clock
from connext_monitor.core.delivery import ChannelDead, FailureCause, Outcome, Refused, Sent, TryLater, with_retry_after
from connext_monitor.core.holds import Held, Holds, Lane

_SEND_GRACE, _RECORD_GRACE = 2.0, 1.0
"""Seconds that a send under way, and the record of it, are waited for when the program is stopped."""
_CUT_OFF_AFTER = 2.0
"""Seconds that an edit, or a report, may take before it gives way to what is new: it can be repeated."""
_NAP = 1.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Rests:
    """How long a worker sleeps, in seconds.

    - ``look``: without a wake-up, which is a hint: the store is the truth, and is read this often;
    - ``nap``: before the time of day is read again, which may have jumped, where something waits for an instant.
    """

    look: float = 60.0
    nap: float = 1.0


USUAL = Rests()

OnOutcome = Callable[[str, Outcome], None]
"""Called with the provider's name and how an attempt ended; must not block and must not raise."""


@dataclass(frozen=True, slots=True)
class SendFence:
    """Who may send at all: always and only this program, or while it owns the work.

    What is begun while ``is_open`` says so has to end within so many seconds.
    """

    is_open: Callable[[], bool] = lambda: True
    within: float | None = None


OPEN = SendFence()


class _ClockReading(NamedTuple):
    """One instant by both clocks: elapsed seconds, which are never set back, and the time of day (Unix seconds)."""

    elapsed: float
    time_of_day: float


class Worker:
    """Sends one provider what its ``queues`` hold, the first queue's messages first."""

    def __init__(
        self,
        provider: Provider,
        queues: Sequence[MessageQueue],
        channel: ChannelHealth,
        clock: Clock,
        jitter: Callable[[], float],
        on_outcome: OnOutcome | None = None,
        rests: Rests = USUAL,
        fence: SendFence = OPEN,
    ) -> None:
        self.provider = provider
        self.woken = asyncio.Event()
        self._queues = queues
        self._channel = channel
        self._clock = clock
        self._jitter = jitter
        self._on_outcome = on_outcome
        self._rests = rests
        self._fence = fence
        self._dead = False
        self._holds = Holds()
        self._elapsed = ElapsedTime(clock)

    @property
    def _log(self) -> structlog.typing.FilteringBoundLogger:
        # Bound anew each time: a logger that is bound before logging is configured never hears of it.
        bound: structlog.typing.FilteringBoundLogger = log.bind(provider=self.provider.name)
        return bound

    async def run(self) -> None:
        """Send until cancelled or until the channel is dead."""
        while not self._dead:
            message = await self._next_due()
            if not self._fence.is_open():
                await asyncio.sleep(_NAP)
                continue
            sending = asyncio.create_task(self._send(message))
            recording = asyncio.create_task(self._record_outcome(message, sending))
            try:
                await asyncio.shield(recording)
            except asyncio.CancelledError:
                await _finish(sending, recording)
                raise

    async def _next_due(self) -> OutgoingMessage:
        """Wait for the next message and its time. Read again after each wait: the alert may have changed since."""
        while True:
            self.woken.clear()
            instants: list[float] = []
            # Instants are of the time of day from which they were reckoned: it may be set while a queue is read.
            reckoned_at = self._read_clocks()
            for queue in self._queues:
                message = await self._ask(queue)
                if not isinstance(message, Idle):
                    return message
                if message.until is not None:
                    instants.append(message.until)
            looked_at = self._clock.monotonic()
            await self._wait_for_work(min(instants, default=None), reckoned_at)
            pause = max(queue.pause for queue in self._queues)
            await asyncio.sleep(max(0.0, looked_at + pause - self._clock.monotonic()))

    async def _ask(self, queue: MessageQueue) -> OutgoingMessage | Idle:
        return await retry_store(lambda: queue.next(self._held()), self.provider.name)

    async def _wait_for_work(self, until: float | None, reckoned_at: _ClockReading) -> None:
        """Until woken or until that instant (Unix seconds), and no longer than a wake-up may be missing."""
        wait = self._rests.look if until is None else until - reckoned_at.time_of_day
        longest_nap = self._rests.look if until is None else self._rests.nap
        end = reckoned_at.elapsed + min(wait, self._rests.look)
        while not self.woken.is_set():
            nap = min(end - self._elapsed.read(), longest_nap)
            if nap <= 0:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(nap):
                    await self.woken.wait()

    def _read_clocks(self) -> _ClockReading:
        return _ClockReading(self._elapsed.read(), self._clock.now().timestamp())

    def _held(self) -> Held:
        return self._holds.at(*self._read_clocks())

    async def _send(self, message: OutgoingMessage) -> Outcome:
        limit = asyncio.timeout(self._fence.within)
        try:
            async with limit:
                return await message.send()
        except TimeoutError as error:
            if not limit.expired():
                return self._fault(message, error)
            return TryLater(f"did not answer within {self._fence.within or 0:g} s", cause=FailureCause.TIMED_OUT)
        except Exception as error:  # noqa: BLE001 - a bug in one channel's code must not stop the others
            return self._fault(message, error)

    def _fault(self, message: OutgoingMessage, error: Exception) -> Outcome:
        self._log.error("alert.fault", **message.about, error=type(error).__name__, raised_at=origin_of(error))
        return TryLater(f"connext-monitor itself failed on it ({type(error).__name__})", cause=FailureCause.FAULT)

    async def _outcome(self, message: OutgoingMessage, sending: "asyncio.Task[Outcome]") -> Outcome:
        """How the send ended. A slow edit or report is cut off once something new is due."""
        if message.attempt.lane is Lane.EDITS:
            await asyncio.wait({sending}, timeout=_CUT_OFF_AFTER)
            while not sending.done():
                if await self._has_news():
                    sending.cancel()
                    await asyncio.wait({sending})
                    if sending.cancelled():
                        return TryLater("gave way to something new", cause=FailureCause.RATE_LIMITED)
                await asyncio.wait({sending}, timeout=_NAP)
        return await sending

    async def _has_news(self) -> bool:
        for queue in self._queues:
            if await retry_store(partial(queue.has_news, self._held()), self.provider.name):
                return True
        return False

    async def _record_outcome(self, message: OutgoingMessage, sending: "asyncio.Task[Outcome]") -> None:
        outcome = await self._outcome(message, sending)
        if self._on_outcome is not None:
            self._on_outcome(self.provider.name, outcome)
        for queue in self._queues:
            queue.settled(outcome)
        now = self._clock.now()
        match outcome:
            case Sent(reference):
                await self._record_sent(message, reference, now)
            case TryLater():
                await self._record_failure(message, outcome, now)
            case Refused(reason):
                wait = self._holds.refused(message.attempt, reason, self._elapsed.read(), self._jitter())
                await self._postpone(message, "alert.refused", reason, wait, now)
                await self._channel.fails(reason, now)
            case ChannelDead(reason):
                self._dead = True
                cure = "correct its address or key and restart; its alerts wait in the database until then"
                self._log.error("channel.dead", **message.about, reason=reason, cure=cure)
                await self._channel.is_dead(reason, now)

    async def _record_sent(self, message: OutgoingMessage, reference: str | None, now: datetime) -> None:
        await retry_store(lambda: message.sent(reference, now), self.provider.name)
        self._holds.taken(message.attempt)
        self._log.info("alert.sent", **message.about, attempt=message.attempt.attempts + 1)
        await self._channel.works(now, self._holds.not_taken)

    async def _record_failure(self, message: OutgoingMessage, outcome: TryLater, now: datetime) -> None:
        reason = with_retry_after(outcome.reason, outcome.after, now)
        wait = self._holds.failed(message.attempt, outcome, self._elapsed.read(), self._jitter())
        await self._postpone(message, "alert.postponed", reason, wait, now)
        # An edit refused for coming too soon does not mean that an alert has failed to arrive.
        if message.attempt.lane is Lane.NEWS or outcome.cause is not FailureCause.RATE_LIMITED:
            await self._channel.fails(reason, now)

    async def _postpone(self, message: OutgoingMessage, event: str, reason: str, wait: float, now: datetime) -> None:
        attempts, next_attempt_at = message.attempt.attempts + 1, now.timestamp() + wait
        await retry_store(lambda: message.postponed(attempts, next_attempt_at, reason), self.provider.name)
        self._log.warning(event, **message.about, reason=reason, attempt=attempts, next_in=round(wait, 1))


async def _finish(sending: "asyncio.Task[Outcome]", recording: "asyncio.Task[None]") -> None:
    """Let a send under way come to its end, within its grace; what a channel took is recorded even then."""
    await asyncio.wait({sending}, timeout=_SEND_GRACE)
    sending.cancel()
    await asyncio.wait({recording}, timeout=_RECORD_GRACE)
    recording.cancel()
    await asyncio.wait({recording})
