"""When a channel is tried again, and how it may ask for a pause."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.delivery import LONGEST_RETRY_AFTER, LONGEST_WAIT, wait_before, with_retry_after

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
attempts = st.integers(1, 10**6)
jitters = st.floats(0, 1)


@given(attempts, st.none() | st.floats(0, 1e12), jitters)
def test_a_wait_is_between_half_a_second_and_an_hour(attempt: int, asked: float | None, jitter: float) -> None:
    assert 0.5 <= wait_before(attempt, asked, jitter) <= LONGEST_RETRY_AFTER


@given(attempts, jitters)
def test_our_own_waits_end_within_an_hour(attempt: int, jitter: float) -> None:
    assert wait_before(attempt, None, jitter) <= LONGEST_WAIT == 3600.0


@given(attempts, st.floats(0, LONGEST_RETRY_AFTER), jitters)
def test_a_wait_is_never_shorter_than_the_channel_asked_for(attempt: int, asked: float, jitter: float) -> None:
    assert wait_before(attempt, asked, jitter) >= asked


@given(st.integers(1, 8), jitters)
def test_a_wait_doubles_with_each_try_until_the_longest(attempt: int, jitter: float) -> None:
    assert wait_before(attempt + 1, None, jitter) == 2 * wait_before(attempt, None, jitter)


@given(attempts)
def test_half_of_a_wait_is_random(attempt: int) -> None:
    assert wait_before(attempt, None, 1.0) == 2 * wait_before(attempt, None, 0.0)


@pytest.mark.parametrize("asked", [None, 0.0, 60.0])
def test_a_short_wait_is_not_worth_a_word(asked: float | None) -> None:
    assert with_retry_after("answered 429", asked, NOW) == "answered 429"


def test_it_is_said_until_when_a_channel_asks_to_wait() -> None:
    assert with_retry_after("answered 429", 1800, NOW) == "answered 429 and asks to wait until 2026-03-01 12:30:00 UTC"


@pytest.mark.parametrize("years", [10, 10**5, 10**290])
def test_a_wait_cut_to_an_hour_says_so(years: int) -> None:
    said = with_retry_after("answered 429", years * 365 * 86400.0, NOW)
    assert said.endswith("; it is tried within an hour all the same")
    assert "asks to wait" in said
    if years == 10:
        assert "until 2036-02-27 12:00:00 UTC" in said
