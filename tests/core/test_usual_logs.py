"""The short way through a log: equal to the long one wherever it reads a log at all, and it reads those that come."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.decoding import (
    EXECUTED_TOPIC,
    XCALLED_TOPIC,
    MalformedLog,
    broken_integrity,
    decode,
    slim,
    transfer_id_of,
)
from connext_monitor.core.events import Address, Executed, PackedEvent, RawLog, Reconciled, TransferEvent, XCalled
from connext_monitor.core.keccak import keccak
from connext_monitor.core.mismatch import mismatch
from connext_monitor.core.usual_logs import usual_event
from tests.core.eth_abi_oracle import mutated, numbered_words
from tests.core.event_logs import foreign_executed_logs, real_log
from tests.world.examples import examples
from tests.world.packed import packed
from tests.world.strategies import honest_events, honest_xcalleds, log_of, raw_log, words
from tests.world.transfers import ROUTER, executed, info, reconciled, sighting, xcalled

_WORD = 32
_PARAMS_AT = {XCALLED_TOPIC: 5 * _WORD, EXECUTED_TOPIC: 9 * _WORD}
"""Where the params stand in the data of an event that is laid out as usual."""


def paid_as_named(event: TransferEvent) -> TransferEvent:
    """The event; a delivery goes to whom its params name, as each honest one does."""
    return replace(event, to=event.params.to) if isinstance(event, Executed) else event


usual_events = honest_events.map(paid_as_named)
usual_logs = usual_events.map(log_of)


def in_the_long_way(log: RawLog) -> PackedEvent | None:
    """The event, slim and packed; None where the log cannot be decoded or contradicts itself."""
    try:
        event = decode(log)
    except MalformedLog:
        return None
    broken = broken_integrity(event, log)
    return packed(slim(event)) if broken is None and mismatch(event, broken) is None else None


def named_anew(log: RawLog) -> RawLog:
    """The log with the transfer id that what stands in the usual place of its params hashes to."""
    start = _PARAMS_AT.get(log.topics[0])
    if start is None:
        return log
    length = int.from_bytes(log.data[start + 13 * _WORD : start + 14 * _WORD], "big") % 1000
    params = log.data[start : start + 14 * _WORD + length + -length % _WORD]
    hashed = keccak(_WORD.to_bytes(_WORD, "big") + params)
    return replace(log, topics=(log.topics[0], hashed, *log.topics[2:]))


def holds(log: RawLog) -> bool:
    """Whether the short way says nothing of the log, or what the long one says; and so under an id that fits it."""
    return all(usual_event(either) in (None, in_the_long_way(either)) for either in (log, named_anew(log)))


@given(usual_events)
def test_what_is_laid_out_as_usual_is_read(event: TransferEvent) -> None:
    assert usual_event(log_of(event)) == packed(slim(event))


@pytest.mark.parametrize("name", ["XCalled", "Executed", "Reconciled"])
def test_a_real_log_is_read(name: str) -> None:
    log = real_log(name)

    assert usual_event(log) == packed(slim(decode(log)))


@examples(150)
@given(st.data())
def test_mangled_data_is_left_or_read_as_ever(data: st.DataObject) -> None:
    log = data.draw(usual_logs | foreign_executed_logs().map(lambda drawn: drawn[1]))

    assert holds(replace(log, data=data.draw(mutated(st.just(log.data)))))


@examples(100)
@given(usual_logs, st.integers(1, 3), words | numbered_words)
def test_any_topic_is_left_or_read_as_ever(log: RawLog, index: int, word: bytes) -> None:
    assert holds(replace(log, topics=(*log.topics[:index], word, *log.topics[index + 1 :])))


PAID = replace(info(), call_data=b"\x0b" * 5)
XCALLED, RECONCILED = xcalled(PAID, sighting(1)).event, reconciled(PAID, sighting(1)).event
assert isinstance(XCALLED, XCalled)
assert isinstance(RECONCILED, Reconciled)
SMALL_EVENTS: list[TransferEvent] = [
    replace(XCALLED, message_body=b"\x0c" * 7),
    *(executed(PAID, sighting(1), routers).event for routers in ((), (ROUTER,), (ROUTER, ROUTER))),
    *(replace(RECONCILED, routers=routers) for routers in ((), (ROUTER,))),
]
small_logs = pytest.mark.parametrize("log", [log_of(event) for event in SMALL_EVENTS], ids=range(len(SMALL_EVENTS)))


def rest_of(log: RawLog, words: bytes, ends: Sequence[int] = (32, 64, 96)) -> RawLog:
    """The log with these words: topics that end at these bytes, and the rest in its data."""
    topics = [words[start:end] for start, end in pairwise((0, *ends))]
    return raw_log((log.topics[0], *topics), words[ends[-1] :])


def flipped(data: bytes) -> Iterator[bytes]:
    """The data with each of its bits flipped in turn."""
    whole = int.from_bytes(data, "big")
    return ((whole ^ 1 << bit).to_bytes(len(data), "big") for bit in range(8 * len(data)))


@small_logs
def test_a_log_with_any_bit_flipped_is_left_or_read_as_ever(log: RawLog) -> None:
    assert all(holds(rest_of(log, words)) for words in flipped(b"".join((*log.topics[1:], log.data))))


@small_logs
def test_a_cut_or_extended_log_is_left_or_read_as_ever(log: RawLog) -> None:
    assert all(holds(replace(log, data=log.data[:end])) for end in range(len(log.data)))
    assert all(holds(replace(log, data=log.data + bytes(more))) for more in range(1, 3 * _WORD))


@small_logs
def test_a_cut_log_without_a_word_is_left_or_read_as_ever(log: RawLog) -> None:
    # Above all without its first word: what follows then is at the right distance from the end.
    words = b"".join((*log.topics[1:], log.data))
    for at in range(0, len(words), _WORD):
        without = words[:at] + words[at + _WORD :]
        assert all(holds(rest_of(log, without[:end])) for end in range(3 * _WORD, len(words), _WORD))


@pytest.mark.parametrize("routers", [(), (ROUTER,), (ROUTER, ROUTER)], ids=len)
def test_pointers_moved_together_are_left_or_read_as_ever(routers: tuple[Address, ...]) -> None:
    log = log_of(executed(PAID, sighting(1), routers).event)
    pointers = [word * _WORD for word in (5, 6, 8)]  # of the args: to routers, to signatures, to the sequencer's

    for count in (1, 2, 3):
        for by in range(8 * _WORD):
            data = bytearray(log.data)
            for at in pointers[-count:]:
                data[at : at + _WORD] = (int.from_bytes(data[at : at + _WORD], "big") + by).to_bytes(_WORD, "big")
            assert holds(replace(log, data=bytes(data)))


@pytest.mark.parametrize("ends", [(31, 64, 96), (32, 63, 96), (33, 65, 97), (32, 65, 97), (32, 64, 97), (31, 63, 95)])
@small_logs
def test_uneven_topics_are_left(log: RawLog, ends: tuple[int, int, int]) -> None:
    assert usual_event(rest_of(log, b"".join((*log.topics[1:], log.data)), ends)) is None


@small_logs
def test_another_number_of_topics_or_another_event_is_left(log: RawLog) -> None:
    others = [(), log.topics[:3], (*log.topics, bytes(_WORD)), (bytes(_WORD), *log.topics[1:])]

    assert [usual_event(replace(log, topics=topics)) for topics in others] == [None] * 4


@given(honest_xcalleds, st.integers(2**63, 2**64))
def test_a_nonce_of_2_to_the_63_or_more_is_left(event: XCalled, nonce: int) -> None:
    params = replace(event.params, nonce=nonce)

    assert usual_event(log_of(replace(event, transfer_id=transfer_id_of(params), params=params, nonce=nonce))) is None
