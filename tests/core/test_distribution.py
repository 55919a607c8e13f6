from hypothesis import example, given
from hypothesis import strategies as st

from connext_monitor.core.distribution import Distribution, pack
from connext_monitor.core.stats import BOUNDS, latency
from tests.world.latencies import histogram

some = st.lists(st.integers(-5, 100_000) | st.sampled_from(BOUNDS) | st.just(2**40))


@example([], [[-1, 3], [65_535, 65_536], [2**32]])
@given(some, st.lists(some, max_size=4))
def test_a_distribution_is_summed_up_as_its_latencies_in_order(loose: list[int], packed: list[list[int]]) -> None:
    distribution = Distribution()
    distribution.add(loose)
    for run in packed:
        distribution.add_packed(pack(run))
    every = sorted([*loose, *(took for run in packed for took in run)])
    assert distribution.summary() == (latency(every), histogram(every))


@given(some)
def test_a_histogram_counts_every_leg_once_below_its_own_bound(seconds: list[int]) -> None:
    distribution = Distribution()
    distribution.add(seconds)
    _, buckets = distribution.summary()
    assert sum(buckets) == len(seconds)
    for index, bound in enumerate(BOUNDS):
        assert sum(buckets[: index + 1]) == sum(1 for second in seconds if second <= bound)
