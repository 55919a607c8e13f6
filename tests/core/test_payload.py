"""An event comes out of its row as it went in."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.events import BlockNumber, BlockRef, DomainId, Hash32, Timestamp, TransferEvent
from connext_monitor.core.payload import pack, unpack
from connext_monitor.core.transfer import EventRecord, Sighting, wrong_chain
from tests.world.packed import packed_record
from tests.world.strategies import events
from tests.world.transfers import executed, info, reconciled, xcalled

SIGHTING = Sighting(BlockRef(BlockNumber(1), Hash32(bytes(32)), Timestamp(1)), Hash32(bytes(32)), 0)


@given(events)
def test_a_payload_holds_the_whole_event(event: TransferEvent) -> None:
    kind = EventRecord(DomainId(1), event, SIGHTING).kind
    assert unpack(kind, event.transfer_id, pack(event)) == event


@given(events, st.sampled_from([DomainId(1), DomainId(2)]), st.booleans())
def test_a_packed_record_says_what_the_whole_one_says(event: TransferEvent, domain: DomainId, at_home: bool) -> None:
    whole = EventRecord(event.origin if at_home else domain, event, SIGHTING)
    record = packed_record(whole)
    assert record.whole == whole
    assert record.kind is whole.kind
    assert wrong_chain(record.event, record.domain) == wrong_chain(event, whole.domain)


@pytest.mark.parametrize("amount", [0, 255, 256, 2**63, 2**64 - 1, 2**64, 2**256 - 1])
def test_amounts_at_the_edges_of_their_widths_come_back(amount: int) -> None:
    params = replace(info(), bridged_amount=amount, normalized_in=amount, slippage=amount)
    for record in (xcalled(params, SIGHTING), executed(params, SIGHTING), reconciled(params, SIGHTING)):
        event = replace(record.event, amount=amount)
        assert unpack(record.kind, event.transfer_id, pack(event)) == event
