from connext_monitor.core.stats import Window, WindowStats
from connext_monitor.reporting.web.numbers import StatsCache
from connext_monitor.store.store import Store
from tests.world.clocks import ManualClock
from tests.world.two_chains import AT


class Slow:
    """Counts as the store does, and takes so many seconds."""

    def __init__(self, store: Store, clock: ManualClock, seconds: float) -> None:
        self._over, self.router_fills = store.statistics.over, store.statistics.router_fills
        self.clock, self.seconds, self.asked = clock, seconds, 0

    async def over(self, window: Window, width: int | None = None) -> WindowStats:
        self.asked += 1
        self.clock.passed += self.seconds
        return await self._over(window, width)


async def asked_within(store: Store, seconds: int, *, took: float) -> int:
    """How often is counted while the page is asked for every second."""
    clock = ManualClock(AT)
    slow = Slow(store, clock, took)
    counted, until = StatsCache(slow, clock), clock.passed + seconds
    while clock.passed < until:
        await counted.over(86_400)
        clock.passed += 1
    return slow.asked


async def test_what_takes_no_time_is_counted_every_ten_seconds(store: Store) -> None:
    assert await asked_within(store, 100, took=0) == 10


async def test_what_takes_long_is_counted_more_seldom(store: Store) -> None:
    assert await asked_within(store, 210, took=5) == 2


async def test_windows_are_kept_apart(store: Store) -> None:
    slow = Slow(store, ManualClock(AT), 0)
    counted = StatsCache(slow, slow.clock)
    assert (await counted.over(60)).stats.window != (await counted.over(3600)).stats.window
    assert slow.asked == 2
