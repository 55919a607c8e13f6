"""The manager's store, in memory."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from connext_monitor.core.alert import Alert, AlertState, Severity
from connext_monitor.core.deadline import Leg
from connext_monitor.core.delivery import Change, ChannelState, QueuedDelivery
from connext_monitor.core.transfer_view import TransferView
from tests.world.alerts import ARRIVED, DUE, LATE, NOW


@dataclass(slots=True)
class Row:
    """A delivery and what became of it."""

    delivery: QueuedDelivery
    sent_at: datetime | None = None
    reason: str | None = None


@dataclass(slots=True)
class MemoryStore:
    """Deliveries by id. ``failing`` writes raise first."""

    rows: dict[int, Row] = field(default_factory=dict)
    states: list[tuple[str, ChannelState, str | None]] = field(default_factory=list)
    references: dict[tuple[str, str], str | None] = field(default_factory=dict)
    failing: int = 0

    def add(self, alert: Alert, change: Change, *providers: str) -> None:
        """What the scheduler's commit does: one row for each provider."""
        for provider in providers:
            key = len(self.rows) + 1
            delivery = QueuedDelivery(key, provider, change, alert, _view(alert), None, 0, 0.0, NOW)
            self.rows[key] = Row(delivery)

    def change(self, alert: Alert) -> None:
        """The alert has become another in every row that tells of it."""
        for row in self.rows.values():
            if row.delivery.alert.id == alert.id:
                row.delivery = replace(row.delivery, alert=alert, transfer=_view(alert))

    @property
    def pending(self) -> list[QueuedDelivery]:
        return [row.delivery for row in self.rows.values() if row.sent_at is None]

    async def next_deliveries(self, provider: str, limit: int) -> list[QueuedDelivery]:
        mine = [one for one in self.pending if one.provider == provider]
        tried = [one for one in mine if one.attempts]
        behind = {one.alert.id for one in tried}
        untried = [one for one in mine if one.alert.id not in behind]
        found = [*tried[:limit], *untried[:limit]]
        return [replace(one, reference=self.references.get((provider, one.alert.id))) for one in found]

    async def newest_critical(self, provider: str) -> datetime | None:
        untried = (one for one in self.pending if one.provider == provider and not one.attempts)
        critical = (one for one in untried if one.alert.severity is Severity.CRITICAL)
        return max((one.created_at for one in critical if one.change is Change.OPENED), default=None)

    async def delivery_sent(self, delivery_id: int, reference: str | None, at: datetime) -> None:
        self._maybe_fail()
        row = self.rows[delivery_id]
        assert row.sent_at is None, "recorded twice"
        row.sent_at = at
        self.references[row.delivery.provider, row.delivery.alert.id] = reference

    async def delivery_postponed(self, delivery_id: int, attempts: int, next_attempt_at: float, reason: str) -> None:
        self._maybe_fail()
        row = self.rows[delivery_id]
        row.delivery = replace(row.delivery, attempts=attempts, next_attempt_at=next_attempt_at)
        row.reason = reason

    async def channel_state(self, provider: str, state: ChannelState, reason: str | None, at: datetime) -> None:  # noqa: ARG002 - not asked for
        self.states.append((provider, state, reason))

    def _maybe_fail(self) -> None:
        if self.failing:
            self.failing -= 1
            raise OSError("the disk is full")


@dataclass(slots=True)
class HealthNotes:
    """What is heard of the channels: name, what was wrong if something was, and whether for good."""

    heard: list[tuple[str, str | None, bool]] = field(default_factory=list)

    def took(self, provider: str) -> None:
        self.heard.append((provider, None, False))

    def failed(self, provider: str, reason: str, *, dead: bool) -> None:
        self.heard.append((provider, reason, dead))


def _view(alert: Alert) -> TransferView | None:
    if alert.transfer_id is None:
        return None
    resolved = alert.state is AlertState.RESOLVED
    transfer = replace(ARRIVED if resolved else LATE, transfer_id=alert.transfer_id)
    return TransferView(transfer, DUE, frozenset() if resolved else frozenset({Leg.EXECUTE}))
