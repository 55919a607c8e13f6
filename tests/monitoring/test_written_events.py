"""The short way from the text of a log to its event: equal to the long one, whoever writes whatever."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.coverage import left_out
from connext_monitor.core.decoding import EVENT_TOPICS, slim
from connext_monitor.core.events import (
    Address,
    BlockNumber,
    BlockRef,
    DomainId,
    EventLog,
    Executed,
    Hash32,
    RawLog,
    SeenLog,
    Timestamp,
    TransferEvent,
    XCalled,
)
from connext_monitor.monitoring.chain_data import LogFilter, MalformedEntry
from connext_monitor.monitoring.decoded_log import decode_log
from connext_monitor.monitoring.read_chain_data import read_log, read_logs
from connext_monitor.monitoring.written_events import WrittenEvents
from connext_monitor.monitoring.written_json import WrittenEvent, parse_events
from tests.monitoring.written import entry, raw
from tests.world.examples import examples
from tests.world.packed import packed
from tests.world.strategies import honest_events, log_of
from tests.world.transfers import executed, info, sighting

CONTRACT = Address(bytes(20))
FIRST, LAST = BlockNumber(5), BlockNumber(8)
HASHES = st.binary(min_size=32, max_size=32).map(Hash32)


def domain_of(event: TransferEvent) -> DomainId:
    """A chain on which it can stand."""
    if isinstance(event, XCalled):
        return event.params.origin_domain
    return event.params.destination_domain if isinstance(event, Executed) else DomainId(event.origin_domain ^ 1)


def as_usual(event: TransferEvent) -> TransferEvent:
    """The event; a delivery goes to whom its params name."""
    return replace(event, to=event.params.to) if isinstance(event, Executed) else event


EVENTS = honest_events.map(as_usual)


@st.composite
def standing_logs(draw: st.DrawFn) -> tuple[DomainId, TransferEvent, RawLog]:
    event = draw(EVENTS)
    number, index = BlockNumber(draw(st.integers(FIRST, LAST))), draw(st.integers(0, 2**40))
    block_hash, tx_hash = draw(HASHES), draw(HASHES)
    log = replace(log_of(event), block_number=number, block_hash=block_hash, tx_hash=tx_hash, log_index=index)
    return domain_of(event), event, log


@st.composite
def written_somehow(draw: st.DrawFn) -> tuple[DomainId, RawLog, dict[str, Any]]:
    """A log and its text, changed in one or two places so that it means the same, something else or nothing."""
    domain, _, log = draw(standing_logs())
    fields = entry(log)
    for _ in range(draw(st.integers(0, 2))):
        name = draw(st.sampled_from([*fields, "domain"]))
        if name == "domain":
            domain = draw(st.sampled_from([DomainId(domain ^ 1), DomainId(7)]))
        elif name == "topics":
            topics = fields["topics"]
            index = draw(st.integers(0, len(topics) - 1))
            fields["topics"] = [*topics[:index], *draw(changes_of(topics[index])), *topics[index + 1 :]]
        elif isinstance(fields[name], str):
            fields[name] = draw(changes_of(fields[name]).map(lambda changed: changed[0] if changed else None))
        else:
            fields[name] = draw(st.sampled_from([True, False, None, "true", 0, "no"]))
    return domain, log, fields


def changes_of(text: str) -> st.SearchStrategy[list[str]]:
    """What may stand instead of a text of hex."""
    at = st.integers(0, max(0, len(text) - 1))
    return st.one_of(
        st.sampled_from([[], [text, text], [text[2:]], [text.upper()], ["0x"], ["0x" + text[2:].upper()], [text[:-2]]]),
        st.sampled_from([["0x4"], ["0x9"], ["00" + text[2:]], [text + "00"], ["0x0x" + text[4:]]]),
        st.tuples(at, st.sampled_from("0f xg\u0660")).map(lambda t: [text[: t[0]] + t[1] + text[t[0] + 1 :]]),
    )


def asked(domain: DomainId) -> tuple[LogFilter, WrittenEvents]:
    """What is asked for, and what reads the events among it."""
    log_filter = LogFilter(CONTRACT, [EVENT_TOPICS], FIRST, LAST)
    return log_filter, WrittenEvents(domain, CONTRACT, FIRST, LAST)


def written(log: RawLog) -> WrittenEvent:
    """The log as an endpoint writes it, its fields apart."""
    return parse_events(raw([entry(log)]))[0]


USUAL = executed(info(), sighting(1)).event


def at_length(written: msgspec.Raw, log_filter: LogFilter, events: WrittenEvents) -> SeenLog | MalformedEntry:
    """A log read first, and its event then."""
    log = read_log(written, log_filter)
    return log if isinstance(log, MalformedEntry) else events.read_log(log)


@given(standing_logs())
def test_a_log_written_and_laid_out_as_usual_is_read_at_once(drawn: tuple[DomainId, TransferEvent, RawLog]) -> None:
    domain, event, log = drawn
    read = asked(domain)[1].read(written(log))
    assert read == EventLog(packed(slim(event)), log.block_number, log.block_hash, log.tx_hash, log.log_index)


@examples(200)
@given(written_somehow(), st.booleans())
def test_whatever_is_written_both_ways_say_the_same(
    drawn: tuple[DomainId, RawLog, dict[str, Any]], beside_another: bool
) -> None:
    domain, log, fields = drawn
    log_filter, events = asked(domain)
    entries = [fields, entry(log) | ({"data": 5} if beside_another else {})]
    assert next(read_logs(raw(entries), log_filter, events)) == at_length(raw(fields), log_filter, events)


@given(written_somehow())
def test_of_a_log_its_event_is_what_is_decoded_of_it(drawn: tuple[DomainId, RawLog, dict[str, Any]]) -> None:
    domain, log, fields = drawn
    log_filter, events = asked(domain)
    block = BlockRef(BlockNumber(6), Hash32(bytes(32)), Timestamp(9))
    for read in (log, read_log(raw(fields), log_filter)):
        if not isinstance(read, MalformedEntry):
            assert decode_log(domain, events.read_log(read), block).content == decode_log(domain, read, block).content


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("blockNumber", "0x4"),
        ("blockNumber", "0x9"),
        ("removed", True),
        ("address", "0x" + "01" * 20),
        ("address", "00" * 21),
        ("blockHash", "00" * 33),
        ("transactionHash", "00" * 33),
        ("data", "0x"),
        pytest.param("data", "00" + log_of(USUAL).data.hex(), id="data-without-0x"),
    ],
)
def test_what_is_no_log_that_stands_and_was_asked_for_is_left(field: str, value: object) -> None:
    log = replace(log_of(USUAL), block_number=FIRST)
    log_filter, events = asked(domain_of(USUAL))
    for fields in (entry(log), entry(log) | {field: value}):
        assert list(read_logs(raw([fields]), log_filter, events)) == [at_length(raw(fields), log_filter, events)]


def test_an_event_of_another_chain_is_left() -> None:
    log = replace(log_of(USUAL), block_number=FIRST)
    log_filter, events = asked(DomainId(7))
    assert list(read_logs(raw([entry(log)]), log_filter, events)) == [log]


def test_digits_that_only_together_are_as_usual_are_left() -> None:
    log = replace(log_of(USUAL), block_number=FIRST)
    log_filter, events = asked(domain_of(USUAL))
    digits = b"".join((*log.topics[1:], log.data)).hex()
    topics = [f"0x{log.topics[0].hex()}", digits[:66], f"0x{digits[66:130]}", f"0x{digits[130:194]}"]
    (read,) = read_logs(raw([entry(log, topics=topics, data=f"0x{digits[194:]}")]), log_filter, events)
    assert isinstance(read, MalformedEntry)


@pytest.mark.parametrize("block", [FIRST, LAST])
def test_the_first_and_last_block_are_read_at_once(block: BlockNumber) -> None:
    log = replace(log_of(USUAL), block_number=block)
    assert asked(domain_of(USUAL))[1].read(written(log)) is not None


@given(standing_logs(), st.sampled_from(["address", "topics", "data", "blockHash", "transactionHash"]))
def test_a_log_that_another_endpoint_writes_in_capitals_is_the_same(
    drawn: tuple[DomainId, TransferEvent, RawLog], name: str
) -> None:
    domain, _, log = drawn
    fields = entry(log)
    written = fields[name]
    capitals = [f"0x{text[2:].upper()}" for text in ([written] if isinstance(written, str) else written)]
    fields[name] = capitals if isinstance(written, list) else capitals[0]
    ours, theirs = read_logs(raw([entry(log), fields]), *asked(domain))
    assert not isinstance(ours, MalformedEntry)
    assert not isinstance(theirs, MalformedEntry)
    assert left_out([ours], [theirs]) == []


@given(standing_logs(), HASHES, st.booleans())
def test_another_event_or_transaction_is_left_out(
    drawn: tuple[DomainId, TransferEvent, RawLog], tx_hash: Hash32, elsewhere: bool
) -> None:
    domain, event, log = drawn
    amended = log_of(replace(event, amount=event.amount ^ 1))
    other = replace(log, tx_hash=tx_hash) if elsewhere else replace(log, topics=amended.topics, data=amended.data)
    ours, theirs = read_logs(raw([entry(log), entry(other)]), *asked(domain))
    assert not isinstance(ours, MalformedEntry)
    assert not isinstance(theirs, MalformedEntry)
    assert left_out([ours], [theirs]) == ([] if tx_hash == log.tx_hash and elsewhere else [theirs])
