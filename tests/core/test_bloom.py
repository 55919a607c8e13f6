"""What a block's bloom filter says; the oracle is the definition, bit by bit."""

from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.bloom import LogMask, claims, denies

ADDRESS, TOPIC, OTHER = b"\x11" * 20, b"\x22" * 32, b"\x33" * 32
MASK = LogMask.of(ADDRESS, [TOPIC, OTHER])
values = st.binary(min_size=20, max_size=32)


def bloom_of(*contents: bytes) -> bytes:
    """Bit by bit, byte 255 holding the bits 0 to 7."""
    filled = bytearray(256)
    for value in contents:
        digest = keccak(value)
        for pair in (digest[0:2], digest[2:4], digest[4:6]):
            bit = int.from_bytes(pair, "big") & 0x7FF
            filled[255 - bit // 8] |= 1 << (bit % 8)
    return bytes(filled)


def test_a_log_that_is_there_is_claimed() -> None:
    assert claims(bloom_of(ADDRESS, TOPIC), MASK)


def test_the_address_alone_claims_nothing() -> None:
    assert not claims(bloom_of(ADDRESS), MASK)


def test_an_empty_filter_claims_nothing_and_denies() -> None:
    assert not claims(bytes(256), MASK)
    assert denies(bytes(256), MASK)


def test_a_filter_so_full_that_it_claims_everything_says_nothing() -> None:
    assert not claims(b"\xff" * 256, MASK)
    assert not denies(b"\xff" * 256, MASK)


@given(st.lists(values, max_size=500))
def test_what_is_there_is_never_denied(others: list[bytes]) -> None:
    assert not denies(bloom_of(ADDRESS, OTHER, *others), MASK)


@given(st.lists(values, max_size=40))
def test_what_is_claimed_is_not_denied(others: list[bytes]) -> None:
    bloom = bloom_of(*others)
    assert not (claims(bloom, MASK) and denies(bloom, MASK))
