"""The alert manager: brings what stands in the store to the channels, at least once, in order, each at its own pace."""

import asyncio
import random
import traceback
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

import structlog

from connext_monitor.alerting.notice import Notice, Provider
from connext_monitor.clock import Clock
from connext_monitor.core.delivery import (
    LONGEST_ASKED,
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
from connext_monitor.core.message import compose

SEND_GRACE = 2.0
RECORD_GRACE = 2.0
# A wake-up is a hint; the store is the truth and is looked at this often without one.
_LOOK_EVERY = 60.0
# How long to sleep at most before the time of day is looked at again: it may have jumped, or the machine slept.
_NAP = 1.0
_LONGEST_STORE_WAIT = 60.0
# A delivery that our own code fails to write so often will never be written; the ones behind it may be.
_FAULTS_FORGIVEN = 5

log = structlog.get_logger()

T = TypeVar("T")


class DeliveryStore(Protocol):
    """Where deliveries stand. Every method that writes has committed when it returns."""

    async def next_delivery(self, provider: str) -> QueuedDelivery | None:
        """The pending delivery of the lowest id for this provider."""
        ...

    async def delivery_sent(self, delivery_id: int, reference: str | None, at: datetime) -> None:
        """The channel took it and calls it so."""
        ...

    async def delivery_postponed(self, delivery_id: int, attempts: int, next_attempt_at: float, reason: str) -> None:
        """It has failed so often and stays pending until then (Unix seconds)."""
        ...

    async def delivery_refused(self, delivery_id: int, reason: str, at: datetime) -> None:
        """The channel will never take it; it is not tried again."""
        ...

    async def channel_state(self, provider: str, state: ChannelState, reason: str | None, at: datetime) -> None:
        """The channel's health, written when it is first known and when it changes."""
        ...


class AlertManager:
    """One worker per provider, so that a slow or dead one delays no other."""

    def __init__(
        self,
        store: DeliveryStore,
        providers: Iterable[Provider],
        labels: ChainLabels,
        clock: Clock,
        rng: random.Random | None = None,
    ) -> None:
        jitter = (rng or random.Random()).random  # noqa: S311 - spreads retries, guards nothing
        self._workers = {p.name: _Worker(store, p, labels, clock, jitter) for p in providers}

    def wake(self, providers: Iterable[str] | None = None) -> None:
        """Look into the store at once for these providers, or for all; returns at once, from the loop's own thread."""
        for name in self._workers if providers is None else providers:
            if name in self._workers:
                self._workers[name].woken.set()

    async def run(self) -> None:
        """Deliver until cancelled, then give sends under way two seconds, and close the providers."""
        try:
            async with asyncio.TaskGroup() as group:
                for name, worker in self._workers.items():
                    group.create_task(worker.run(), name=f"alerts to {name}")
                # Dead channels end their workers; the manager goes on until it is told to stop.
                await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.gather(*(w.provider.aclose() for w in self._workers.values()), return_exceptions=True)


class _Worker:
    """Tells one provider everything in the order of the deliveries' ids."""

    def __init__(
        self,
        store: DeliveryStore,
        provider: Provider,
        labels: ChainLabels,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        self.provider = provider
        self.woken = asyncio.Event()
        self._store = store
        self._labels = labels
        self._clock = clock
        self._jitter = jitter
        self._state: ChannelState | None = None
        self._faults = (0, 0)  # a delivery's id, and how often our own code failed on it

    @property
    def _log(self) -> structlog.typing.FilteringBoundLogger:
        # Bound anew each time: a logger that is bound before logging is configured never hears of it.
        bound: structlog.typing.FilteringBoundLogger = log.bind(provider=self.provider.name)
        return bound

    async def run(self) -> None:
        """Deliver until cancelled or until the channel is dead."""
        while self._state is not ChannelState.DEAD:
            delivery = await self._next_due()
            sending = asyncio.create_task(self._send(delivery))
            recording = asyncio.create_task(self._record_result(delivery, sending))
            try:
                await asyncio.shield(recording)
            except asyncio.CancelledError:
                await _finish(sending, recording)
                raise

    async def _next_due(self) -> QueuedDelivery:
        """Wait for the next delivery and its time. Read again after each wait: the alert may have changed since."""
        waited_for: tuple[int, int] | None = None
        while True:
            self.woken.clear()
            delivery = await self._insist(lambda: self._store.next_delivery(self.provider.name))
            if delivery is None:
                await self._wait_for_work()
            elif self._is_due(delivery) or (delivery.id, delivery.attempts) == waited_for:
                return delivery
            else:
                await self._wait_until(delivery.next_attempt_at)
                waited_for = (delivery.id, delivery.attempts)

    def _is_due(self, delivery: QueuedDelivery) -> bool:
        return delivery.next_attempt_at <= self._clock.now().timestamp()

    async def _wait_for_work(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_EVERY):
                await self.woken.wait()
        except TimeoutError:
            return

    async def _wait_until(self, instant: float) -> None:
        """Until that time of day; never longer than the longest wait there is, whatever the clock is set to."""
        left = min(instant - self._clock.now().timestamp(), LONGEST_ASKED)
        end = self._clock.monotonic() + left
        while left > 0:
            await asyncio.sleep(min(left, _NAP))
            left = min(instant - self._clock.now().timestamp(), end - self._clock.monotonic())

    async def _send(self, delivery: QueuedDelivery) -> Outcome:
        try:
            return await self.provider.send(self._notice(delivery), delivery.reference)
        except Exception as error:  # noqa: BLE001 - a bug in one channel's code must not stop the others
            return self._fault(delivery, error)

    def _notice(self, delivery: QueuedDelivery) -> Notice:
        transfer = delivery.transfer.transfer if delivery.transfer else None
        return Notice(
            key=f"{delivery.id}:{delivery.change}:{delivery.alert.id}",
            change=delivery.change,
            alert=delivery.alert,
            message=compose(delivery.alert, transfer, self._labels),
            transfer=delivery.transfer,
            created_at=delivery.created_at,
        )

    def _fault(self, delivery: QueuedDelivery, error: Exception) -> Outcome:
        count = self._faults[1] + 1 if self._faults[0] == delivery.id else 1
        self._faults = (delivery.id, count)
        self._log.error("alert.fault", alert=delivery.alert.id, error=type(error).__name__, at=_where(error))
        reason = f"connext-monitor itself failed on it ({type(error).__name__})"
        return Refused(f"{reason}, {count} times") if count >= _FAULTS_FORGIVEN else TryLater(reason)

    async def _record_result(self, delivery: QueuedDelivery, sending: "asyncio.Task[Outcome]") -> None:
        outcome = await sending
        said = self._log.bind(alert=delivery.alert.id, change=delivery.change.value)
        now = self._clock.now()
        match outcome:
            case Sent(reference):
                await self._insist(lambda: self._store.delivery_sent(delivery.id, reference, now))
                said.info("alert.sent", attempt=delivery.attempts + 1)
                await self._channel(ChannelState.OK, None, now)
            case TryLater(reason, after):
                wait = await self._postpone(delivery, reason, after, now)
                said.warning("alert.postponed", reason=reason, attempt=delivery.attempts + 1, next_in=round(wait, 1))
                await self._channel(ChannelState.FAILING, reason, now)
            case Refused(reason):
                await self._insist(lambda: self._store.delivery_refused(delivery.id, reason, now))
                said.error("alert.refused", reason=reason)
                await self._channel(ChannelState.FAILING, reason, now)
            case ChannelDead(reason):
                cure = "correct its address or key and restart; its alerts wait in the database until then"
                said.error("channel.dead", reason=reason, cure=cure)
                await self._channel(ChannelState.DEAD, reason, now)

    async def _postpone(self, delivery: QueuedDelivery, reason: str, after: float | None, now: datetime) -> float:
        attempts = delivery.attempts + 1
        wait = wait_before(attempts, after, self._jitter())
        until = now.timestamp() + wait
        await self._insist(lambda: self._store.delivery_postponed(delivery.id, attempts, until, reason))
        return wait

    async def _channel(self, state: ChannelState, reason: str | None, at: datetime) -> None:
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
