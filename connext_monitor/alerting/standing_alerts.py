"""The open alerts of one kind by what they are about, as known to the watch that opens and ends them."""

from collections.abc import Awaitable, Callable, Collection, Iterator

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.core.alerts.alert import Alert, AlertKind
from connext_monitor.core.alerts.details import Details
from connext_monitor.core.alerts.effects import Route
from connext_monitor.core.alerts.resolution import Resolution


class StandingAlerts:
    """At most one open alert per subject. `recall` them before anything is opened: a restart repeats none."""

    def __init__(self, desk: AlertDesk, kind: AlertKind) -> None:
        self._desk = desk
        self._kind = kind
        self._by_subject: dict[str, Alert] = {}
        self._recalled = False

    def __bool__(self) -> bool:
        return bool(self._by_subject)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._by_subject))

    def __contains__(self, subject: str) -> bool:
        return subject in self._by_subject

    def __getitem__(self, subject: str) -> Alert:
        return self._by_subject[subject]

    async def recall(self, configured: Collection[str]) -> None:
        """Read which are open, once; those about subjects that are not ``configured`` any more end."""
        if self._recalled:
            return
        self._by_subject = {alert.subject: alert for alert in await self._desk.open_alerts(self._kind)}
        for subject in self._by_subject.keys() - configured:
            await self.resolve(subject, Resolution.REMOVED)
        self._recalled = True

    async def open(self, alert: Alert) -> None:
        """Open an alert."""
        await self._desk.open(alert)
        self._by_subject[alert.subject] = alert

    async def open_by(self, transaction: Callable[[Route], Awaitable[Alert | None]]) -> Alert | None:
        """Open what a transaction decides on and opens; None where that is none."""
        alert = await self._desk.open_by(transaction)
        if alert is not None:
            self._by_subject[alert.subject] = alert
        return alert

    async def change_details(self, subject: str, details: Details) -> None:
        """Keep what the subject's alert says now; nothing is delivered."""
        self._by_subject[subject] = await self._desk.change_details(self._by_subject[subject], details)

    async def resolve(self, subject: str, resolution: Resolution) -> None:
        """End the subject's alert, which is open."""
        await self._desk.resolve(self._by_subject[subject], resolution)
        del self._by_subject[subject]
