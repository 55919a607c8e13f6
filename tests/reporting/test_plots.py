"""What is drawn stands within the drawing, in proportion, and is in the table behind it."""

from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.core.deadline import Leg
from connext_monitor.core.stats import BOUNDS, LatencyPercentiles, TimeBucket, Timeline
from connext_monitor.reporting.web.plots import WIDTH, Plot, distribution_plot, latency_plot, spark, transfers_plot
from connext_monitor.reporting.web.site import tick
from tests.world.two_chains import START

COUNTS = st.integers(0, 10**7)
LATENCIES = st.builds(
    lambda p50, more: LatencyPercentiles(1, p50, p50 + more, p50 + more), st.integers(0, 10**6), st.integers(0, 10**6)
) | st.just(LatencyPercentiles())
BUCKETS = st.lists(st.tuples(COUNTS, LATENCIES), max_size=60)


def timeline(per_hour: list[tuple[int, LatencyPercentiles]]) -> Timeline:
    buckets = (TimeBucket(3600 * hour, begun=begun, execute=took) for hour, (begun, took) in enumerate(per_hour))
    return Timeline(3600, tuple(buckets))


def stands_within(plot: Plot) -> None:
    for bar in plot.bars:
        assert plot.left <= bar.x < bar.x + bar.width <= plot.right + 0.1
        assert 0 <= bar.y <= bar.y + bar.height <= plot.floor + 0.1
    for x, y in (dot for line in plot.lines for dot in line.dots):
        assert plot.left <= x <= plot.right
        assert 0 <= y <= plot.floor
    assert 2 <= len(plot.y_ticks) <= 6
    assert all(0 <= tick.position <= plot.floor for tick in plot.y_ticks)


@given(BUCKETS)
def test_transfers_are_drawn_in_proportion(per_hour: list[tuple[int, LatencyPercentiles]]) -> None:
    plot = transfers_plot(timeline(per_hour))
    stands_within(plot)
    assert [row[1] for row in plot.rows] == [begun for begun, _ in per_hour]
    largest = max((begun for begun, _ in per_hour), default=0)
    tallest = max((bar.height for bar in plot.bars), default=0)
    for bar, (begun, _) in zip(plot.bars, per_hour, strict=True):
        assert abs(bar.height * largest - tallest * begun) <= 0.02 * max(largest, 1)


@given(BUCKETS)
def test_latencies_are_drawn_where_there_are_any(per_hour: list[tuple[int, LatencyPercentiles]]) -> None:
    plot = latency_plot(timeline(per_hour), Leg.EXECUTE)
    stands_within(plot)
    arrived = [took for _, took in per_hour if took.count]
    assert [len(line.dots) for line in plot.lines] == [len(arrived)] * 2
    for half, most in zip(*(line.dots for line in plot.lines), strict=True):
        assert most[1] <= half[1]


def test_the_buckets_of_a_distribution_say_where_they_begin() -> None:
    rows = distribution_plot([0] * (len(BOUNDS) + 1)).rows
    assert [row[0] for row in (*rows[:2], rows[-1])] == ["up to 10 s", "10 s to 20 s", "over 1 d"]


@given(st.integers(1, 400), st.sampled_from((60, 3600, 21_600, 86_400)))
def test_labels_of_time_are_distinct_and_whole(parts: int, width: int) -> None:
    buckets = tuple(TimeBucket(START + width * number) for number in range(parts))
    ticks = transfers_plot(Timeline(width, buckets)).x_ticks
    texts = [tick(mark.at or 0, mark.dated) for mark in ticks]
    assert len(set(texts)) == len(texts) >= min(parts, 3)
    # No letter of the axis is wider than 6.2.
    assert all(mark.position + 6.2 * len(text) <= WIDTH for mark, text in zip(ticks, texts, strict=True))


def test_a_line_is_broken_where_nothing_arrived() -> None:
    took = LatencyPercentiles(1, 5, 9, 9)
    plot = latency_plot(timeline([(1, took), (1, took), (0, LatencyPercentiles()), (1, took), (1, took)]), Leg.EXECUTE)
    assert [len(line.parts) for line in plot.lines] == [2, 2]


@given(st.lists(COUNTS, min_size=len(BOUNDS) + 1, max_size=len(BOUNDS) + 1))
def test_a_distribution_names_its_highest_bar(histogram: list[int]) -> None:
    plot = distribution_plot(histogram)
    stands_within(plot)
    highest = max(plot.rows, key=lambda row: int(row[1]))
    words = (
        f"The highest bar: {highest[1]} of {sum(histogram)} leg{'' if sum(histogram) == 1 else 's'} took {highest[0]}."
    )
    assert plot.summary == (words if any(histogram) else "No leg has arrived.")
    assert len(spark(histogram)) == sum(1 for legs in histogram if legs)
    assert all(bar.y >= 0 and bar.y + bar.height <= 20.1 for bar in spark(histogram))
