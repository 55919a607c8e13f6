"""What ``status --json`` prints."""

from typing import Annotated

from connext_monitor.core.alerts.severity import Severity
from connext_monitor.core.delivery_records import ChannelState
from connext_monitor.core.documents.chains import ChainDocument, ChainName
from connext_monitor.core.documents.fields import Count, Document, InstantText, says
from connext_monitor.core.documents.instances import InstanceDocument
from connext_monitor.core.transfer import Status


class InFlightDocument(Document, frozen=True):
    """How many transfers of one pathway have one status."""

    origin: ChainName
    destination: ChainName
    status: Status
    count: Count


class SeverityCount(Document, frozen=True):
    """How many alerts of one kind and severity are open."""

    kind: str
    severity: Severity
    count: Count


class ChannelDocument(Document, frozen=True):
    """An alert provider's health as last stored."""

    provider: Annotated[str, says("Its name in the config.")]
    state: ChannelState
    reason: Annotated[str | None, says("What it last answered; null where nothing is wrong.")]
    since: Annotated[InstantText | None, says("Since when it has this state; null where it never sent.")]
    waiting: Annotated[Count, says("Messages that it has not taken yet.")]


class BackupDocument(Document, frozen=True):
    """A backup that is kept."""

    file: str
    made_at: InstantText
    bytes: Count


class BackupsDocument(Document, frozen=True):
    """The backups in the config's directory."""

    directory: Annotated[str | None, says("Null where a server keeps the database, and its backups.")]
    count: Count
    newest: BackupDocument | None


class StatusDocument(Document, frozen=True):
    """All that ``status`` shows."""

    live: Annotated[bool, says("Whether a running monitor was asked.")]
    not_live: Annotated[str | None, says("Why none was; null where one was.")]
    known_at: Annotated[
        InstantText,
        says("When the database was last written; on a server, the newest watermark or the owner's last beat."),
    ]
    degraded: Annotated[list[str], says("A sentence for each thing that is wrong.")]
    clock_ahead_seconds: Annotated[float | None, says("As in the clock's document; null where that is not known.")]
    instances: Annotated[list[InstanceDocument], says("Those that share the database; none where it is a file.")]
    chains: list[ChainDocument]
    in_flight: list[InFlightDocument]
    open_alerts: Annotated[dict[str, Count], says("By kind.")]
    open_alert_severities: Annotated[list[SeverityCount], says("The worst first.")]
    channels: list[ChannelDocument]
    backups: BackupsDocument
    malformed_logs: Annotated[dict[str, Count], says("By chain: logs that could not be decoded, and are kept.")]
