"""How instants and hashes are written."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.formats import hex_text, rfc3339, unix_rfc3339
from tests.world.alerts import NOW


@given(st.integers(0, 2**36 * 10**6), st.integers(-14, 14))
def test_a_time_is_the_same_instant_in_utc_to_the_millisecond(microseconds: int, hours: int) -> None:
    instant = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)
    text = rfc3339(instant.astimezone(timezone(timedelta(hours=hours))))
    assert text.endswith("Z")
    assert timedelta() <= instant - datetime.fromisoformat(text) < timedelta(milliseconds=1)


def test_milliseconds_are_written_only_where_there_are_any() -> None:
    assert rfc3339(NOW) == "2026-03-01T12:00:00Z"
    assert rfc3339(NOW + timedelta(milliseconds=25)) == "2026-03-01T12:00:00.025Z"
    assert unix_rfc3339(0) == "1970-01-01T00:00:00Z"


@given(st.binary())
def test_hex_is_lower_case_and_reads_back(value: bytes) -> None:
    text = hex_text(value)
    assert bytes.fromhex(text[2:]) == value
    assert text == text.lower()
