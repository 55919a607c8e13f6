"""What backups and pruning take, and what they cost who writes meanwhile and the loop."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connext_monitor.clock import SystemClock
from connext_monitor.core.delivery_records import ChannelState
from connext_monitor.process.garbage import spare_collections
from connext_monitor.reporting.retention import Pruning
from connext_monitor.store.backup_folder import BackupFolder
from connext_monitor.store.store import Store
from scripts.bench.figures import Figure
from scripts.bench.year import CHAINS

_BETWEEN_COMMITS = 0.01
_BETWEEN_BEATS = 0.002
_BACKUP = 12.0
_PRUNED = 3_000.0
_LATE = 20.0


@dataclass(frozen=True, slots=True)
class _Beside:
    """How long the work took (s), how long each commit beside it (ms, ascending), how late the loop woke (ms).

    ``busy`` is for how many seconds a processor worked, for what was beside it too.
    """

    took: float
    busy: float
    commits: list[float]
    late: list[float]

    def figures(self, what: str) -> list[Figure]:
        """What became of others meanwhile: commits at the median and at the 99th percentile, and the loop."""
        middle, high = (self.commits[len(self.commits) * percent // 100] for percent in (50, 99))
        late = self.late[len(self.late) * 99 // 100]
        return [
            Figure(f"  {what}: a commit (p50; p99 and longest)", middle, (high, self.commits[-1])),
            Figure(f"  {what}: the loop late (p99; longest)", late, (self.late[-1],), aim=_LATE),
        ]


async def measure_housekeeping(file: Path, folder: Path, seconds: float) -> AsyncIterator[Figure]:
    """Alone, beside a backup, and beside pruning; what is pruned is a copy."""
    spare_collections()
    store = await Store.open(file, CHAINS)
    for figure in (await _timed(store, asyncio.sleep(seconds))).figures("beside nothing"):
        yield figure
    backups = BackupFolder(file, folder / "backups", 1)
    beside = await _timed(store, asyncio.to_thread(backups.make, datetime.now(UTC)))
    yield Figure("a verified backup", beside.took, busy=[beside.busy], aim=_BACKUP, unit="s")
    for figure in beside.figures("beside a backup"):
        yield figure
    await store.close()
    [backup] = backups.kept()
    store = await Store.open(backup.path, CHAINS)
    pruning = asyncio.create_task(
        Pruning(store.retention, timedelta(days=80), SystemClock(), time.time, first_after=0.0).run()
    )
    before = _pruned(backup.path)
    beside = await _timed(store, asyncio.sleep(seconds))
    gone = _pruned(backup.path) - before
    pruning.cancel()
    with suppress(asyncio.CancelledError):
        await pruning
    await store.close()
    yield Figure("pruning", gone / beside.took, aim=_PRUNED, unit="transfers/s", least=True)
    yield Figure("pruning: a processor's time for a transfer", beside.busy / max(1, gone) * 1_000_000, unit="µs")
    for figure in beside.figures("beside pruning"):
        yield figure


async def _timed(store: Store, work: Awaitable[object]) -> _Beside:
    commits: list[float] = []
    late: list[float] = []

    async def write() -> None:
        while True:
            began = time.perf_counter()
            await store.outbox.channel_state("bench", ChannelState.OK, None, datetime.now(UTC))
            commits.append((time.perf_counter() - began) * 1_000)
            await asyncio.sleep(_BETWEEN_COMMITS)

    async def beat() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_BETWEEN_BEATS)
            late.append((time.perf_counter() - began - _BETWEEN_BEATS) * 1_000)

    beside = [asyncio.create_task(write()), asyncio.create_task(beat())]
    began, busy = time.perf_counter(), time.process_time()
    await work
    took, busy = time.perf_counter() - began, time.process_time() - busy
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)
    return _Beside(took, busy, sorted(commits) or [took * 1_000], sorted(late) or [took * 1_000])


def _pruned(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        count: int = connection.execute("SELECT count(*) FROM pruned").fetchone()[0]
        return count
