"""A store and a scheduler that are a few dicts."""

from collections.abc import Collection

from connext_monitor.core.alerts.effects import ResolveAlert
from connext_monitor.core.alerts.kinds.overdue import OVERDUE
from connext_monitor.core.deadline import ArmDeadline, Awaited, CancelDeadline, DueDates, Leg, sighting_of
from connext_monitor.core.events import TransferId
from connext_monitor.core.prior_state import PriorState
from connext_monitor.core.recording import Changes, transfer_changes
from connext_monitor.core.transfer import EventRecord, ObservedChange, Transfer, fold
from connext_monitor.core.transfer_summary import summary
from tests.world.transfers import durations


class Ledger:
    """What a store and a scheduler would hold after each batch."""

    def __init__(self) -> None:
        self.records: dict[object, EventRecord] = {}
        self.transfers: dict[TransferId, tuple[Transfer, DueDates | None]] = {}
        self.armed: dict[tuple[TransferId, Leg], Awaited] = {}
        self.accused: dict[tuple[TransferId, Leg], int] = {}

    def apply(self, *steps: ObservedChange) -> Changes:
        changes = transfer_changes(self.prior_state(), steps, durations)
        for removed in changes.removed:
            del self.records[removed.identity]
        self.records |= {added.identity: added for added in (record.whole for record in changes.added)}
        for changed in changes.transfers:
            transfer = fold(self._events_of([changed.transfer_id]))
            assert transfer is not None
            assert changed == summary(transfer, changed.due)
            self.transfers[changed.transfer_id] = transfer, changed.due
        for vanished in changes.vanished:
            del self.transfers[vanished]
        for effect in changes.effects:
            match effect:
                case ArmDeadline(awaited):
                    self.armed[awaited.transfer_id, awaited.leg] = awaited
                case CancelDeadline(transfer_id, leg):
                    del self.armed[transfer_id, leg]
                case ResolveAlert(kind, _, _, transfer_id) if transfer_id is not None:
                    leg = next(leg for leg, overdue in OVERDUE.items() if overdue is kind)
                    self.accused.pop((transfer_id, leg), None)
        return changes

    def prior_state(self) -> PriorState:
        """What a store would give of all that it has."""
        return PriorState({key: summary(*stored) for key, stored in self.transfers.items()}, self._events_of)

    def _events_of(self, ids: Collection[TransferId]) -> list[EventRecord]:
        return [record for record in self.records.values() if record.event.transfer_id in ids]

    def awaited(self) -> dict[tuple[TransferId, Leg], int]:
        """Until when each leg is due that has not arrived, read off the transfers."""
        return {
            (transfer_id, leg): due.of(leg)
            for transfer_id, (transfer, due) in self.transfers.items()
            if due is not None
            for leg in Leg
            if sighting_of(transfer, leg) is None
        }

    def accuse_all(self) -> None:
        """Call overdue what is awaited, unless that has been done."""
        self.accused = self.awaited() | self.accused
