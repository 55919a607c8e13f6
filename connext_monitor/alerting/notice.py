"""What a channel is handed to send, and what a channel must be able to do."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeGuard

from connext_monitor.core.alerts.alert import Alert
from connext_monitor.core.alerts.digest_mode import DigestMode
from connext_monitor.core.alerts.message import Message
from connext_monitor.core.delivery import Change, Outcome
from connext_monitor.core.documents.reports import ReportDocument
from connext_monitor.core.transfer_view import TransferView


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """The opening, change or end of an alert or of a group of alerts, ready for a provider to format.

    ``key`` is the same on every retry of this notice and differs between opened and resolved. ``thread`` is the same
    in all notices about one group, and on every retry of an alert's opening. ``created_at`` is when it was stored;
    ``attempts`` counts those that have failed.
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
    """A report on statistics: in words, as a document of at most so many pathways, and as a picture (PNG) if any."""

    document: Callable[[int], ReportDocument]
    picture: bytes | None = None


class Provider(Protocol):
    """An alert channel. Whatever the channel or the network does is an `Outcome`, and never raised."""

    @property
    def name(self) -> str:
        """Its name in the config."""
        ...

    @property
    def digest_mode(self) -> DigestMode:
        """Whether it takes digests; a channel that does not gets each alert by itself."""
        ...

    async def send(self, notice: AlertNotice, reference: str | None) -> Outcome:
        """Send the notice; ``reference`` is what the channel called the alert's opening, if it said so."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...


class DigestProvider(Provider, Protocol):
    """A channel for people, which takes digests too."""

    async def send(self, notice: Notice, reference: str | None) -> Outcome:
        """Send the notice; ``reference`` is what the channel called the opening, if it said so."""
        ...


class ReportingProvider(Provider, Protocol):
    """A channel that takes reports on statistics."""

    @property
    def shows_pictures(self) -> bool:
        """Whether the channel can show a report's picture."""
        ...

    async def report(self, notice: ReportNotice) -> Outcome:
        """Send the report."""
        ...


def takes_reports(provider: Provider) -> TypeGuard[ReportingProvider]:
    """Whether it can be sent reports."""
    return hasattr(provider, "report")


def takes_digests(provider: Provider) -> TypeGuard[DigestProvider]:
    """Whether it can be sent digests."""
    return provider.digest_mode is not DigestMode.EACH
