"""Reports on statistics, sent to a channel as alerts are: stored first, attempted until taken, and after alerts."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connext_monitor.alerting.notice import ReportingProvider, ReportNotice
from connext_monitor.alerting.outgoing_message import Idle
from connext_monitor.clock import Clock
from connext_monitor.core.delivery import Change, Outcome
from connext_monitor.core.documents.reports import ReportDocument, report_document
from connext_monitor.core.events import DomainId
from connext_monitor.core.holds import Attempt, Held, Lane
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.queue import QueuedReport
from connext_monitor.core.report import Report, compose_report


class QueuedReports(Protocol):
    """Where reports are kept. Every method that writes has committed when it returns."""

    async def next_report(self, provider: str) -> QueuedReport | None:
        """The report that this provider is still to be sent."""
        ...

    async def report_sent(self, report_id: int, provider: str, at: datetime) -> None:
        """Record that the channel took it."""
        ...

    async def report_postponed(
        self, report_id: int, provider: str, attempts: int, next_attempt_at: float, reason: str
    ) -> None:
        """Record that so many attempts have failed; the next is due at ``next_attempt_at`` (Unix seconds)."""
        ...


Draw = Callable[[Report, ChainLabels], Awaitable[bytes | None]]
"""Makes a picture of a report (PNG); None where it cannot."""


@dataclass(frozen=True, slots=True)
class ReportDelivery:
    """What reports are sent with.

    ``draw`` makes a picture of one (PNG; None where it cannot), ``wants`` says whether a provider's reports cover a
    pathway (the provider's name, origin, destination).
    """

    store: QueuedReports
    draw: Draw
    wants: Callable[[str, DomainId, DomainId], bool]


@dataclass(frozen=True, slots=True)
class OutgoingReport:
    """One report."""

    queued: QueuedReport
    provider: ReportingProvider
    delivery: ReportDelivery
    labels: ChainLabels

    @property
    def attempt(self) -> Attempt:
        """The report's: it holds up no alert."""
        return Attempt(_key(self.queued), Lane.EDITS, self.queued.attempts)

    @property
    def about(self) -> Mapping[str, str | int]:
        """The report and the end of its period."""
        return {"report": self.queued.id, "until": self.queued.report.until}

    async def send(self) -> Outcome:
        """Attempt to send it, with a picture where the channel shows one."""
        name = self.provider.name
        report = self.queued.report.of(lambda origin, destination: self.delivery.wants(name, origin, destination))
        picture = await self.delivery.draw(report, self.labels) if self.provider.shows_pictures else None
        return await self.provider.report(self._notice(report, picture))

    def sent(self, reference: str | None, at: datetime) -> Awaitable[None]:  # noqa: ARG002 - a report is never edited
        """Record that the channel took it."""
        return self.delivery.store.report_sent(self.queued.id, self.provider.name, at)

    def postponed(self, attempts: int, next_attempt_at: float, reason: str) -> Awaitable[None]:
        """Record that it is to be attempted again."""
        store = self.delivery.store
        return store.report_postponed(self.queued.id, self.provider.name, attempts, next_attempt_at, reason)

    def _notice(self, report: Report, picture: bytes | None) -> ReportNotice:
        def document(most: int) -> ReportDocument:
            return report_document(report, self.labels, most)

        key = f"{_key(self.queued)}:{self.queued.report.until}"
        return ReportNotice(
            key=key,
            thread=key,
            change=Change.OPENED,
            message=compose_report(report, self.labels),
            created_at=self.queued.made_at,
            attempts=self.queued.attempts,
            document=document,
            picture=picture,
        )


class ReportQueue:
    """One channel's reports."""

    pause = 0.0

    def __init__(
        self, delivery: ReportDelivery, provider: ReportingProvider, labels: ChainLabels, clock: Clock
    ) -> None:
        self._delivery = delivery
        self._provider = provider
        self._labels = labels
        self._clock = clock

    async def next(self, held: Held) -> OutgoingReport | Idle:
        """The report to send now."""
        queued = await self._delivery.store.next_report(self._provider.name)
        if queued is None:
            return Idle(None)
        held_until = held.until(_key(queued), Lane.EDITS)
        if held_until > self._clock.now().timestamp():
            return Idle(held_until)
        return OutgoingReport(queued, self._provider, self._delivery, self._labels)

    async def has_news(self, held: Held) -> bool:  # noqa: ARG002 - the same whatever is held
        """Never: no edit is cut off for a report."""
        return False

    def settled(self, outcome: Outcome) -> None:
        """The queue is read anew for each report."""


def _key(queued: QueuedReport) -> str:
    """The key that holds know a report by."""
    return f"report {queued.id}"
