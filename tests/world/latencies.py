"""What a histogram of latencies is, counted one by one."""

from collections.abc import Sequence
from itertools import pairwise
from math import inf

from connext_monitor.core.stats import BOUNDS


def histogram(took: Sequence[int]) -> tuple[int, ...]:
    """How many of these latencies (seconds) stand in each bucket of `BOUNDS`, and beyond."""
    return tuple(sum(below < second <= bound for second in took) for below, bound in pairwise([-inf, *BOUNDS, inf]))
