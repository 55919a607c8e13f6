"""Which headers stay at hand."""

from connext_monitor.core.events import BlockNumber, Hash32, Timestamp
from connext_monitor.monitoring.chain_data import Header
from connext_monitor.monitoring.header_cache import HeaderCache

HALF_AN_HOUR = 1800


def header(number: int, timestamp: int) -> Header:
    return Header(
        BlockNumber(number), hash_of(number), hash_of(number - 1), Timestamp(timestamp), logs_bloom=bytes(256)
    )


def hash_of(number: int) -> Hash32:
    return Hash32(number.to_bytes(32))


def filled(*headers: Header) -> HeaderCache:
    cache = HeaderCache()
    for header in headers:
        cache.add(header)
    return cache


def kept(cache: HeaderCache, *numbers: int) -> list[int]:
    return [number for number in numbers if cache.get(hash_of(number)) is not None]


def test_headers_of_the_last_half_an_hour_are_kept() -> None:
    cache = filled(header(1, 0), header(2, 1), header(3, HALF_AN_HOUR), header(4, HALF_AN_HOUR + 1))
    assert kept(cache, 1, 2, 3, 4) == [2, 3, 4]


def test_a_block_that_comes_after_a_long_silence_is_kept() -> None:
    assert kept(filled(header(1, 0), header(2, 10 * HALF_AN_HOUR)), 1, 2) == [2]


def test_a_header_of_the_past_does_not_displace_those_of_now() -> None:
    now = 10 * HALF_AN_HOUR
    cache = filled(header(100, now), header(1, 0), header(101, now + 12))
    assert kept(cache, 1, 100, 101) == [1, 100, 101]
    cache.add(header(400, now + HALF_AN_HOUR + 1))
    assert kept(cache, 1, 100, 101, 400) == [101, 400]


def test_a_quick_chain_keeps_so_many_and_no_more() -> None:
    cache = filled(*(header(number, 1_000) for number in range(1, 5_000)))
    assert len(kept(cache, *range(1, 5_000))) == 4096
    assert cache.get(hash_of(4_999)) is not None
