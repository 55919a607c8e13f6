"""What the change of a transfer means for its deadlines and for the alerts about them."""

from connext_monitor.core.alerts.effects import OpenAlert, ResolveAlert
from connext_monitor.core.alerts.kinds.overdue import OVERDUE
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.deadline import LEGS, ArmDeadline, Awaited, CancelDeadline, DueDates, Leg, sighting_of
from connext_monitor.core.events import Timestamp
from connext_monitor.core.transfer import Transfer

Effect = ArmDeadline | CancelDeadline | OpenAlert | ResolveAlert


def leg_effects(
    before: Transfer | None, was_due: DueDates | None, after: Transfer | None, due: DueDates | None
) -> list[Effect]:
    """What the change of one transfer means for its deadlines and alerts.

    Per leg:
    1. it was not awaited, or until another instant, and now it is: arm;
    2. it was awaited and no longer is: cancel;
    3. it was owed, deadline or not, and XCalled is gone: its alert resolves as reorged;
    4. it was owed and is there: its alert resolves as that;
    5. XCalled has moved, and the deadline with it to a later instant, which nothing is established about yet: its alert
       resolves as reorged.
    """
    effects: list[Effect] = []
    for leg in LEGS:
        old = _awaited_until(before, was_due, leg)
        new = _awaited_until(after, due, leg)
        if after is not None and new is not None and new != old:
            effects.append(ArmDeadline(Awaited(after.transfer_id, leg, new, after.destination)))
        if before is not None and old is not None and new is None:
            effects.append(CancelDeadline(before.transfer_id, leg))
        moved = old is not None and (new is None or new > old)
        if before is not None and _owed(before, leg) and (resolution := _ended(after, leg, moved=moved)):
            effects.append(ResolveAlert.of_transfer(OVERDUE[leg], before.transfer_id, resolution))
    return effects


def _awaited_until(transfer: Transfer | None, due: DueDates | None, leg: Leg) -> Timestamp | None:
    if transfer is None or due is None or sighting_of(transfer, leg) is not None:
        return None
    return due.of(leg)


def _owed(transfer: Transfer, leg: Leg) -> bool:
    return transfer.xcalled is not None and sighting_of(transfer, leg) is None


def _ended(after: Transfer | None, leg: Leg, *, moved: bool) -> Resolution | None:
    if after is None or after.xcalled is None:
        return Resolution.REORGED
    if sighting_of(after, leg) is not None:
        return Resolution.EXECUTED if leg is Leg.EXECUTE else Resolution.RECONCILED
    return Resolution.REORGED if moved else None
