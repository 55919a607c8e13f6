"""Silences: alerts that somebody has asked not to be bothered with for a while."""

from datetime import datetime, timedelta
from typing import Final

from connext_monitor.core.alerts.alert import Alert, AlertKind
from connext_monitor.core.labels import ChainLabels
from connext_monitor.core.structs import replace, struct

_CLOCKS_MAY_DIFFER: Final = timedelta(minutes=1)


@struct(frozen=True, slots=True)
class Silence:
    """Alerts that are not delivered ``until`` then; a condition that is None covers everything.

    ``subject`` is an alert's subject or id. An ``ack`` is about alerts that were delivered: they are delivered again if
    they are still open at its end. ``made_at`` is by the clock of whoever made it.
    """

    id: int
    until: datetime
    kind: AlertKind | None = None
    origin: str | None = None
    destination: str | None = None
    subject: str | None = None
    reason: str = ""
    ack: bool = False
    made_at: datetime | None = None

    @property
    def is_cut_short(self) -> bool:
        """Whether somebody has ended it, whatever the clock says."""
        return self.made_at is not None and self.until <= self.made_at

    def misdated(self, now: datetime, *, just_made: bool) -> bool:
        """Whether the clock that it was made by is not ours: made in the future or, though ``just_made``, not now.

        What it says of its end means nothing then; how long it is to last does.
        """
        ahead = self.made_at - now if self.made_at is not None else timedelta(0)
        return ahead > _CLOCKS_MAY_DIFFER or (just_made and ahead < -_CLOCKS_MAY_DIFFER)

    def made_now(self, now: datetime) -> "Silence":
        """As if it had been made now."""
        return replace(self, made_at=now, until=now + (self.until - (self.made_at or now)))

    def covers(self, alert: Alert, labels: ChainLabels) -> bool:
        """Whether the alert is one of these. One of a pathway's covers no alert about a chain or a channel."""
        origin, destination = map(labels.display_name, alert.pathway) if alert.pathway else (None, None)
        return (
            self.kind in {None, alert.kind}
            and self.subject in {None, alert.subject, alert.id}
            and self.origin in {None, origin}
            and self.destination in {None, destination}
        )
