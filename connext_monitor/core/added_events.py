"""What one more event makes of a transfer where its other events cannot matter: the short way beside `transfer.fold`.

Of nearly every transfer each event is seen once, on the chain where it belongs. Then what it says is added to what the
transfer's row says, and no other event need be read.
"""

from connext_monitor.core.deadline import PathwayDurations, due_instants
from connext_monitor.core.events import RECONCILED, XCALLED, PackedReconciled, Reconciled
from connext_monitor.core.transfer import SeenRecord
from connext_monitor.core.transfer_summary import TransferSummary


def with_event(
    before: TransferSummary | None, record: SeenRecord, durations: PathwayDurations
) -> TransferSummary | None:
    """The transfer with one more event; None where it is to be folded from all of its events.

    1. An event of this kind is there already.
    2. The event stands on a chain where it does not count.
    3. It says otherwise where the transfer comes from and goes to than was known.
    """
    event = record.event
    if event.kind is RECONCILED:
        return _reconciled(before, record, event)
    domain, at = record.domain, record.sighting.block.timestamp
    origin, destination = event.origin, event.destination
    if before is None:
        executed_at = reconciled_at = routers = None
        xcalled_at = execute_due_at = reconcile_due_at = None
    elif origin != before.origin or destination != before.destination:
        return None
    else:
        executed_at, reconciled_at, routers = before.executed_at, before.reconciled_at, before.routers
        xcalled_at, execute_due_at, reconcile_due_at = before.xcalled_at, before.execute_due_at, before.reconcile_due_at
    if event.kind is XCALLED:
        if xcalled_at is not None or domain != origin:
            return None
        xcalled_at = at
        if (allowed := durations(origin, destination)) is not None:
            execute_due_at, reconcile_due_at = due_instants(at, allowed)
    elif executed_at is not None or domain != destination:
        return None
    else:
        executed_at, routers = at, event.together
    return TransferSummary(
        event.transfer_id, origin, destination, event.nonce, xcalled_at, executed_at, reconciled_at, execute_due_at,
        reconcile_due_at, routers,
    )  # fmt: skip


def _reconciled(
    before: TransferSummary | None, record: SeenRecord, event: Reconciled | PackedReconciled
) -> TransferSummary | None:
    domain, at = record.domain, record.sighting.block.timestamp
    if event.origin == domain:
        return None
    if before is None:
        return TransferSummary(
            event.transfer_id, event.origin, domain, None, None, None, at, None, None, None
        )  # fmt: skip
    if before.reconciled_at is not None or domain != before.destination:
        return None
    return TransferSummary(
        before.transfer_id, before.origin, before.destination, before.nonce, before.xcalled_at, before.executed_at, at,
        before.execute_due_at, before.reconcile_due_at, before.routers,
    )  # fmt: skip
