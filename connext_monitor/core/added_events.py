"""What one more event makes of a transfer where its other events cannot matter: the short way beside `transfer.fold`.

Of nearly every transfer each event is seen once, on the chain where it belongs. Then what it says is added to what the
transfer's row says, and no other event need be read.
"""

from connext_monitor.core.deadline import PathwayDurations, due_instants
from connext_monitor.core.events import Reconciled, XCalled
from connext_monitor.core.transfer import EventRecord
from connext_monitor.core.transfer_summary import TransferSummary


def with_event(
    before: TransferSummary | None, record: EventRecord, durations: PathwayDurations
) -> TransferSummary | None:
    """The transfer with one more event; None where it is to be folded from all of its events.

    1. An event of this kind is there already.
    2. The event stands on a chain where it does not count.
    3. It says otherwise where the transfer comes from and goes to than was known.
    """
    event = record.event
    if isinstance(event, Reconciled):
        return _reconciled(before, record, event)
    info, domain, at = event.params, record.domain, record.sighting.block.timestamp
    origin, destination = info.origin_domain, info.destination_domain
    if before is None:
        executed_at = reconciled_at = routers = None
        xcalled_at = execute_due_at = reconcile_due_at = None
    elif origin != before.origin or destination != before.destination:
        return None
    else:
        executed_at, reconciled_at, routers = before.executed_at, before.reconciled_at, before.routers
        xcalled_at, execute_due_at, reconcile_due_at = before.xcalled_at, before.execute_due_at, before.reconcile_due_at
    if isinstance(event, XCalled):
        if xcalled_at is not None or domain != origin:
            return None
        xcalled_at = at
        if (allowed := durations(origin, destination)) is not None:
            execute_due_at, reconcile_due_at = due_instants(at, allowed)
    elif executed_at is not None or domain != destination:
        return None
    else:
        executed_at, routers = at, b"".join(event.routers)
    return TransferSummary(
        event.transfer_id, origin, destination, info.nonce, xcalled_at, executed_at, reconciled_at, execute_due_at,
        reconcile_due_at, routers,
    )  # fmt: skip


def _reconciled(before: TransferSummary | None, record: EventRecord, event: Reconciled) -> TransferSummary | None:
    domain, at = record.domain, record.sighting.block.timestamp
    if event.origin_domain == domain:
        return None
    if before is None:
        return TransferSummary(
            event.transfer_id, event.origin_domain, domain, None, None, None, at, None, None, None
        )  # fmt: skip
    if before.reconciled_at is not None or domain != before.destination:
        return None
    return TransferSummary(
        before.transfer_id, before.origin, before.destination, before.nonce, before.xcalled_at, before.executed_at, at,
        before.execute_due_at, before.reconcile_due_at, before.routers,
    )  # fmt: skip
