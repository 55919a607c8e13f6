"""Whether an event is what its hashes say."""

from dataclasses import fields, replace
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from connext_monitor.core.decoding import BrokenIntegrity, MalformedLog, broken_integrity, decode, transfer_id_of
from connext_monitor.core.events import Executed, Reconciled, TransferEvent, TransferInfo, XCalled
from tests.core.eth_abi_oracle import mutated
from tests.world.strategies import honest_events, honest_executeds, honest_xcalleds, log_of, transfer_infos


def integrity(event: TransferEvent) -> BrokenIntegrity | None:
    """Return what is said of the event in its own log."""
    return broken_integrity(event, log_of(event))


@given(honest_events)
def test_an_honest_event_has_integrity(event: TransferEvent) -> None:
    assert integrity(event) is None


@given(st.one_of(honest_xcalleds, honest_executeds), transfer_infos, st.sampled_from(fields(TransferInfo)))
def test_any_changed_field_of_the_params_breaks_the_hash(
    event: XCalled | Executed, other: TransferInfo, field: Any
) -> None:
    assume(getattr(other, field.name) != getattr(event.params, field.name))
    params = replace(event.params, **{field.name: getattr(other, field.name)})

    assert integrity(replace(event, params=params)) is BrokenIntegrity.PARAMS_HASH


@given(st.data(), st.one_of(honest_xcalleds, honest_executeds))
def test_what_is_hashed_is_what_was_read_from_the_log(data: st.DataObject, event: XCalled | Executed) -> None:
    log = log_of(event)
    changed = replace(log, data=data.draw(mutated(st.just(log.data))))
    try:
        event_read = decode(changed)
    except MalformedLog:
        return
    assert not isinstance(event_read, Reconciled)

    hashes_to_its_id = transfer_id_of(event_read.params) == event_read.transfer_id
    assert (broken_integrity(event_read, changed) is not BrokenIntegrity.PARAMS_HASH) == hashes_to_its_id


@given(honest_xcalleds)
def test_displaced_call_data_is_hashed_as_the_contracts_would(event: XCalled) -> None:
    log = log_of(event)
    data = bytearray(log.data)
    start = int.from_bytes(data[:32], "big")
    # The pointer to callData leads behind everything else, and a copy of callData stands there.
    data[start + 6 * 32 : start + 7 * 32] = (len(data) - start).to_bytes(32, "big")
    size = len(event.params.call_data)
    data += size.to_bytes(32, "big") + event.params.call_data + bytes(-size % 32)
    moved = replace(log, data=bytes(data))

    assert decode(moved) == event
    assert broken_integrity(decode(moved), moved) is None


@given(honest_xcalleds)
def test_an_xcalled_whose_nonces_differ_is_broken(event: XCalled) -> None:
    assert integrity(replace(event, nonce=event.nonce + 1)) is BrokenIntegrity.NONCE
