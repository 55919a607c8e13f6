"""What the change of a transfer means for its deadlines and for the alerts about them."""

from connext_monitor.core.alerts.effects import OpenAlert, ResolveAlert
from connext_monitor.core.alerts.kinds.overdue import OVERDUE
from connext_monitor.core.alerts.resolution import Resolution
from connext_monitor.core.deadline import ArmDeadline, Awaited, CancelDeadline, Leg
from connext_monitor.core.events import DomainId, Timestamp, TransferId
from connext_monitor.core.transfer_summary import TransferSummary

Effect = ArmDeadline | CancelDeadline | OpenAlert | ResolveAlert

_EXECUTE, _RECONCILE = Leg.EXECUTE, Leg.RECONCILE
_ARRIVED = {_EXECUTE: Resolution.EXECUTED, _RECONCILE: Resolution.RECONCILED}
_NOTHING = TransferSummary(TransferId(b""), DomainId(0), DomainId(0), None, None, None, None, None, None, None)


def leg_effects(before: TransferSummary | None, after: TransferSummary | None) -> list[Effect]:
    """What the change of one transfer means for its deadlines and alerts.

    Per leg:
    1. it was not awaited, or until another instant, and now it is: arm;
    2. it was awaited and no longer is: cancel;
    3. it was owed, deadline or not, and XCalled is gone: its alert resolves as reorged;
    4. it was owed and is there: its alert resolves as that;
    5. XCalled has moved, and the deadline with it to a later instant, which nothing is established about yet: its alert
       resolves as reorged.
    """
    old, new = before or _NOTHING, after or _NOTHING
    effects: list[Effect] = []
    # By their columns, not by a property of the leg: history brings thousands of changes at once.
    _add(effects, _EXECUTE, old, new, old.executed_at, new.executed_at, old.execute_due_at, new.execute_due_at)
    _add(
        effects, _RECONCILE, old, new, old.reconciled_at, new.reconciled_at, old.reconcile_due_at, new.reconcile_due_at
    )
    return effects


def _add(
    effects: list[Effect],
    leg: Leg,
    old: TransferSummary,
    new: TransferSummary,
    was_seen_at: Timestamp | None,
    seen_at: Timestamp | None,
    was_due_at: Timestamp | None,
    due_at: Timestamp | None,
) -> None:
    was_awaited = was_due_at if was_seen_at is None else None
    awaited = due_at if seen_at is None else None
    if awaited is not None and awaited != was_awaited:
        effects.append(ArmDeadline(Awaited(new.transfer_id, leg, awaited, new.destination)))
    if was_awaited is not None and awaited is None:
        effects.append(CancelDeadline(old.transfer_id, leg))
    if old.xcalled_at is None or was_seen_at is not None:
        return
    if new.xcalled_at is None:
        ended = Resolution.REORGED
    elif seen_at is not None:
        ended = _ARRIVED[leg]
    elif was_awaited is not None and (awaited is None or awaited > was_awaited):
        ended = Resolution.REORGED
    else:
        return
    effects.append(ResolveAlert.of_transfer(OVERDUE[leg], old.transfer_id, ended))
