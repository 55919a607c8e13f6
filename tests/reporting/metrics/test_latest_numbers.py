"""Looks at the database for the metrics end with the monitor."""

from connext_monitor.clock import SystemClock
from connext_monitor.core.stored_numbers import StoredNumbers
from connext_monitor.reporting.metrics.latest_numbers import LatestNumbers


async def test_after_the_end_the_database_is_not_looked_at() -> None:
    looks: list[float] = []

    async def look(at: float) -> StoredNumbers:
        looks.append(at)
        raise AssertionError("the database has been closed")

    numbers = LatestNumbers(look, SystemClock())
    await numbers.aclose()
    assert await numbers.get() is None
    assert looks == []
