"""What every clock does that the program, or a test, goes by."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from connext_monitor.clock import Clock, SystemClock
from connext_monitor.clock.agreed import AgreedClock
from tests.world.clocks import ManualClock, TickingClock
from tests.world.virtual_time import LoopClock

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLOCKS: dict[str, Callable[[], Clock]] = {
    "system": SystemClock,
    "agreed": lambda: AgreedClock(SystemClock()),
    "manual": lambda: ManualClock(AT),
    "manual, running": lambda: ManualClock(AT, running=True),
    "ticking": lambda: TickingClock(AT),
    "of the loop": LoopClock,
}


@pytest.fixture(params=CLOCKS)
def clock(request: pytest.FixtureRequest) -> Clock:
    return CLOCKS[str(request.param)]()


async def test_the_time_of_day_is_aware_and_in_utc(clock: Clock) -> None:
    assert clock.now().utcoffset() == timedelta(0)


async def test_no_clock_goes_back(clock: Clock) -> None:
    for read in (clock.now, clock.monotonic, clock.elapsed):
        earlier: list[object] = []
        for _ in range(5):
            earlier.append(read())
            await asyncio.sleep(0.001)
        assert earlier == sorted(earlier)  # type: ignore[type-var]


async def test_a_clock_that_is_advanced_moves_all_its_readings() -> None:
    clock = ManualClock(AT)
    day, monotonic, elapsed = clock.now(), clock.monotonic(), clock.elapsed()
    clock.advance(60)
    assert clock.now() == day + timedelta(seconds=60)
    assert (clock.monotonic(), clock.elapsed()) == (monotonic + 60, elapsed + 60)
