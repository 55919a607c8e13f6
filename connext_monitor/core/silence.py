"""Silences: what somebody has asked not to be told for a while."""

from dataclasses import dataclass
from datetime import datetime

from connext_monitor.core.alert import Alert, AlertKind
from connext_monitor.core.labels import ChainLabels


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts that are not told until then; a condition that is None covers everything.

    ``subject`` is an alert's subject or id. An ``ack`` is about alerts that have been told: they are told again if they
    are still open at its end.
    """

    id: int
    until: datetime
    kind: AlertKind | None = None
    origin: str | None = None
    destination: str | None = None
    subject: str | None = None
    reason: str = ""
    ack: bool = False

    def covers(self, alert: Alert, labels: ChainLabels) -> bool:
        """Whether the alert is one of these. One of a pathway's covers no alert about a chain or a channel."""
        origin, destination = map(labels.spoken, alert.pathway) if alert.pathway else (None, None)
        return (
            self.kind in {None, alert.kind}
            and self.subject in {None, alert.subject, alert.id}
            and self.origin in {None, origin}
            and self.destination in {None, destination}
        )
