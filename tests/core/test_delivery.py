"""When a channel is tried again, and how it may ask for a pause."""

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.delivery import (
    LONGEST_ASKED,
    LONGEST_WAIT,
    longest,
    retry_after,
    seconds_asked,
    wait_before,
    with_wait_asked,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
attempts = st.integers(1, 10**6)
jitters = st.floats(0, 1)


@given(attempts, st.none() | st.floats(0, 1e12), jitters)
def test_a_wait_is_at_least_half_a_second_and_at_most_an_hour(attempt: int, asked: float | None, jitter: float) -> None:
    assert 0.5 <= wait_before(attempt, asked, jitter) <= LONGEST_ASKED


@given(attempts, jitters)
def test_our_own_waits_end_within_an_hour(attempt: int, jitter: float) -> None:
    assert wait_before(attempt, None, jitter) <= LONGEST_WAIT == 3600.0


@given(attempts, st.floats(0, LONGEST_ASKED), jitters)
def test_a_wait_is_never_shorter_than_the_channel_asked_for(attempt: int, asked: float, jitter: float) -> None:
    assert wait_before(attempt, asked, jitter) >= asked


@given(st.integers(1, 8), jitters)
def test_a_wait_doubles_with_each_try_until_the_longest(attempt: int, jitter: float) -> None:
    assert wait_before(attempt + 1, None, jitter) == 2 * wait_before(attempt, None, jitter)


@given(attempts)
def test_half_of_a_wait_is_random(attempt: int) -> None:
    assert wait_before(attempt, None, 1.0) == 2 * wait_before(attempt, None, 0.0)


@given(st.floats(0, 1e300))
def test_seconds_are_read_from_numbers_and_from_text(seconds: float) -> None:
    assert seconds_asked(seconds) == seconds_asked(repr(seconds)) == seconds


@pytest.mark.parametrize(
    "value", [None, True, "", "soon", "NaN", "inf", -1, "-1", math.inf, math.nan, [], {}, b"5", 10**400, "9" * 400]
)
def test_what_is_no_number_of_seconds_asks_for_nothing(value: object) -> None:
    assert seconds_asked(value) is None


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ \S+", fullmatch=True))
def test_no_header_can_do_more_than_ask_for_a_pause(header: str) -> None:
    asked = retry_after(header, NOW)
    assert asked is None or (math.isfinite(asked) and asked >= 0)


@given(st.integers(0, 10**7))
def test_a_date_asks_for_the_time_until_it(seconds: int) -> None:
    header = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after(header, NOW) == seconds


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30.0), ("1500ms", 1.5), ("1.5 S", 1.5), (" 7 ", 7.0)])
def test_a_unit_is_read_where_it_is_named(text: str, seconds: float) -> None:
    assert seconds_asked(text) == retry_after(text, NOW) == seconds


@pytest.mark.parametrize("number", [NOW.timestamp() + 90, 1000 * (NOW.timestamp() + 90)])
def test_a_moment_in_unix_time_is_that_moment(number: float) -> None:
    assert retry_after(f"{number:.0f}", NOW) == 90.0
    assert retry_after(f"{NOW.timestamp() - 90:.0f}", NOW) == 0.0


def test_a_date_that_has_passed_asks_for_no_time() -> None:
    assert retry_after("Thu, 01 Jan 1970 00:00:00 GMT", NOW) == 0.0


def test_a_date_without_a_zone_is_read_as_utc() -> None:
    assert retry_after("Sun, 01 Mar 2026 12:00:30 -0000", NOW) == 30.0


def test_no_header_asks_for_nothing() -> None:
    assert retry_after(None, NOW) is None


def test_the_longest_of_several_is_what_counts() -> None:
    assert longest(None, 3.0, 7.5) == 7.5
    assert longest(None, None) is None
    assert longest(0.0, 7.5) == 7.5


@pytest.mark.parametrize(
    ("asked", "meant"),
    [((1.234, 1234.0), 1.234), ((2.0, 1234.0), 2.0), ((1234.0, 1234.0, 1.234), 1.234), ((30.0, 299.0), 299.0)],
)
def test_what_is_a_hundred_times_another_was_written_in_milliseconds(asked: tuple[float, ...], meant: float) -> None:
    assert longest(*asked) == longest(*reversed(asked)) == meant


@pytest.mark.parametrize("asked", [None, 0.0, 60.0])
def test_a_short_wait_is_not_worth_a_word(asked: float | None) -> None:
    assert with_wait_asked("answered 429", asked, NOW) == "answered 429"


def test_it_is_said_until_when_a_channel_asks_to_wait() -> None:
    assert with_wait_asked("answered 429", 1800, NOW) == "answered 429 and asks to wait until 2026-03-01 12:30:00 UTC"


@pytest.mark.parametrize("years", [10, 10**5, 10**290])
def test_of_a_wait_that_is_not_kept_it_is_said_so(years: int) -> None:
    said = with_wait_asked("answered 429", years * 365 * 86400.0, NOW)
    assert said.endswith("; it is tried within an hour all the same")
    assert "asks to wait" in said
    if years == 10:
        assert "until 2036-02-27 12:00:00 UTC" in said
