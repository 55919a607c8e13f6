from connext_monitor.core.stats import Stats, Timeline, Window
from connext_monitor.reporting.web.numbers import StatsCache
from tests.world.clocks import ManualClock
from tests.world.two_chains import AT


class Slow:
    """Takes so many seconds to count."""

    def __init__(self, clock: ManualClock, seconds: float) -> None:
        self.clock, self.seconds, self.asked = clock, seconds, 0

    async def over(self, window: Window) -> Stats:
        self.asked += 1
        self.clock.passed += self.seconds
        return Stats(window, (), ())

    async def timeline(self, _window: Window, width: int) -> Timeline:
        return Timeline(width, ())


async def asked_within(seconds: int, *, took: float) -> int:
    """How often is counted while the page is asked for every second."""
    clock = ManualClock(AT)
    slow = Slow(clock, took)
    counted, until = StatsCache(slow, clock), clock.passed + seconds
    while clock.passed < until:
        await counted.over(86_400)
        clock.passed += 1
    return slow.asked


async def test_what_takes_no_time_is_counted_every_ten_seconds() -> None:
    assert await asked_within(100, took=0) == 10


async def test_what_takes_long_is_counted_more_seldom() -> None:
    assert await asked_within(210, took=5) == 2


async def test_windows_are_kept_apart() -> None:
    slow = Slow(ManualClock(AT), 0)
    counted = StatsCache(slow, slow.clock)
    assert (await counted.over(60)).stats.window != (await counted.over(3600)).stats.window
    assert slow.asked == 2
