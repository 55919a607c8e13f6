"""Headers and quantities, read from whatever endpoints write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.events import BlockNumber, Hash32, Timestamp
from connext_monitor.monitoring.chain_data import Header, to_hex
from connext_monitor.monitoring.read_chain_data import (
    Unreadable,
    read_bytes,
    read_header,
    read_quantity,
)
from tests.monitoring.written import raw

BLOCK = {"number": "0x9", "hash": "0x" + "b0" * 32, "parentHash": "0x" + "af" * 32, "timestamp": "0x64", "extra": {}}


@pytest.mark.parametrize(
    "change",
    [
        {"number": 9, "timestamp": 100},
        {"number": "9", "timestamp": "100"},
        {"number": 9.0, "timestamp": 1e2},
        {"number": "0x0009", "timestamp": "0X64"},
        {"hash": "B0" * 32, "parentHash": "0xAF" + "af" * 31, "logsBloom": None},
    ],
)
def test_a_header_is_read_however_it_is_written(change: dict[str, object]) -> None:
    assert read_header(raw(BLOCK | change)) == read_header(raw(BLOCK))


@pytest.mark.parametrize(
    ("written", "number"), [*((written, 31337) for written in ("0x7a69", "31337", 31337, 31337.0)), (0, 0), ("0", 0)]
)
def test_a_quantity_is_read_however_it_is_written(written: object, number: int) -> None:
    assert read_quantity(raw(written)) == number


@pytest.mark.parametrize("written", [0.5, -1.0, 2.0**53, 1e300, True, [1], "1.0"])
def test_a_quantity_that_is_not_exact_is_unreadable(written: object) -> None:
    with pytest.raises(Unreadable):
        read_quantity(raw(written))


def test_a_header_is_read_whatever_else_the_block_has() -> None:
    header = read_header(raw(BLOCK | {"logsBloom": "0x" + "11" * 256, "difficulty": None, "transactions": "odd"}))
    block_hash, parent_hash = Hash32(b"\xb0" * 32), Hash32(b"\xaf" * 32)
    assert header == Header(BlockNumber(9), block_hash, parent_hash, Timestamp(100), b"\x11" * 256)


def test_null_is_no_block() -> None:
    assert read_header(raw(None)) is None


@pytest.mark.parametrize("bloom", [None, "0x", "0x11", "odd"])
def test_a_missing_bloom_does_no_harm(bloom: object) -> None:
    header = read_header(raw(BLOCK | {"logsBloom": bloom}))
    assert header is not None
    assert header.logs_bloom is None


@pytest.mark.parametrize(
    "change", [{"hash": None}, {"hash": "0x00"}, {"number": None}, {"timestamp": 100.5}, {"parentHash": 1}]
)
def test_a_block_with_a_bad_field_is_unreadable(change: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        read_header(raw(BLOCK | change))


@given(st.integers(0, 2**63 - 1))
def test_a_quantity_comes_back_as_it_was_written(number: int) -> None:
    assert read_quantity(raw(hex(number))) == number


@given(st.binary(max_size=100))
def test_bytes_come_back_as_they_were_written(value: bytes) -> None:
    assert read_bytes(raw(to_hex(value))) == value
