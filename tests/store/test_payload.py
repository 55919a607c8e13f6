"""An event comes out of its row as it went in."""

from hypothesis import given

from connext_monitor.core.events import BlockNumber, BlockRef, DomainId, Hash32, Timestamp, TransferEvent
from connext_monitor.core.transfer import EventRecord, Sighting
from connext_monitor.store.payload import pack, unpack
from tests.core.strategies import events

PLACE = Sighting(BlockRef(BlockNumber(1), Hash32(bytes(32)), Timestamp(1)), Hash32(bytes(32)), 0)


@given(events)
def test_a_payload_holds_the_whole_event(event: TransferEvent) -> None:
    kind = EventRecord(DomainId(1), event, PLACE).kind
    assert unpack(kind, event.transfer_id, pack(event)) == event
