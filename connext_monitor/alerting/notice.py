"""One thing to tell one channel, and what a channel must be able to do."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeGuard

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.grouping import DigestMode
from connext_monitor.core.alerts.message import Message
from connext_monitor.core.delivery import Change, Outcome
from connext_monitor.core.documents.reports import ReportDocument
from connext_monitor.core.transfer_view import TransferView


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """The opening, change or end of an alert or of a group of them, ready to be written by a provider.

    ``key`` is the same on every retry of this notice and differs between opened and resolved; ``thread`` is the same
    in all notices about one group, and for an alert on every retry of one opening; ``created_at`` is when it was
    stored; ``attempts`` counts those that have failed.
    """

    key: str
    thread: str
    change: Change
    message: Message
    created_at: datetime
    attempts: int = 0
    drill: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertNotice(Notice):
    """An alert's opening or end."""

    alert: Alert
    transfer: TransferView | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportNotice(Notice):
    """A report on statistics: in words, as JSON of so many pathways at most, and as a picture (PNG) if there is one."""

    document: Callable[[int], ReportDocument]
    picture: bytes | None = None


class Provider(Protocol):
    """An alert channel. Never raises for what a channel or a network does: that is an `Outcome`."""

    @property
    def name(self) -> str:
        """Its name in the config."""
        ...

    @property
    def digest_mode(self) -> DigestMode:
        """Whether it takes groups; one that does not is told of each alert by itself."""
        ...

    async def send(self, notice: AlertNotice, reference: str | None) -> Outcome:
        """Tell it; ``reference`` is what this channel returned for the alert's opening, if it did."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...


class DigestProvider(Provider, Protocol):
    """A channel for people, which takes a group's message too."""

    async def send(self, notice: Notice, reference: str | None) -> Outcome:
        """Tell it; ``reference`` is what it returned for the alert's or the group's opening, if it did."""
        ...


class ReportingProvider(Provider, Protocol):
    """A channel that takes reports on statistics."""

    @property
    def shows_pictures(self) -> bool:
        """Whether a report's picture is of any use to it."""
        ...

    async def report(self, notice: ReportNotice) -> Outcome:
        """Tell it."""
        ...


def takes_reports(provider: Provider) -> TypeGuard[ReportingProvider]:
    """Whether reports may be told to it."""
    return hasattr(provider, "report")


def takes_digests(provider: Provider) -> TypeGuard[DigestProvider]:
    """Whether groups may be told to it."""
    return provider.digest_mode is not DigestMode.EACH
