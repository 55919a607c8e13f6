"""A report on statistics, brought to a channel as alerts are: stored first, tried until taken; alerts go first."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connext_monitor.alerting.notice import ReportingProvider, ReportNotice
from connext_monitor.core.delivery import Change, Outcome, QueuedReport
from connext_monitor.core.documents.reports import ReportDocument, report_document
from connext_monitor.core.events import DomainId
from connext_monitor.core.holds import Attempt, Lane
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.report import Report, compose_report


class ReportQueue(Protocol):
    """Where reports stand. Every method that writes has committed when it returns."""

    async def next_report(self, provider: str) -> QueuedReport | None:
        """The report that this provider is still to be told."""
        ...

    async def report_sent(self, report_id: int, provider: str, at: datetime) -> None:
        """The channel took it."""
        ...

    async def report_postponed(
        self, report_id: int, provider: str, attempts: int, next_attempt_at: float, reason: str
    ) -> None:
        """It has failed so often and stays pending until then (Unix seconds)."""
        ...


@dataclass(frozen=True, slots=True)
class ReportDelivery:
    """What is needed to tell reports.

    ``draw`` makes a picture of one (PNG; None where it cannot), ``wants`` says whether a provider is told of a pathway
    (its name, origin, destination).
    """

    store: ReportQueue
    draw: Callable[[Report, ChainLabels], Awaitable[bytes | None]]
    wants: Callable[[str, DomainId, DomainId], bool]


def report_key(queued: QueuedReport) -> str:
    """What a report is held by."""
    return f"report {queued.id}"


@dataclass(frozen=True, slots=True)
class OutgoingReport:
    """One report."""

    queued: QueuedReport
    provider: ReportingProvider
    delivery: ReportDelivery
    labels: ChainLabels

    @property
    def key(self) -> str:
        """The report's."""
        return f"report {self.queued.id}:{self.queued.report.until}"

    @property
    def attempt(self) -> Attempt:
        """The report's: it holds up no alert."""
        return Attempt(report_key(self.queued), Lane.EDITS, self.queued.attempts)

    @property
    def about(self) -> Mapping[str, str | int]:
        """The period that it is about."""
        return {"report": self.queued.id, "until": self.queued.report.until}

    async def send(self) -> Outcome:
        """Bring it to the channel, with a picture where that takes one."""
        name = self.provider.name
        report = self.queued.report.of(lambda origin, destination: self.delivery.wants(name, origin, destination))
        picture = await self.delivery.draw(report, self.labels) if self.provider.shows_pictures else None
        return await self.provider.report(self._notice(report, picture))

    def sent(self, reference: str | None, at: datetime) -> Awaitable[None]:  # noqa: ARG002 - nothing of it is changed later
        """Record that the channel took it."""
        return self.delivery.store.report_sent(self.queued.id, self.provider.name, at)

    def postponed(self, attempts: int, next_attempt_at: float, reason: str) -> Awaitable[None]:
        """Record that it is to be tried again."""
        store = self.delivery.store
        return store.report_postponed(self.queued.id, self.provider.name, attempts, next_attempt_at, reason)

    def _notice(self, report: Report, picture: bytes | None) -> ReportNotice:
        def document(most: int) -> ReportDocument:
            return report_document(report, self.labels, most)

        return ReportNotice(
            key=self.key,
            thread=self.key,
            change=Change.OPENED,
            message=compose_report(report, self.labels),
            created_at=self.queued.made_at,
            tries=self.queued.attempts,
            document=document,
            picture=picture,
        )
