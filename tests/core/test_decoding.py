"""The three events: against eth_abi, against real logs, and against lies."""

from dataclasses import replace

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import assume, given
from hypothesis import strategies as st

from connext_monitor.core.decoding import (
    EVENT_TOPICS,
    RECONCILED_TOPIC,
    XCALLED_TOPIC,
    broken_integrity,
    decode,
    encode_event,
    encode_transfer_info,
    transfer_id_of,
)
from connext_monitor.core.events import Executed, RawLog, Reconciled, TransferEvent, TransferInfo, XCalled
from tests.core.eth_abi_oracle import INFO, mutated, numbered_words
from tests.core.event_logs import (
    DATA,
    SIGNATURES,
    decoded,
    eth_abi_decodes,
    foreign_executed_logs,
    logs,
    nonces_of,
    real_log,
    values_of,
)
from tests.world.examples import examples
from tests.world.strategies import events, log_of, reconcileds, transfer_infos, words, xcalleds


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


@examples(150)
@given(st.data())
def test_mangled_data_is_read_or_refused_as_by_eth_abi(data: st.DataObject) -> None:
    log = data.draw(logs | foreign_executed_logs().map(lambda drawn: drawn[1]))
    mangled = replace(log, data=data.draw(mutated(st.just(log.data))))
    expected = eth_abi_decodes(mangled)
    assume(expected is None or all(nonce < 2**63 for nonce in nonces_of(expected)))

    assert decoded(mangled) == expected


@examples(150)
@given(logs, st.integers(1, 3), st.one_of(words, numbered_words))
def test_any_topic_word_is_read_or_refused_as_by_eth_abi(log: RawLog, index: int, word: bytes) -> None:
    mangled = replace(log, topics=(*log.topics[:index], word, *log.topics[index + 1 :]))
    expected = eth_abi_decodes(mangled)
    assume(expected is None or all(nonce < 2**63 for nonce in nonces_of(expected)))

    assert decoded(mangled) == expected


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
