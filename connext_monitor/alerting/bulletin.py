"""Tells the channels something without the store: what is wrong with the store itself.

Each channel is told by a task of its own, straight through its provider. What was not told when the process ends is
forgotten: there is nowhere to keep it.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress

import structlog

from connext_monitor.alerting.notice import AlertNotice, Provider
from connext_monitor.clock import Clock
from connext_monitor.core.alerts.alert import Alert, AlertState, compose
from connext_monitor.core.delivery import Change, FailureCause, Outcome, Sent, TryLater
from connext_monitor.core.labels import ChainLabels

_LONGEST_SEND = 200.0
"""Seconds. A provider bounds itself, and waits longer for a channel that is slow; this is for one that does not."""
_FIRST_WAIT, _LONGEST_WAIT = 5.0, 300.0
_TRIES = 20
"""They last for an hour, and then what it was is told anew, if it lasts still."""

log = structlog.get_logger()


class Bulletin:
    """Brings alerts to the channels that ``route`` names, at once, and again while they are not taken."""

    def __init__(
        self,
        providers: Iterable[Provider],
        route: Callable[[Alert], Collection[str]],
        labels: ChainLabels,
        clock: Clock,
    ) -> None:
        self._lines = {provider.name: _Line(provider) for provider in providers}
        self._route = route
        self._labels = labels
        self._clock = clock
        self._count = 0

    def tell(self, alert: Alert) -> None:
        """Tell an alert as it is: open, open still, or resolved. Returns at once."""
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
        told = self._route(alert) if change is Change.OPENED else self._lines
        for name in told:
            if name in self._lines:
                self._lines[name].put(notice)

    def recall(self, alert: Alert) -> None:
        """An alert was told by a process before this one, so its end is to be told too: in messages of their own."""
        for name in self._route(alert):
            if name in self._lines:
                self._lines[name].recall()

    async def delivered(self, within: float) -> None:
        """Wait until every channel has taken what it is to be told, or refused it; for so many seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await asyncio.gather(*(line.done() for line in self._lines.values()))

    async def aclose(self) -> None:
        """Tell nothing more."""
        await asyncio.gather(*(line.aclose() for line in self._lines.values()))


class _Line:
    """One channel, and what it is to be told, in its order."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._queue: asyncio.Queue[AlertNotice] = asyncio.Queue()
        self._references: list[str | None] = []
        self._perhaps_taken = False
        self._more = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def _log(self) -> structlog.typing.FilteringBoundLogger:
        bound: structlog.typing.FilteringBoundLogger = log.bind(provider=self._provider.name)
        return bound

    def put(self, notice: AlertNotice) -> None:
        self._queue.put_nowait(notice)
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
                outcome = await self._tell(notice, None)
                if isinstance(outcome, Sent):
                    self._references.append(outcome.reference)
                elif isinstance(outcome, TryLater) and outcome.cause is FailureCause.TIMED_OUT:
                    self._perhaps_taken = True
            else:
                # What it was told again and again may be several messages, each of which is to change.
                perhaps: list[str | None] = [None] if self._perhaps_taken else []
                for reference in dict.fromkeys(self._references or perhaps):
                    await self._tell(notice, reference)
                self._references.clear()
                self._perhaps_taken = False
            self._queue.task_done()

    async def _tell(self, notice: AlertNotice, reference: str | None) -> Outcome:
        """Try until it is taken, refused, or overtaken by what comes next; how the last try ended."""
        wait, attempt = _FIRST_WAIT, 1
        while isinstance(outcome := await self._send(notice, reference), TryLater) and attempt < _TRIES:
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
            async with asyncio.timeout(_LONGEST_SEND):
                return await self._provider.send(notice, reference)
        except TimeoutError:
            return TryLater(f"did not answer within {_LONGEST_SEND:g} s", cause=FailureCause.TIMED_OUT)
        except Exception as error:  # noqa: BLE001 - a bug in one channel's code must not keep the others from hearing it
            return TryLater(f"connext-monitor itself failed on it ({type(error).__name__})")
