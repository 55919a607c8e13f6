"""What backups and pruning cost the writer: ``python -m scripts.bench.housekeeping [--transfers N] [--seconds S]``.

A writer commits one small change after the other, and each commit is timed: alone, beside a backup, and beside pruning.
"""

import asyncio
import sqlite3
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Awaitable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connext_monitor.clock import SystemClock
from connext_monitor.core.delivery_records import ChannelState
from connext_monitor.reporting.retention import Pruning
from connext_monitor.store.backup_folder import BackupFolder
from connext_monitor.store.store import Store
from scripts.bench.statistics import NAMES, fill

_BETWEEN_COMMITS = 0.01


async def timed(store: Store, work: Awaitable[object]) -> tuple[float, list[float], float]:
    """How long ``work`` took, how long each commit beside it, and the latest that the loop woke up (seconds)."""
    commits: list[float] = []
    late = 0.0

    async def write() -> None:
        while True:
            began = time.perf_counter()
            await store.outbox.channel_state("bench", ChannelState.OK, None, datetime.now(UTC))
            commits.append(time.perf_counter() - began)
            await asyncio.sleep(_BETWEEN_COMMITS)

    async def tick() -> None:
        nonlocal late
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            late = max(late, time.perf_counter() - began - 0.005)

    beside = [asyncio.create_task(write()), asyncio.create_task(tick())]
    began = time.perf_counter()
    await work
    took = time.perf_counter() - began
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)
    return took, sorted(commits), late


def report(what: str, measured: tuple[float, list[float], float]) -> None:
    """One line."""
    took, commits, late = measured
    if not commits:
        print(f"{what}: {took:.2f} s, within which no commit ended; the loop late by {late * 1000:.1f} ms at most")
        return
    middle, high = (commits[len(commits) * percent // 100] * 1000 for percent in (50, 99))
    print(
        f"{what}: {took:.1f} s; {len(commits)} commits, p50 {middle:.1f} ms, p99 {high:.1f} ms, "
        f"the longest {commits[-1] * 1000:.1f} ms; the loop late by {late * 1000:.1f} ms at most"
    )


def count(file: Path, table: str) -> int:
    """Rows of a table."""
    with closing(sqlite3.connect(file)) as connection:
        rows: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - our own names
        return rows


async def measure(folder: Path, transfers: int, seconds: float) -> None:
    """Fill a database, and measure."""
    file = folder / "bench.db"
    await fill(file, transfers, int(time.time()))
    store = await Store.open(file, NAMES)
    with closing(sqlite3.connect(file)) as connection, connection:
        # The made-up nonces are those of all chains together.
        connection.execute("UPDATE chains SET first_nonce = 0, contiguous_nonce = ?1, next_nonce = ?1", (transfers,))
    backups = BackupFolder(file, folder / "backups", 1)
    print(f"{transfers} transfers, {file.stat().st_size >> 20} MB")
    report("alone", await timed(store, asyncio.sleep(seconds)))
    report("beside a backup", await timed(store, asyncio.to_thread(backups.make, datetime.now(UTC))))
    before = count(file, "pruned")
    pruner = Pruning(store.retention, timedelta(days=1), SystemClock(), time.time, first_after=0.0)
    pruning = asyncio.create_task(pruner.run())
    report("beside pruning", await timed(store, asyncio.sleep(seconds)))
    pruning.cancel()
    with suppress(asyncio.CancelledError):
        await pruning
    print(f"pruned {(count(file, 'pruned') - before) / seconds:.0f} transfers/s")
    await store.close()


def main() -> None:
    """Measure with a database in a folder that is removed at the end."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--transfers", type=int, default=150_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), chosen.transfers, chosen.seconds))


if __name__ == "__main__":
    main()
