"""What is to become of alerts, as values: the core returns them, and whoever stores alerts carries them out."""

from collections.abc import Callable, Collection
from typing import Self

from connext_monitor.core.alerts.alert import Alert, AlertKind
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.deadline import TransferWithDeadlines
from connext_monitor.core.events import TransferId
from connext_monitor.core.structs import struct

Route = Callable[[Alert], Collection[str]]
"""The providers that an alert goes to."""

Decide = Callable[[TransferWithDeadlines | None], Alert | None]
"""The alert that a transfer calls for, as it stands within the transaction; None for none."""


@struct(frozen=True, slots=True)
class OpenAlert:
    """Open this alert, unless it is open already."""

    alert: Alert


@struct(frozen=True, slots=True)
class ResolveAlert:
    """End the alert of this id, if it is open. Raises ValueError for an ending that its kind does not have."""

    kind: AlertKind
    alert_id: str
    resolution: Resolution
    transfer_id: TransferId | None = None

    def __post_init__(self) -> None:
        """Refuse an ending that nobody has words for."""
        self.kind.check_ending(self.resolution)

    @classmethod
    def of(cls, alert: Alert, resolution: Resolution) -> Self:
        """The end of this alert."""
        return cls(alert.kind, alert.id, resolution, alert.transfer_id)

    @classmethod
    def of_transfer(cls, kind: AlertKind, transfer_id: TransferId, resolution: Resolution) -> Self:
        """The end of the alert of this kind about a transfer."""
        return cls(kind, kind.alert_id(transfer_id), resolution, transfer_id)
