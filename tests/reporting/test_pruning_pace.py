"""How much is pruned at once: as much as keeps nobody waiting for long."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from connext_monitor.reporting.retention import Pruning
from tests.world.clocks import ManualClock
from tests.world.two_chains import AT
from tests.world.waiting import until


class Costly:
    """A store in which each transfer takes so many seconds to be pruned, and in which these many are settled."""

    def __init__(self, clock: ManualClock, seconds: float, settled: int) -> None:
        self.clock, self.seconds, self.left = clock, seconds, settled
        self.at_once: list[int] = []

    async def settled(self, _before: int, _after: int | None, limit: int) -> Sequence[int]:
        return range(min(limit, self.left))

    async def prune(self, batch: Sequence[int], _before: int) -> int:
        self.at_once.append(len(batch))
        self.left -= len(batch)
        self.clock.passed += self.seconds * len(batch)
        return len(batch)

    async def prune_nothing(self, _before: int, _limit: int) -> int:
        return 0

    prune_alerts = prune_malformed = prune_groups = prune_reports = prune_nothing


@pytest.mark.parametrize(("seconds", "at_once"), [(0.000_01, 500), (0.000_1, 160), (0.000_3, 40), (0.01, 10)])
async def test_a_transaction_of_pruning_takes_about_twenty_milliseconds(seconds: float, at_once: int) -> None:
    clock = ManualClock(AT)
    costly = Costly(clock, seconds, settled=20 * at_once)
    pruning = asyncio.create_task(Pruning(costly, timedelta(days=1), clock, lambda: 1e9, first_after=0.0).run())
    await until(lambda: costly.left == 0)
    pruning.cancel()
    await asyncio.gather(pruning, return_exceptions=True)
    assert max(costly.at_once) == at_once
