"""Sends alerts without the store, about trouble with the store itself.

Each channel has a task of its own that sends straight through its provider. What was not sent when the process ends is
lost: there is nowhere to keep it, but for the names of the channels that are still to hear of an end (`unheard_by`).
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from math import inf

import structlog

from connext_monitor.alerting.notice import AlertNotice, Provider
from connext_monitor.clock import Clock
from connext_monitor.core.alerts.alert import Alert, AlertState, compose
from connext_monitor.core.alerts.effects import Route
from connext_monitor.core.delivery import Change, FailureCause, Outcome, Sent, TryLater
from connext_monitor.core.labels import ChainLabels

LONGEST_SEND = 200.0
"""Seconds, for a provider that does not end its send by itself, as it should."""
_FIRST_WAIT, _LONGEST_WAIT = 5.0, 300.0
_ATTEMPTS = 20
"""They take about an hour; trouble that lasts longer is announced again by then. An end is not, and has no last one."""

log = structlog.get_logger()


class Bulletin:
    """Sends alerts to the channels that ``route`` names: at once, and again until they are taken."""

    def __init__(
        self,
        providers: Iterable[Provider],
        route: Route,
        labels: ChainLabels,
        clock: Clock,
    ) -> None:
        self._channels = {provider.name: _Channel(provider) for provider in providers}
        self._route = route
        self._labels = labels
        self._clock = clock
        self._count = 0

    def announce(self, alert: Alert) -> None:
        """Send an alert as it is: open, still open, or resolved. Returns at once."""
        self._count += 1
        change = Change.RESOLVED if alert.state is AlertState.RESOLVED else Change.OPENED
        notice = AlertNotice(
            key=f"{alert.id}:{change}:{self._count}",
            thread=alert.id,
            change=change,
            alert=alert,
            message=compose(alert, None, self._labels),
            transfer=None,
            created_at=self._clock.now(),
        )
        names = self._route(alert) if change is Change.OPENED else self._channels
        for name in names:
            if name in self._channels:
                self._channels[name].put(notice)

    def recall(self, alert: Alert, only: Iterable[str] | None = None) -> None:
        """An earlier process sent this alert, so its end is sent too, as a message of its own; ``only`` to these."""
        for name in self._route(alert) if only is None else only:
            if name in self._channels:
                self._channels[name].recall()

    @property
    def idle(self) -> bool:
        """Whether every channel has taken or refused what was queued for it."""
        return not any(channel.waiting for channel in self._channels.values())

    @property
    def heard(self) -> bool:
        """Whether a channel has taken, or may have taken, an alert whose end it has not."""
        return any(channel.heard for channel in self._channels.values())

    @property
    def unheard_by(self) -> tuple[str, ...]:
        """The channels that were sent an alert, and have not taken its end."""
        return tuple(name for name, channel in self._channels.items() if channel.unheard)

    async def delivered(self, within: float) -> None:
        """Wait until every channel has taken or refused what is queued for it; ``within`` seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await asyncio.gather(*(channel.done() for channel in self._channels.values()))

    async def aclose(self) -> None:
        """Send nothing more."""
        await asyncio.gather(*(channel.aclose() for channel in self._channels.values()))


class _Channel:
    """One channel, and the notices queued for it, in order."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._queue: asyncio.Queue[AlertNotice] = asyncio.Queue()
        self._references: list[str | None] = []
        self._perhaps_taken = False
        self._more = asyncio.Event()
        self.waiting = 0
        """Notices that have been neither taken nor given up."""
        self.unheard = False
        """Whether an end is still to be taken by it, or was refused."""
        self._task: asyncio.Task[None] | None = None

    @property
    def _log(self) -> structlog.typing.FilteringBoundLogger:
        bound: structlog.typing.FilteringBoundLogger = log.bind(provider=self._provider.name)
        return bound

    @property
    def heard(self) -> bool:
        return bool(self._references) or self._perhaps_taken

    def put(self, notice: AlertNotice) -> None:
        if notice.change is Change.RESOLVED:
            self.unheard = self.heard or self.waiting > 0
        self._queue.put_nowait(notice)
        self.waiting += 1
        self._more.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"bulletin to {self._provider.name}")

    def recall(self) -> None:
        self._references.append(None)

    async def done(self) -> None:
        await self._queue.join()

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        while True:
            notice = await self._queue.get()
            self._more.clear()
            if notice.change is Change.OPENED:
                outcome = await self._deliver(notice, None)
                if isinstance(outcome, Sent):
                    self._references.append(outcome.reference)
                elif isinstance(outcome, TryLater) and outcome.cause is FailureCause.TIMED_OUT:
                    self._perhaps_taken = True
            else:
                # An alert sent several times may stand in several messages, each of which is to change.
                perhaps: list[str | None] = [None] if self._perhaps_taken else []
                left = [
                    reference
                    for reference in dict.fromkeys(self._references or perhaps)
                    if not isinstance(await self._deliver(notice, reference), Sent)
                ]
                self._references, self._perhaps_taken, self.unheard = left, False, bool(left)
            self.waiting -= 1
            self._queue.task_done()

    async def _deliver(self, notice: AlertNotice, reference: str | None) -> Outcome:
        """Attempt it until it is taken, refused, or overtaken by the next notice; how the last attempt ended."""
        wait, attempt = _FIRST_WAIT, 1
        most = _ATTEMPTS if notice.change is Change.OPENED else inf
        while isinstance(outcome := await self._send(notice, reference), TryLater) and attempt < most:
            self._log.warning("database_alert.postponed", reason=outcome.reason, attempt=attempt)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(max(wait, outcome.after or 0.0), _LONGEST_WAIT)):
                    await self._more.wait()
            if not self._queue.empty():
                break
            wait, attempt = min(2 * wait, _LONGEST_WAIT), attempt + 1
        if isinstance(outcome, Sent):
            self._log.info("database_alert.sent", change=notice.change.value)
        else:
            self._log.error("database_alert.not_sent", change=notice.change.value, reason=outcome.reason)
        return outcome

    async def _send(self, notice: AlertNotice, reference: str | None) -> Outcome:
        try:
            async with asyncio.timeout(LONGEST_SEND):
                return await self._provider.send(notice, reference)
        except asyncio.CancelledError:
            self._perhaps_taken = True
            raise
        except TimeoutError:
            return TryLater(f"did not answer within {LONGEST_SEND:g} s", cause=FailureCause.TIMED_OUT)
        except Exception as error:  # noqa: BLE001 - a bug in one channel's code must not keep the alert from the others
            return TryLater(f"connext-monitor itself failed on it ({type(error).__name__})")
