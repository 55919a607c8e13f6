"""How long endpoints ask to be left alone, in every form that vendors use and in some that nobody can mean."""

import math
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.rpc_wait import LONGEST_WAIT, in_data, in_headers, in_words, reset_in_headers

NOW = 1_790_000_000.0


def at(seconds: float) -> str:
    return formatdate(NOW + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0.25"}, 0.25),
        ({"Retry-After": "10s"}, 10),
        ({"Retry-After": "1m"}, 60),
        ({"Retry-After": at(30)}, 30),
        ({"Retry-After": at(30), "Date": at(20)}, 10),
        ({"Retry-After": at(-30)}, 0),
        ({"Retry-After": str(int(NOW + 12))}, 12),
        ({"Retry-After": str(int(1000 * (NOW + 12)))}, 12),
        ({"Retry-After-Ms": "1500"}, 1.5),
        ({"Retry-After": "1", "Retry-After-Ms": "1500"}, 1.5),
        ({"Retry-After": "315360000"}, LONGEST_WAIT),
        ({"Retry-After": "-5"}, 0),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
    ],
)
def test_headers_that_ask_for_a_pause(headers: dict[str, str], seconds: float | None) -> None:
    assert in_headers(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"X-RateLimit-Reset": "30"}, 30),
        ({"X-RateLimit-Reset": str(int(NOW + 30))}, 30),
        ({"X-RateLimit-Reset": str(int(1000 * (NOW + 30)))}, 30),
        ({"RateLimit-Reset": "5"}, 5),
        ({"RateLimit": "limit=100, remaining=0, reset=50"}, 50),
        ({"RateLimit": '"default";r=0;t=50'}, 50),
        ({"RateLimit": "remaining=0"}, None),
        ({}, None),
    ],
)
def test_headers_that_say_when_a_limit_begins_anew(headers: dict[str, str], seconds: float | None) -> None:
    assert reset_in_headers(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        ({"try_again_in": "250.5ms"}, 0.2505),
        ({"try_again_in": "1.5s"}, 1.5),
        ({"try_again_in": "2m"}, 120),
        ({"try_again_in": "1m30s"}, 90),
        ({"retry_after": 3}, 3),
        ({"retryAfter": "3"}, 3),
        ({"retry-after": "3 seconds"}, 3),
        ({"retryAfterMs": 500}, 0.5),
        ({"retry_after_seconds": 2.5}, 2.5),
        ({"rate": {"allowed_rps": 1, "backoff_seconds": 30, "current_rps": 1.4}, "see": "https://example.com"}, 30),
        ([{"retry_after": 1}, {"retry_after": 2}], 2),
        ({"reset": NOW + 8}, 8),
        ({"resetAt": "2026-09-21T14:13:28Z"}, 8),
        ({"retry_after": 315_360_000}, LONGEST_WAIT),
        ({"retry_after": -1}, 0),
        ({"retry_after": math.nan}, None),
        ({"retry_after": True}, None),
        ({"retry_after": {}}, None),
        ({"range": 3}, None),
        ("0x", None),
        (None, None),
    ],
)
def test_an_errors_data_that_asks_for_a_pause(data: Any, seconds: float | None) -> None:
    asked = in_data(data, NOW)
    assert asked == (None if seconds is None else pytest.approx(seconds))


def test_a_number_too_long_to_be_written_is_none() -> None:
    assert in_data({"retry_after": 10**5000}, NOW) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Too many requests, try again in 3 seconds", 3),
        ("rate limited, retry after 500ms", 0.5),
        ("call rate limit exhausted, retry in 10s", 10),
        ("please wait 2 minutes", 120),
        ("Retry-After: 4", 4),
        ("limit resets in 1.5 s", 1.5),
        ("retry your request after 5 seconds", 5),
        ("please retry after some time", None),
        ("query exceeds max results 20000, retry with the range 100-299", None),
        ("Try with this block range [0x1, 0x64].", None),
        ("waited 5 blocks", None),
        ("", None),
    ],
)
def test_words_that_ask_for_a_pause(text: str, seconds: float | None) -> None:
    assert in_words(text) == seconds


KEYS = st.sampled_from(["retry_after", "try_again_in", "reset", "resetAt", "backoff_seconds", "wait", "other"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.from_regex(r"[0-9.]{1,9}(ms|s|m|h)?")
DATA = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS | st.text(), inner))


@given(
    DATA,
    st.text(),
    st.dictionaries(st.sampled_from(["Retry-After", "Date", "RateLimit", "X-RateLimit-Reset"]), st.text()),
)
def test_whatever_comes_a_pause_is_bounded_and_nothing_raises(data: Any, text: str, headers: dict[str, str]) -> None:
    for asked in (in_data(data, NOW), in_words(text), in_headers(headers, NOW), reset_in_headers(headers, NOW)):
        assert asked is None or 0 <= asked <= LONGEST_WAIT
