"""Waits as servers write them: numbers, lengths with their unit, instants, and things that are none of these."""

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.retry_after import longest_wait, seconds_in, wait_in

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@given(st.floats(0, 1e300))
def test_seconds_are_read_from_numbers_and_from_text(seconds: float) -> None:
    assert seconds_in(seconds) == seconds_in(repr(seconds)) == seconds


@pytest.mark.parametrize(
    "value", [None, True, "", "soon", "NaN", "inf", math.inf, math.nan, [], {}, b"5", 10**400, "9" * 400]
)
def test_anything_but_a_number_of_seconds_asks_for_nothing(value: object) -> None:
    assert seconds_in(value) is None


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ \S+", fullmatch=True))
def test_no_header_can_do_more_than_ask_for_a_pause(header: str) -> None:
    asked = wait_in(header, NOW.timestamp())
    assert asked is None or (math.isfinite(asked) and asked >= 0)


@given(st.integers(0, 10**7))
def test_a_date_asks_for_the_time_until_it(seconds: int) -> None:
    header = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert wait_in(header, NOW.timestamp()) == seconds


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30.0), ("1500ms", 1.5), ("1.5 S", 1.5), (" 7 ", 7.0)])
def test_a_unit_is_read_where_it_is_named(text: str, seconds: float) -> None:
    assert seconds_in(text) == wait_in(text, NOW.timestamp()) == seconds


@pytest.mark.parametrize("number", [NOW.timestamp() + 90, 1000 * (NOW.timestamp() + 90)])
def test_a_moment_in_unix_time_is_that_moment(number: float) -> None:
    assert wait_in(f"{number:.0f}", NOW.timestamp()) == 90.0
    assert wait_in(f"{NOW.timestamp() - 90:.0f}", NOW.timestamp()) == 0.0


def test_a_date_that_has_passed_asks_for_no_time() -> None:
    assert wait_in("Thu, 01 Jan 1970 00:00:00 GMT", NOW.timestamp()) == 0.0


def test_a_date_without_a_zone_is_read_as_utc() -> None:
    assert wait_in("Sun, 01 Mar 2026 12:00:30 -0000", NOW.timestamp()) == 30.0


def test_no_header_asks_for_nothing() -> None:
    assert wait_in(None, NOW.timestamp()) is None


def test_the_longest_of_several_waits_counts() -> None:
    assert longest_wait(None, 3.0, 7.5) == 7.5
    assert longest_wait(None, None) is None
    assert longest_wait(0.0, 7.5) == 7.5


@pytest.mark.parametrize(
    ("asked", "meant"),
    [((1.234, 1234.0), 1.234), ((2.0, 1234.0), 2.0), ((1234.0, 1234.0, 1.234), 1.234), ((30.0, 299.0), 299.0)],
)
def test_a_wait_a_hundred_times_another_was_in_milliseconds(asked: tuple[float, ...], meant: float) -> None:
    assert longest_wait(*asked) == longest_wait(*reversed(asked)) == meant


@pytest.mark.parametrize("number", [-1, "-1", -0.5])
def test_a_negative_wait_is_no_wait(number: object) -> None:
    assert seconds_in(number) == 0.0
