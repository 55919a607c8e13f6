"""Sets of instants as sorted intervals that do not touch."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from tests.simulation.trace import Interval

Intervals = tuple[Interval, ...]


def union(intervals: Iterable[Interval]) -> Intervals:
    """The instants in any of them."""
    merged: list[Interval] = []
    for interval in sorted(intervals):
        if interval.end <= interval.begin:
            continue
        if merged and interval.begin <= merged[-1].end:
            merged[-1] = Interval(merged[-1].begin, max(merged[-1].end, interval.end))
        else:
            merged.append(interval)
    return tuple(merged)


def minus(intervals: Sequence[Interval], taken: Sequence[Interval]) -> Intervals:
    """The instants of the first that are not in the second; both are sorted and do not touch."""
    left: list[Interval] = []
    for interval in intervals:
        begin = interval.begin
        for cut in taken:
            if cut.end <= begin or cut.begin >= interval.end:
                continue
            if cut.begin > begin:
                left.append(Interval(begin, cut.begin))
            begin = max(begin, cut.end)
        if begin < interval.end:
            left.append(Interval(begin, interval.end))
    return tuple(left)


def both(first: Sequence[Interval], second: Sequence[Interval]) -> Intervals:
    """The instants that are in both."""
    common: list[Interval] = []
    i = j = 0
    while i < len(first) and j < len(second):
        begin, end = max(first[i].begin, second[j].begin), min(first[i].end, second[j].end)
        if begin < end:
            common.append(Interval(begin, end))
        if first[i].end <= second[j].end:
            i += 1
        else:
            j += 1
    return tuple(common)


def after(intervals: Iterable[Interval], seconds: float) -> Intervals:
    """What is left of each once it has lasted so long."""
    return tuple(Interval(i.begin + seconds, i.end) for i in intervals if i.begin + seconds < i.end)


def longer(intervals: Iterable[Interval], seconds: float) -> Intervals:
    """Each with so many seconds more at its end."""
    return union(Interval(i.begin, i.end + seconds) for i in intervals)


def covers(intervals: Iterable[Interval], part: Interval) -> bool:
    """Whether one of them holds all of the part."""
    return any(i.begin <= part.begin and part.end <= i.end for i in intervals)


def meets(intervals: Iterable[Interval], part: Interval) -> bool:
    """Whether they have an instant in common."""
    return any(i.begin < part.end and part.begin < i.end for i in intervals)


def while_true(instants: Iterable[float], end: float, holds: Callable[[float], bool]) -> Intervals:
    """When something holds that changes at these instants only; it is asked at each, and stays so until the next."""
    marks = [*sorted({at for at in instants if at < end}), end]
    return union(Interval(begin, until) for begin, until in pairwise(marks) if holds(begin))
