"""How much is pruned at once: as much as keeps nobody waiting for long."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from connext_monitor.core.batch import ChainProgress
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.events import BlockNumber
from connext_monitor.reporting.retention import Pruning
from connext_monitor.store.retention import Retention, Settled
from connext_monitor.store.store import Store
from tests.world.clocks import ManualClock
from tests.world.databases import open_store
from tests.world.recording import NAMES, NOW, put, seen
from tests.world.transfers import ALPHA, BETA, executed, info, reconciled, sighting, xcalled
from tests.world.waiting import running, until

CHECKPOINT = BlockNumber(10_000)
DAY = timedelta(days=1)


class Costly(Retention):
    """The store's own, by whose clock each transfer takes so many seconds to be pruned; ``later``, after 150 of them.

    150 are those of the first four transactions, where each takes less than half of what one may.
    """

    def __init__(self, store: Store, clock: ManualClock, seconds: float, later: float | None = None) -> None:
        super().__init__(store.database, NAMES)
        self.clock, self.seconds, self.later = clock, seconds, seconds if later is None else later
        self.at_once: list[int] = []

    async def prune(self, settled: Sequence[Settled], before: int) -> int:
        self.clock.passed += (self.seconds if sum(self.at_once) < 150 else self.later) * len(settled)
        gone = await super().prune(settled, before)
        self.at_once.append(gone)
        return gone


async def settle(store: Store, number: int) -> None:
    """Have so many transfers completed by events that are final, and a last one, which always stays."""
    coverage = Coverage(BlockNumber(0), CHECKPOINT, sighting(CHECKPOINT + 10).block)
    progress = [ChainProgress(domain, coverage, 0, number + 1) for domain in (ALPHA, BETA)]
    records = [
        event(info(nonce), sighting(100 + 3 * nonce + later))
        for nonce in range(number + 1)
        for later, event in enumerate((xcalled, executed, reconciled))
    ]
    await put(store, seen(*records), progress=progress)


@pytest.mark.parametrize(("seconds", "at_once"), [(0.000_01, 500), (0.000_1, 160), (0.000_3, 40), (0.01, 10)])
async def test_a_transaction_of_pruning_takes_about_twenty_milliseconds(
    tmp_path: Path, seconds: float, at_once: int
) -> None:
    assert max(await pruned_at_once(tmp_path, 3 * at_once, seconds)) == at_once


@pytest.mark.parametrize(("later", "at_once"), [(0.000_9, [160, 80, 40, 20, 20]), (0.01, [160, 80, 40, 20, 10, 10])])
async def test_where_pruning_becomes_slower_less_of_it_is_done_at_once(
    tmp_path: Path, later: float, at_once: Sequence[int]
) -> None:
    first = [10, 20, 40, 80]
    assert await pruned_at_once(tmp_path, sum(first) + sum(at_once), 0.000_1, later) == [*first, *at_once]


async def pruned_at_once(folder: Path, number: int, seconds: float, later: float | None = None) -> list[int]:
    """How many of so many transfers each transaction prunes, where they cost so many seconds; see `Costly`."""
    store, clock = await open_store(folder / "monitor.db", NAMES), ManualClock(NOW)
    await settle(store, number)
    costly, now = Costly(store, clock, seconds, later), sighting(CHECKPOINT).block.timestamp + DAY.total_seconds()
    async with running(Pruning(costly, DAY, clock, lambda: now, first_after=0.0).run()):
        await until(lambda: sum(costly.at_once) == number, why=lambda: costly.at_once)
    await store.close()
    return costly.at_once
