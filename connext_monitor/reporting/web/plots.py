"""Plots as geometry: where bars, lines and labels stand in a drawing of fixed size. The templates draw them.

Coordinates are those of SVG: x to the right, y down. Everything drawn is also given as rows, for a table behind it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from math import ceil
from operator import itemgetter

from connext_monitor.core.deadline import Leg
from connext_monitor.core.stats import BOUNDS, LatencyPercentiles, PathwayStats, TimeBucket, Timeline
from connext_monitor.core.words import duration_words

WIDTH, HEIGHT = 480.0, 190.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 68.0, 8.0, 10.0, 24.0
_TICKS_OF_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
_LABELLED_BOUNDS = (10, 60, 300, 1_800, 10_800, 86_400)
_LABELS_OF_TIME = 5
_DAY = 86_400
# How wide labels are, with and without a date.
_DATED_WIDE, _UNDATED_WIDE = 70.0, 35.0
SPARK_WIDTH, SPARK_HEIGHT = 100.0, 20.0


@dataclass(frozen=True, slots=True)
class PlotBar:
    """One bar, and what it says in words."""

    x: float
    y: float
    width: float
    height: float
    words: str


@dataclass(frozen=True, slots=True)
class PlotLine:
    """One line: its parts as the points of polylines, and all its points by themselves."""

    name: str
    parts: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A label of an axis; ``at`` (Unix seconds) where it is an instant, ``dated`` where a time of day is not enough."""

    position: float
    text: str
    at: int | None = None
    dated: bool = False


@dataclass(frozen=True, slots=True)
class Plot:
    """One drawing. ``summary`` says in a sentence what is to be seen; ``rows`` are the numbers under ``columns``.

    The first value of a row is an instant (Unix seconds) where ``by_time``.
    """

    summary: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int | str, ...], ...]
    by_time: bool
    bars: tuple[PlotBar, ...] = ()
    lines: tuple[PlotLine, ...] = ()
    x_ticks: tuple[Tick, ...] = ()
    y_ticks: tuple[Tick, ...] = ()
    width: float = WIDTH
    height: float = HEIGHT
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    floor: float = HEIGHT - _BOTTOM


def front_plots(timeline: Timeline) -> dict[str, Plot]:
    """Those of the front page, by what its template calls them."""
    return {"transfers": transfers_plot(timeline), "execute": latency_plot(timeline, Leg.EXECUTE)}


def pathway_plots(timeline: Timeline, stats: PathwayStats) -> dict[str, Plot]:
    """Those of a pathway's page."""
    return {
        "execute": latency_plot(timeline, Leg.EXECUTE),
        "executions": distribution_plot(stats.execute.histogram),
        "reconcile": latency_plot(timeline, Leg.RECONCILE),
        "reconciliations": distribution_plot(stats.reconcile.histogram),
        "transfers": transfers_plot(timeline),
    }


def transfers_plot(timeline: Timeline) -> Plot:
    """How many transfers began in each part of the window."""
    counts = [bucket.begun for bucket in timeline.buckets]
    top, ticks = _counts_axis(max(counts, default=0))
    step = _step(len(counts))
    words = f"{_many(sum(counts), 'transfer')} in all, at most {max(counts, default=0)} in {_every(timeline.width)}."
    return Plot(
        summary=words,
        columns=("From", "Transfers"),
        rows=tuple((bucket.since, bucket.begun) for bucket in timeline.buckets),
        by_time=True,
        bars=tuple(
            _bar(index, step, bucket.begun / top, _many(bucket.begun, "transfer"))
            for index, bucket in enumerate(timeline.buckets)
        ),
        x_ticks=_time_ticks(timeline),
        y_ticks=ticks,
    )


def latency_plot(timeline: Timeline, leg: Leg) -> Plot:
    """The leg's median and 95th percentile in each part of the window, by when transfers began."""
    latencies = [(bucket, _of(bucket, leg)) for bucket in timeline.buckets]
    longest = max((latency.p95 or 0 for _, latency in latencies), default=0)
    top, ticks = _seconds_axis(longest)
    lines = [("p50", lambda latency: latency.p50), ("p95", lambda latency: latency.p95)]
    arrived = sum(latency.count for _, latency in latencies)
    words = f"{_many(arrived, 'leg')} arrived; the slowest 95th percentile is {duration_words(longest)}."
    return Plot(
        summary=words if arrived else "No leg of these has arrived.",
        columns=("From", "Arrived", "p50", "p95"),
        rows=tuple(
            (bucket.since, latency.count, _words(latency.p50), _words(latency.p95)) for bucket, latency in latencies
        ),
        by_time=True,
        lines=tuple(_line(name, [latency for _, latency in latencies], of, top) for name, of in lines),
        x_ticks=_time_ticks(timeline),
        y_ticks=ticks,
    )


def distribution_plot(histogram: Sequence[int]) -> Plot:
    """How many legs took how long; the buckets are those of `BOUNDS`, drawn equally wide."""
    top, ticks = _counts_axis(max(histogram, default=0))
    step = _step(len(histogram))
    bounds = [duration_words(bound) for bound in BOUNDS]
    names = [f"up to {bounds[0]}", *map(" to ".join, pairwise(bounds)), f"over {bounds[-1]}"]
    highest, common = max(zip(histogram, names, strict=True), key=itemgetter(0))
    words = f"The highest bar: {highest} of {_many(sum(histogram), 'leg')} took {common}."
    return Plot(
        summary=words if highest else "No leg has arrived.",
        columns=("Took", "Legs"),
        rows=tuple(zip(names, histogram, strict=True)),
        by_time=False,
        bars=tuple(
            _bar(index, step, legs / top, f"{names[index]}: {_many(legs, 'leg')}")
            for index, legs in enumerate(histogram)
        ),
        x_ticks=tuple(
            Tick(_LEFT + (index + 1) * step, duration_words(bound))
            for index, bound in enumerate(BOUNDS)
            if bound in _LABELLED_BOUNDS
        ),
        y_ticks=ticks,
    )


def spark(histogram: Sequence[int]) -> tuple[PlotBar, ...]:
    """The same in a drawing as small as a word, without axes."""
    top = max(histogram, default=0) or 1
    step = SPARK_WIDTH / max(len(histogram), 1)
    bars = []
    for index, legs in enumerate(histogram):
        if legs:
            height = max(1.5, SPARK_HEIGHT * legs / top)
            bars.append(
                PlotBar(round(index * step, 2), round(SPARK_HEIGHT - height, 2), round(step - 0.6, 2), height, "")
            )
    return tuple(bars)


def _of(bucket: TimeBucket, leg: Leg) -> LatencyPercentiles:
    return bucket.execute if leg is Leg.EXECUTE else bucket.reconcile


def _step(parts: int) -> float:
    return (WIDTH - _LEFT - _RIGHT) / max(parts, 1)


def _y(part: float) -> float:
    return round(HEIGHT - _BOTTOM - part * (HEIGHT - _TOP - _BOTTOM), 2)


def _bar(index: int, step: float, part: float, words: str) -> PlotBar:
    top = _y(part)
    gap = min(2.0, step / 4)
    return PlotBar(round(_LEFT + index * step + gap / 2, 2), top, round(step - gap, 2), round(_y(0) - top, 2), words)


def _line(
    name: str, latencies: Sequence[LatencyPercentiles], value: Callable[[LatencyPercentiles], int | None], top: float
) -> PlotLine:
    """Broken where there is nothing to show."""
    step = _step(len(latencies))
    parts: list[list[tuple[float, float]]] = [[]]
    for index, latency in enumerate(latencies):
        seconds = value(latency)
        if seconds is None:
            parts.append([])
        else:
            parts[-1].append((round(_LEFT + (index + 0.5) * step, 2), _y(seconds / top)))
    drawn = tuple(" ".join(f"{x},{y}" for x, y in part) for part in parts if len(part) > 1)
    return PlotLine(name, drawn, tuple(dot for part in parts for dot in part))


def _counts_axis(largest: int) -> tuple[float, tuple[Tick, ...]]:
    """The axis's end, and its labels, whole numbers."""
    step = next(size * 10**power for power in count() for size in (1, 2, 5) if size * 10**power * 4 >= largest)
    end = step * max(1, ceil(largest / step))
    return float(end), tuple(Tick(_y(at / end), str(at)) for at in range(0, end + 1, step))


def _seconds_axis(longest: int) -> tuple[float, tuple[Tick, ...]]:
    """The same for durations."""
    step = next((step for step in _TICKS_OF_SECONDS if step * 4 >= longest), None)
    step = step or 86_400 * ceil(longest / 4 / 86_400)
    end = step * max(1, ceil(longest / step))
    return float(end), tuple(Tick(_y(at / end), duration_words(at) if at else "0") for at in range(0, end + 1, step))


def _time_ticks(timeline: Timeline) -> tuple[Tick, ...]:
    parts = len(timeline.buckets)
    step, every = _step(parts), max(1, ceil(parts / _LABELS_OF_TIME))
    labelled = range(0, parts, every)
    dated = bool(parts) and labelled[-1] * timeline.width >= _DAY
    rightmost = WIDTH - (_DATED_WIDE if dated else _UNDATED_WIDE)
    places = ((round(_LEFT + part * step, 2), timeline.buckets[part].since) for part in labelled)
    return tuple(Tick(index, "", since, dated) for index, since in places if index <= rightmost)


def _words(seconds: int | None) -> str:
    return "none" if seconds is None else duration_words(seconds)


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _every(width: int) -> str:
    return {60: "a minute", 3600: "an hour", 86_400: "a day"}.get(width, duration_words(width))
