"""An alert in words."""

from typing import Annotated

from msgspec import Meta

from connext_monitor.core.alerts.alert import Alert, AlertState, compose
from connext_monitor.core.alerts.cause import CauseKind
from connext_monitor.core.alerts.message import Message
from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.alerts.simulated_execution import simulation_of
from connext_monitor.core.alerts.table import KINDS
from connext_monitor.core.documents.fields import Document, InstantText, ListDocument, says
from connext_monitor.core.formats import rfc3339
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.transfer import Transfer


class LinkDocument(Document, frozen=True):
    """A page of an explorer."""

    name: Annotated[str, says("What it shows.")]
    url: Annotated[str, Meta(description="Where it is.", extra_json_schema={"format": "uri"})]


class SimulationDocument(Document, frozen=True):
    """What an execution of the reconciled transfer would come to, simulated once and not sent."""

    block_number: Annotated[int, says("The destination's block after which it was simulated.")]
    by_relayer: Annotated[bool, says("In the name of an approved relayer; else of the delegate, as none was known.")]
    reverts: Annotated[
        str | None, says("Why it would revert; null if it would succeed. May quote what strangers wrote.")
    ]
    recipient_reverts: Annotated[
        str | None,
        says("Why the call to its recipient would fail, which its execution bears; null if not, or if not known."),
    ]


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
    simulated_execution: Annotated[
        SimulationDocument | None,
        says("Of an `execute_overdue`; null while it waits for something else, or is unknown."),
    ]
    inhibited_by: Annotated[
        str | None,
        says(
            "The id of the open alert because of which it is late, and in whose message a chat counts it; null where"
            " there is none. Once it has ended itself, of the last such."
        ),
    ]


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
        simulated_execution=_simulation(alert),
        inhibited_by=alert.inhibited_by,
    )


def _simulation(alert: Alert) -> SimulationDocument | None:
    facts = next((cause.facts for cause in alert.causes if cause.kind is CauseKind.EXECUTION_SIMULATED), None)
    if facts is None:
        return None
    simulated = simulation_of(facts)
    return SimulationDocument(simulated.block, simulated.by_relayer, simulated.reverts, simulated.recipient_reverts)
