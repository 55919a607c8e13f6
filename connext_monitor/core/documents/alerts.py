"""An alert in words."""

from typing import Annotated

from msgspec import Meta

from connext_monitor.core.alerts.alert import Alert, AlertState, compose
from connext_monitor.core.alerts.message import Message
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.documents.fields import Document, InstantText, ListDocument, says
from connext_monitor.core.formats import rfc3339
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.transfer import Transfer


class LinkDocument(Document, frozen=True):
    """A page of an explorer."""

    name: Annotated[str, says("What it shows.")]
    url: Annotated[str, Meta(description="Where it is.", extra_json_schema={"format": "uri"})]


class AlertDocument(Document, frozen=True):
    """An alert."""

    id: Annotated[str, says("The same from its opening to its end, also after a restart.")]
    kind: Annotated[str, Meta(description="What is wrong.", extra_json_schema={"enum": list(KINDS)})]
    severity: Annotated[Severity, says("How serious it is.")]
    subject: Annotated[
        str, says("The transfer's id, or the name of the chain, pathway, router or provider that it is about.")
    ]
    state: Annotated[AlertState, says("`open` until it is resolved.")]
    opened_at: Annotated[InstantText, says("By the monitor's clock.")]
    resolved_at: Annotated[InstantText | None, says("By the monitor's clock; null while it is open.")]
    resolution: Annotated[str | None, says("How it ended, such as `executed`; null while it is open.")]
    title: Annotated[str, says("One line.")]
    text: Annotated[str, says("A sentence or two; may quote what strangers wrote.")]
    links: list[LinkDocument]


class AlertList(ListDocument[AlertDocument], frozen=True):
    """Alerts, the newest first."""


def alert_in_words(alert: Alert, transfer: Transfer | None, labels: ChainLabels) -> AlertDocument:
    """One alert, worded for the transfer that it is about as that is now."""
    return alert_document(alert, compose(alert, transfer, labels))


def alert_document(alert: Alert, message: Message) -> AlertDocument:
    """One alert with its words and links."""
    return AlertDocument(
        id=alert.id,
        kind=alert.kind.name,
        severity=alert.severity,
        subject=alert.subject,
        state=alert.state,
        opened_at=rfc3339(alert.opened_at),
        resolved_at=rfc3339(alert.resolved_at) if alert.resolved_at else None,
        resolution=alert.resolution,
        title=message.title,
        text=message.text,
        links=[LinkDocument(link.name, link.url) for link in message.links],
    )
