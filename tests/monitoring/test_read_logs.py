"""Blocks and logs read from JSON: what is well-formed comes back whole, and nothing else passes."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.events import Address, BlockNumber, Hash32, RawLog
from connext_monitor.monitoring.chain_data import LogFilter, MalformedEntry, PushedLog, to_hex
from connext_monitor.monitoring.read_chain_data import (
    Unreadable,
    read_bytes,
    read_header,
    read_log,
    read_logs,
    read_pushed_log,
    read_quantity,
)
from tests.monitoring.written import entry, raw

CONTRACT = Address(b"\xc0" * 20)
TOPIC = b"\x01" * 32
ANY = LogFilter(CONTRACT, [])

NUMBERS = st.integers(0, 2**63 - 1)
HASHES = st.binary(min_size=32, max_size=32).map(Hash32)
LOGS = st.builds(
    RawLog,
    address=st.just(CONTRACT),
    topics=st.lists(HASHES, max_size=4).map(tuple),
    data=st.binary(max_size=200),
    block_number=NUMBERS.map(BlockNumber),
    block_hash=HASHES,
    tx_hash=HASHES,
    log_index=NUMBERS,
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(["0x", "0x1", "0x" + "00" * 32]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


LOG = RawLog(CONTRACT, (TOPIC,), b"\xda\x7a", BlockNumber(9), Hash32(b"\xb0" * 32), Hash32(b"\x7a" * 32), 3)


@given(LOGS)
def test_every_log_comes_back_as_it_was_written(log: RawLog) -> None:
    assert read_log(raw(entry(log)), ANY) == log


@pytest.mark.parametrize("hint", ["0x0", "0x64", 100, None, "soon", {}])
def test_the_hint_of_a_block_timestamp_is_ignored(hint: object) -> None:
    assert read_log(raw(entry(LOG, blockTimestamp=hint, l1BatchNumber=hint, logType=hint)), ANY) == LOG


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("blockNumber", None),
        ("blockHash", None),
        ("transactionHash", None),
        ("logIndex", None),
        ("address", "0x" + "c0" * 19),
        ("address", "0x" + "c0" * 21),
        ("address", "00" + "c0" * 20),
        ("address", "0x" + "00" * 12 + "c0" * 20),
        ("address", "0x" + "zz" * 20),
        ("topics", None),
        ("topics", "0x" + "01" * 32),
        ("topics", ["0x" + "01" * 31]),
        ("topics", ["01" * 33]),
        ("topics", ["0x" + "01" * 32] * 5),
        ("topics", [None]),
        ("data", "0x0"),
        ("data", "0x00 0"),
        ("data", "da7"),
        ("data", None),
        ("blockHash", "0x" + "b0" * 31 + " 0"),
        ("blockHash", "0x" + "0x" + "b0" * 31),
        ("blockHash", "b0" * 33),
        ("transactionHash", "7a" * 33),
        ("blockNumber", 9.5),
        ("blockNumber", True),
        ("blockNumber", -9),
        ("blockNumber", 2**63),
        ("blockNumber", "09"),
        ("blockNumber", "9a"),
        ("blockNumber", "+9"),
        ("blockNumber", " 9"),
        ("blockNumber", "1e3"),
        ("blockNumber", "\u0669"),
        ("blockNumber", str(2**63)),
        ("blockNumber", "9" * 3_000),
        ("blockNumber", "0x"),
        ("blockNumber", "0x-1"),
        ("blockNumber", "0x_1"),
        ("blockNumber", "0x1_0"),
        ("blockNumber", "0x\u0661"),
        ("blockNumber", "0xg"),
        ("blockNumber", hex(2**63)),
        ("blockNumber", "0x" + "0" * 3_000),
        ("logIndex", hex(2**64)),
        ("removed", "no"),
        ("removed", ""),
        ("removed", 2),
        ("removed", 0.0),
    ],
)
def test_a_log_with_a_bad_field_is_kept_as_it_came(field: str, value: object) -> None:
    given_entry = raw(entry(LOG, **{field: value}))
    malformed = read_log(given_entry, ANY)
    assert isinstance(malformed, MalformedEntry)
    assert (malformed.json, malformed.unreadable) == (bytes(given_entry), True)


def test_the_beginning_of_a_long_malformed_log_is_kept() -> None:
    malformed = read_log(raw(entry(LOG, data="0x0" + "0" * 100_000)), ANY)
    assert isinstance(malformed, MalformedEntry)
    assert len(malformed.json) == 4096


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("removed", None),
        ("removed", "false"),
        ("removed", 0),
        ("removed", "0x0"),
        *(("blockNumber", value) for value in (3, "3", "0x0003", "0X3", f"0x{3:064x}")),
        *(("logIndex", value) for value in (3, "3", "0x0003", "0X3", f"0x{3:064x}")),
        ("address", "0x" + "C0" * 20),
        ("address", "c0" * 20),
        ("topics", ["0X" + "01" * 32]),
        ("blockHash", "0x" + "B0" * 32),
        ("blockHash", "B0" * 32),
        ("transactionHash", "7A" * 32),
        ("data", "0xDA7A"),
        ("data", "da7a"),
    ],
)
def test_what_has_one_meaning_is_read_however_written(field: str, value: object) -> None:
    number = 3 if field == "blockNumber" else 9
    log = RawLog(CONTRACT, (TOPIC,), b"\xda\x7a", BlockNumber(number), LOG.block_hash, LOG.tx_hash, 3)
    assert list(read_logs(raw([entry(log), entry(log, **{field: value})]), ANY)) == [log, log]


def test_a_log_without_a_flag_stands() -> None:
    fields = entry(LOG)
    del fields["removed"]
    assert read_log(raw(fields), ANY) == LOG


def test_a_list_of_far_more_entries_than_logs_is_not_taken_apart() -> None:
    with pytest.raises(Unreadable, match="far larger than any list of logs"):
        read_logs(msgspec.Raw(b"[" + b"0," * 1_100_000 + b"0]"), ANY)


@pytest.mark.parametrize(
    "field", ["address", "topics", "data", "blockNumber", "blockHash", "transactionHash", "logIndex"]
)
def test_a_log_without_a_field_is_malformed(field: str) -> None:
    fields = entry(LOG)
    del fields[field]
    assert isinstance(read_log(raw(fields), ANY), MalformedEntry)


@pytest.mark.parametrize(
    ("criteria", "reason"),
    [
        (LogFilter(Address(b"\xc1" * 20), []), "it is from another contract"),
        (LogFilter(CONTRACT, [b"\x02" * 32]), "its topics were not asked for"),
        (LogFilter(CONTRACT, [[b"\x02" * 32, b"\x03" * 32]]), "its topics were not asked for"),
        (LogFilter(CONTRACT, [TOPIC, TOPIC]), "its topics were not asked for"),
        (LogFilter(CONTRACT, [], from_block=BlockNumber(10)), "its block was not asked for"),
        (LogFilter(CONTRACT, [], to_block=BlockNumber(8)), "its block was not asked for"),
    ],
)
def test_a_log_that_was_not_asked_for_is_malformed(criteria: LogFilter, reason: str) -> None:
    assert read_log(raw(entry(LOG)), criteria) == MalformedEntry(bytes(raw(entry(LOG))), reason)


@pytest.mark.parametrize("topics", [[], [None], [TOPIC], [[b"\x02" * 32, TOPIC]]])
def test_a_log_that_was_asked_for_is_taken(topics: Any) -> None:
    assert read_log(raw(entry(LOG)), LogFilter(CONTRACT, topics, BlockNumber(9), BlockNumber(9))) == LOG


def test_a_removed_log_in_an_answer_is_malformed() -> None:
    malformed = read_log(raw(entry(LOG, removed=True)), ANY)
    assert isinstance(malformed, MalformedEntry)
    assert malformed.reason == "it was removed"


@pytest.mark.parametrize("removed", [True, False])
def test_a_pushed_log_says_whether_it_was_removed(removed: bool) -> None:
    assert read_pushed_log(raw(entry(LOG, removed=removed)), ANY) == PushedLog(LOG, removed)


def test_a_filter_is_written_as_json_rpc_has_it() -> None:
    criteria = LogFilter(CONTRACT, [[TOPIC, TOPIC], None, TOPIC], BlockNumber(0), BlockNumber(255))
    topic = to_hex(TOPIC)
    assert msgspec.json.decode(msgspec.json.encode(criteria.params())) == {
        "address": "0x" + "c0" * 20,
        "topics": [[topic, topic], None, topic],
        "fromBlock": "0x0",
        "toBlock": "0xff",
    }


@given(JSON)
def test_any_json_is_read_or_refused(value: object) -> None:
    given_value = raw(value)
    assert isinstance(read_log(given_value, ANY), MalformedEntry)
    for read in (read_header, read_quantity, read_bytes):
        try:
            read(given_value)
        except Unreadable:
            continue


@given(st.binary(max_size=30))
def test_any_bytes_are_read_or_refused(value: bytes) -> None:
    for read in (read_header, read_quantity, read_bytes):
        try:
            read(msgspec.Raw(value))
        except Unreadable:
            continue
    assert isinstance(read_log(msgspec.Raw(value), ANY), MalformedEntry)
