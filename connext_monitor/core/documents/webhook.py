"""The bodies that a webhook is sent."""

from typing import Annotated, Literal

from msgspec import UNSET, UnsetType

from connext_monitor.core.documents.alerts import AlertDocument
from connext_monitor.core.documents.fields import Document, InstantText, says
from connext_monitor.core.documents.reports import ReportDocument
from connext_monitor.core.documents.transfers import TransferDocument

StoredAt = Annotated[InstantText, says("When the news was stored; the same on every retry.")]


class AlertNews(Document, frozen=True):
    """An alert, with the transfer that it is about, if it is about one."""

    alert: AlertDocument
    transfer: TransferDocument | UnsetType = UNSET


class ReportNews(Document, frozen=True):
    """A report."""

    report: ReportDocument


class AlertBody(Document, frozen=True):
    """The opening or the end of an alert; `test` marks a drill."""

    type: Literal["alert.opened", "alert.resolved", "test"]
    timestamp: StoredAt
    data: AlertNews


class ReportBody(Document, frozen=True):
    """A report on statistics."""

    type: Literal["report.stats"]
    timestamp: StoredAt
    data: ReportNews
