from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.stats import (
    BOUNDS,
    PathwayStats,
    Window,
    latency,
    shares_of,
    starts,
    usual_width,
)
from tests.world.transfers import ALPHA, BETA

taken = st.lists(st.integers(0, 100_000) | st.sampled_from(BOUNDS), min_size=1)


@given(taken)
def test_a_percentile_is_the_nearest_rank_among_all_that_were_seen(seconds: list[int]) -> None:
    figures = latency(sorted(seconds))
    ranked = sorted(seconds)
    assert figures.count == len(seconds)
    for percentile, percent in ((figures.p50, 50), (figures.p95, 95), (figures.p99, 99)):
        assert percentile == ranked[ceil(len(seconds) * percent / 100) - 1]


def test_the_p95_of_a_hundred_legs_is_the_95th() -> None:
    figures = latency(range(1, 101))
    assert (figures.count, figures.p50, figures.p95, figures.p99) == (100, 50, 95, 99)
    nothing = latency([])
    assert (nothing.count, nothing.p50) == (0, None)


@given(st.integers(0, 2**256), st.integers(1, 10))
def test_shares_are_even_and_add_up_to_the_amount(amount: int, routers: int) -> None:
    shares = shares_of([amount], routers)
    assert sum(shares) == amount
    assert len(shares) == routers
    assert set(shares[:-1]) <= {amount // routers}
    assert 0 <= shares[-1] - amount // routers < routers


@given(st.lists(st.integers(0, 2**256)), st.integers(1, 10))
def test_shares_of_several_amounts_are_those_of_each(amounts: list[int], routers: int) -> None:
    each = [shares_of([amount], routers) for amount in amounts]
    assert shares_of(amounts, routers) == [sum(shares[router] for shares in each) for router in range(routers)]


@given(st.integers(0, 2 * 10**9), st.integers(1, 400 * 86_400))
def test_a_timeline_covers_its_window_with_few_aligned_parts(since: int, length: int) -> None:
    window = Window(since, since + length)
    width = usual_width(window)
    parts = starts(window, width)
    assert parts[0] <= window.since < parts[0] + width
    assert parts[-1] < window.until <= parts[-1] + width
    assert all(part % width == 0 for part in parts)
    assert len(parts) <= 402


def test_a_day_and_a_week_are_shown_by_the_hour() -> None:
    assert [usual_width(Window(0, days * 86_400)) for days in (1, 7, 30)] == [3_600, 3_600, 21_600]


def test_the_fast_share_is_of_what_was_executed() -> None:
    assert PathwayStats(ALPHA, BETA, begun=10, executed_fast=3, executed_slow=1).fast_share == 0.75
    assert PathwayStats(ALPHA, BETA, begun=10).fast_share is None
