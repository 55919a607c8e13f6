"""What is no event of ours, or holds what none can hold, is refused, and says where it is wrong."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.decoding import EVENT_TOPICS, XCALLED_TOPIC, MalformedLog, decode
from connext_monitor.core.events import Executed, XCalled
from tests.core.event_logs import real_log, refusal
from tests.world.strategies import executeds, log_of, raw_log, xcalleds


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
    ("name", "index", "message"),
    [
        ("Executed", 2, "Executed: to is not a valid address"),
        ("Executed", 3, "Executed: asset is not a valid address"),
        ("Reconciled", 2, "Reconciled: originDomain is not a valid uint32"),
        ("Reconciled", 3, "Reconciled: local is not a valid address"),
    ],
)
def test_an_improper_topic_is_refused_by_name(name: str, index: int, message: str) -> None:
    log = real_log(name)
    topics = (*log.topics[:index], b"\xff" * 32, *log.topics[index + 1 :])

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
