"""The three events: against eth_abi, against real logs, and against lies."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import assume, given
from hypothesis import strategies as st

from connext_monitor.core.decoding import (
    EVENT_TOPICS,
    EXECUTED_TOPIC,
    RECONCILED_TOPIC,
    XCALLED_TOPIC,
    BrokenIntegrity,
    MalformedLog,
    broken_integrity,
    decode,
    encode_event,
    encode_transfer_info,
    transfer_id_of,
)
from connext_monitor.core.events import (
    Executed,
    RawLog,
    Reconciled,
    TransferEvent,
    TransferInfo,
    XCalled,
)
from tests.core.eth_abi_oracle import ARGS, INFO, eth_abi_reads, mutated, numbered_words
from tests.world.examples import examples
from tests.world.strategies import (
    addresses,
    calldata,
    events,
    executeds,
    honest_events,
    honest_executeds,
    honest_xcalleds,
    log_of,
    raw_log,
    reconcileds,
    transfer_infos,
    words,
    xcalleds,
)

INDEXED = {
    XCALLED_TOPIC: ("bytes32", "uint256", "bytes32"),
    EXECUTED_TOPIC: ("bytes32", "address", "address"),
    RECONCILED_TOPIC: ("bytes32", "uint32", "address"),
}
DATA = {
    XCALLED_TOPIC: (INFO, "address", "uint256", "address", "bytes"),
    EXECUTED_TOPIC: (ARGS, "address", "uint256", "address"),
    RECONCILED_TOPIC: ("address[]", "uint256", "address"),
}
SIGNATURES = {
    XCALLED_TOPIC: f"XCalled(bytes32,uint256,bytes32,{INFO},address,uint256,address,bytes)",
    EXECUTED_TOPIC: f"Executed(bytes32,address,address,{ARGS},address,uint256,address)",
    RECONCILED_TOPIC: "Reconciled(bytes32,uint32,address,address[],uint256,address)",
}
REAL_LOGS = json.loads(Path(__file__).with_name("real_logs.json").read_text())

logs = events.map(log_of)


def real_log(name: str) -> RawLog:
    log = REAL_LOGS[name]
    return raw_log(tuple(bytes.fromhex(topic[2:]) for topic in log["topics"]), bytes.fromhex(log["data"][2:]))


def decoded(log: RawLog) -> TransferEvent | None:
    """Return the event, or None where it is refused."""
    try:
        return decode(log)
    except MalformedLog:
        return None


def eth_abi_decodes(log: RawLog) -> TransferEvent | None:
    """Return the event as eth_abi reads it, or None where it refuses; the first topic must be one of ours."""
    topic = log.topics[0]
    indexed, data = eth_abi_reads(INDEXED[topic], b"".join(log.topics[1:])), eth_abi_reads(DATA[topic], log.data)
    if indexed is None or data is None:
        return None
    if topic == XCALLED_TOPIC:
        return XCalled(*(*indexed, TransferInfo(*data[0]), *data[1:]))
    if topic == EXECUTED_TOPIC:
        params, routers, *_ = data[0]
        return Executed(*(*indexed, TransferInfo(*params), routers, *data[1:]))
    return Reconciled(*(*indexed, *data))


def nonces_of(event: TransferEvent) -> list[int]:
    if isinstance(event, Reconciled):
        return []
    return [event.params.nonce, *([event.nonce] if isinstance(event, XCalled) else [])]


def values_of(record: Any) -> tuple[Any, ...]:
    return tuple(getattr(record, field.name) for field in fields(record))


def refusal(log: RawLog) -> str:
    with pytest.raises(MalformedLog) as caught:
        decode(log)
    return str(caught.value)


@st.composite
def foreign_executed_logs(draw: st.DrawFn) -> tuple[Executed, RawLog]:
    """An Executed, and its log with any sequencer and any signatures, as eth_abi encodes it."""
    event = draw(executeds)
    signatures = draw(st.lists(calldata, max_size=3))
    args = (values_of(event.params), event.routers, signatures, draw(addresses), draw(calldata))
    data = encode(DATA[EXECUTED_TOPIC], (args, event.local, event.amount, event.caller))
    return event, raw_log(encode_event(event)[0], data)


@pytest.mark.parametrize("topic", EVENT_TOPICS, ids=lambda topic: SIGNATURES[topic].partition("(")[0])
def test_the_first_topic_is_the_hash_of_the_signature(topic: bytes) -> None:
    assert topic == keccak(text=SIGNATURES[topic])


@given(events)
def test_an_event_comes_back_from_its_log(event: TransferEvent) -> None:
    assert decode(log_of(event)) == event


@given(logs)
def test_a_log_decodes_to_what_eth_abi_reads(log: RawLog) -> None:
    assert decode(log) == eth_abi_decodes(log)


@given(xcalleds)
def test_the_data_of_xcalled_is_what_eth_abi_writes(event: XCalled) -> None:
    values = (values_of(event.params), event.asset, event.amount, event.local, event.message_body)

    assert encode_event(event)[1] == encode(DATA[XCALLED_TOPIC], values)


@given(reconcileds)
def test_the_data_of_reconciled_is_what_eth_abi_writes(event: Reconciled) -> None:
    assert encode_event(event)[1] == encode(DATA[RECONCILED_TOPIC], (event.routers, event.amount, event.caller))


@given(foreign_executed_logs())
def test_executed_reads_the_same_with_any_signatures(drawn: tuple[Executed, RawLog]) -> None:
    event, log = drawn

    assert decode(log) == event


@examples(300)
@given(st.data())
def test_mangled_data_is_read_or_refused_as_by_eth_abi(data: st.DataObject) -> None:
    log = data.draw(logs | foreign_executed_logs().map(lambda drawn: drawn[1]))
    mangled = replace(log, data=data.draw(mutated(st.just(log.data))))
    expected = eth_abi_decodes(mangled)
    assume(expected is None or all(nonce < 2**63 for nonce in nonces_of(expected)))

    assert decoded(mangled) == expected


@examples(300)
@given(logs, st.integers(1, 3), st.one_of(words, numbered_words))
def test_any_topic_word_is_read_or_refused_as_by_eth_abi(log: RawLog, place: int, word: bytes) -> None:
    mangled = replace(log, topics=(*log.topics[:place], word, *log.topics[place + 1 :]))
    expected = eth_abi_decodes(mangled)
    assume(expected is None or all(nonce < 2**63 for nonce in nonces_of(expected)))

    assert decoded(mangled) == expected


@given(st.lists(st.binary(max_size=40) | st.sampled_from(EVENT_TOPICS), max_size=5), st.binary(max_size=300))
def test_anything_at_all_is_read_or_refused_in_few_words(topics: list[bytes], data: bytes) -> None:
    message = "fine"
    try:
        decode(raw_log(tuple(topics), data))
    except MalformedLog as fault:
        message = str(fault)

    assert 0 < len(message) < 100


@pytest.mark.parametrize("topics", [(), (b"",), (bytes(32),), (XCALLED_TOPIC[:-1],), (bytes(32), XCALLED_TOPIC)])
def test_a_log_of_another_event_is_refused(topics: tuple[bytes, ...]) -> None:
    assert refusal(raw_log(topics, b"")) == "the first topic is not that of a Connext transfer event"


@pytest.mark.parametrize(
    "rest",
    [
        (),
        (bytes(32), bytes(32)),
        (bytes(32), bytes(32), bytes(32), bytes(32)),
        (bytes(31), bytes(33), bytes(32)),
        (bytes(32), bytes(32), bytes(33)),
        (bytes(32), bytes(32), bytes(31)),
    ],
    ids=["one", "three", "five", "uneven", "long", "short"],
)
@pytest.mark.parametrize("name", ["XCalled", "Executed", "Reconciled"])
def test_other_than_four_whole_topics_are_refused(name: str, rest: tuple[bytes, ...]) -> None:
    log = real_log(name)

    assert refusal(replace(log, topics=(log.topics[0], *rest))) == f"{name}: there must be four topics of 32 bytes"


@pytest.mark.parametrize(
    ("name", "place", "message"),
    [
        ("Executed", 2, "Executed: to is not a valid address"),
        ("Executed", 3, "Executed: asset is not a valid address"),
        ("Reconciled", 2, "Reconciled: originDomain is not a valid uint32"),
        ("Reconciled", 3, "Reconciled: local is not a valid address"),
    ],
)
def test_an_improper_topic_is_refused_by_name(name: str, place: int, message: str) -> None:
    log = real_log(name)
    topics = (*log.topics[:place], b"\xff" * 32, *log.topics[place + 1 :])

    assert refusal(replace(log, topics=topics)) == message


def test_a_fault_in_executeds_params_names_its_whole_path() -> None:
    log = real_log("Executed")
    at = log.data.index((1002).to_bytes(32, "big"))
    data = log.data[:at] + b"\x01" + log.data[at + 1 :]

    assert refusal(replace(log, data=data)) == "Executed: args.params.destinationDomain is not a valid uint32"


def test_a_sequencer_signature_that_is_cut_short_is_refused() -> None:
    log = real_log("Executed")

    assert refusal(replace(log, data=log.data[:-32])).startswith("Executed: args.sequencerSignature reaches past")


def test_a_sequencer_is_checked_though_it_is_not_kept() -> None:
    log = real_log("Executed")
    sequencer = 4 * 32 + 3 * 32  # the fourth word of the args, which begin behind a head of four words
    data = log.data[:sequencer] + b"\x01" + log.data[sequencer + 1 :]

    assert refusal(replace(log, data=data)) == "Executed: args.sequencer is not a valid address"


@pytest.mark.parametrize("name", ["XCalled", "Executed", "Reconciled"])
def test_a_log_without_data_is_refused(name: str) -> None:
    assert "is missing: the data ends before it does" in refusal(replace(real_log(name), data=b""))


@given(xcalleds, st.integers(2**63, 2**256 - 1))
def test_a_topic_nonce_of_2_to_the_63_or_more_is_refused(event: XCalled, nonce: int) -> None:
    assert "XCalled: the nonce is 2**63 or more" in refusal(log_of(replace(event, nonce=nonce)))


@given(st.one_of(xcalleds, executeds), st.integers(2**63, 2**256 - 1))
def test_a_params_nonce_of_2_to_the_63_or_more_is_refused(event: XCalled | Executed, nonce: int) -> None:
    log = log_of(replace(event, params=replace(event.params, nonce=nonce)))

    assert "the nonce is 2**63 or more" in refusal(log)


@given(xcalleds)
def test_a_nonce_just_below_2_to_the_63_is_read(event: XCalled) -> None:
    latest = replace(event, nonce=2**63 - 1, params=replace(event.params, nonce=2**63 - 1))

    assert decode(log_of(latest)) == latest


@given(transfer_infos)
def test_a_transfer_id_is_the_hash_of_the_abi_encoding(info: TransferInfo) -> None:
    assert transfer_id_of(info) == keccak(encode([INFO], [values_of(info)]))


@given(transfer_infos)
def test_transfer_info_is_encoded_as_eth_abi_does(info: TransferInfo) -> None:
    assert encode_transfer_info(info) == encode([INFO], [values_of(info)])


@pytest.mark.parametrize("name", ["XCalled", "Executed", "Reconciled"])
def test_a_real_log_decodes_to_an_event_without_a_fault(name: str) -> None:
    log = real_log(name)

    assert broken_integrity(decode(log), log) is None


def test_the_params_of_a_real_transfer_are_the_same_on_both_sides() -> None:
    xcalled, executed = decode(real_log("XCalled")), decode(real_log("Executed"))
    assert isinstance(xcalled, XCalled)
    assert isinstance(executed, Executed)

    assert xcalled.params == executed.params


def test_a_real_xcalled_says_what_was_asked_for() -> None:
    event = decode(real_log("XCalled"))
    assert isinstance(event, XCalled)

    assert (event.params.origin_domain, event.params.destination_domain, event.params.slippage, event.amount) == (
        1001,
        1002,
        300,
        10**18,
    )


def test_a_real_executed_names_both_routers_and_the_amount_less_the_fee() -> None:
    event = decode(real_log("Executed"))
    assert isinstance(event, Executed)

    assert (len(set(event.routers)), event.amount) == (2, 10**18 * 9995 // 10000)


@pytest.mark.parametrize("name", ["XCalled", "Reconciled"])
def test_a_real_event_is_encoded_to_the_bytes_of_its_log(name: str) -> None:
    log = real_log(name)

    assert encode_event(decode(log)) == (log.topics, log.data)


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
        found = decode(changed)
    except MalformedLog:
        return
    assert not isinstance(found, Reconciled)

    hashes_to_its_id = transfer_id_of(found.params) == found.transfer_id
    assert (broken_integrity(found, changed) is not BrokenIntegrity.PARAMS_HASH) == hashes_to_its_id


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
