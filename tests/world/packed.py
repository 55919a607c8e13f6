"""Events as they are stored, by what is said of them whole."""

from connext_monitor.core.events import (
    Executed,
    PackedEvent,
    PackedExecuted,
    PackedReconciled,
    PackedXCalled,
    TransferEvent,
    XCalled,
)
from connext_monitor.core.payload import pack
from connext_monitor.core.router_books import fronted_by
from connext_monitor.core.transfer import EventRecord, PackedRecord


def packed(event: TransferEvent) -> PackedEvent:
    """The event, packed."""
    ours, payload = event.transfer_id, pack(event)
    if isinstance(event, XCalled):
        return PackedXCalled(ours, event.params.origin_domain, event.params.destination_domain, event.nonce, payload)
    together = b"".join(event.routers)
    if isinstance(event, Executed):
        info = event.params
        return PackedExecuted(
            ours, info.origin_domain, info.destination_domain, info.nonce, together, event.local, fronted_by(event),
            payload,
        )  # fmt: skip
    return PackedReconciled(ours, event.origin_domain, together, event.local, event.amount, payload)


def packed_record(record: EventRecord) -> PackedRecord:
    """The record with its event packed."""
    return PackedRecord(record.domain, packed(record.event), record.sighting)
