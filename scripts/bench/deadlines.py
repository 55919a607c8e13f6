"""What very many deadlines cost: ``python -m scripts.bench.deadlines [--pending N] [--near N]``.

A store with so many transfers that have not arrived, some of them due within the hour, is made first and not measured.
Measured, in a process of its own: from opening the store until every near deadline has its timer, the longest that the
loop was held up meanwhile, and the peak memory.
"""

import asyncio
import multiprocessing
import resource
import sqlite3
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from math import inf
from pathlib import Path

from connext_monitor.alerting.alert_desk import AlertDesk
from connext_monitor.alerting.scheduler import AlertScheduler
from connext_monitor.clock import SystemClock
from connext_monitor.core.alerts.cause import Cause
from connext_monitor.core.batch import Batch
from connext_monitor.core.calls import TransferStatus
from connext_monitor.core.deadline import Durations, Leg
from connext_monitor.core.events import BlockNumber, BlockRef, DomainId, Hash32, Timestamp, TransferId
from connext_monitor.core.recording import record
from connext_monitor.core.transfer import EventRecord, ObservedChange, Sighting, Transfer
from connext_monitor.process.garbage import spare_collections
from connext_monitor.store.store import Store
from scripts.bench.made_up_bridge import DOMAINS, xcalled

_EXECUTE, _RECONCILE = 30 * 86_400, 60 * 86_400
_BEAT = 0.001


@dataclass(frozen=True, slots=True)
class ArmedFigures:
    """Seconds until the store was open and its deadlines set, until all were armed; longest stall; MB."""

    opened: float
    armed: float
    stall: float
    peak: float


class _Blind:
    """A destination that is never covered: no deadline is judged here."""

    name, trouble, unanswered = "destination", None, None

    def reads_history(self, watermark: Timestamp) -> bool:  # noqa: ARG002 - as every chain
        """See `JudgedChain`."""
        return False

    def has_reread(self, number: BlockNumber, since: float = -inf) -> bool:  # noqa: ARG002 - as every chain
        """See `JudgedChain`."""
        return True

    def cover_past(self, instant: Timestamp) -> None:
        """See `JudgedChain`."""

    async def transfer_status(self, transfer_id: TransferId) -> TransferStatus | None:  # noqa: ARG002
        """See `JudgedChain`."""
        return None

    async def transfer_statuses(self, transfer_ids: Sequence[TransferId]) -> list[TransferStatus] | None:  # noqa: ARG002
        """See `JudgedChain`."""
        return None

    async def fetch_events(self, transfer_id: TransferId, since: Timestamp) -> bool | None:  # noqa: ARG002
        """See `JudgedChain`."""
        return None


def durations(_origin: DomainId, _destination: DomainId) -> Durations:
    """The same for every pathway."""
    return Durations(_EXECUTE, _RECONCILE)


async def _no_causes(_transfer: Transfer, _leg: Leg) -> tuple[Cause, ...]:
    """No alert is made here."""
    return ()


async def fill(file: Path, pending: int, near: int) -> None:
    """One transfer as the monitor itself records it, and so many copies of it that begin at other times."""
    store = await Store.open(file, {})
    block = BlockRef(BlockNumber(1), Hash32(bytes(32)), Timestamp(int(time.time())))
    step = ObservedChange(seen=(EventRecord(DOMAINS[0], xcalled(0), Sighting(block, Hash32(bytes(32)), 0)),))
    batch, now = Batch([step]), datetime.now(UTC)
    decide = partial(record, batch=batch, at=now, durations=durations, name=str)
    await store.record(batch, decide, lambda _alert: (), now)
    await store.close()
    begins = int(time.time()) - _EXECUTE
    with closing(sqlite3.connect(file)) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(transfers)") if row[1] != "id"]
        # The near ones from ten minutes on, so that none falls due while this is measured.
        at = f"{begins} + CASE WHEN n < {near} THEN 600 + n % 2400 ELSE 7200 + n % 1000000 END"
        made = {
            "transfer_id": "randomblob(32)",
            "xcalled_at": at,
            "started_at": at,
            "execute_due_at": f"{at} + {_EXECUTE}",
            "reconcile_due_at": f"{at} + {_RECONCILE}",
        }
        columns = ", ".join(made.get(name, name) for name in names)
        with connection:
            connection.execute(
                f"WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {pending - 1}) "  # noqa: S608 - of our own numbers
                f"INSERT INTO transfers ({', '.join(names)}) SELECT {columns} FROM numbers, transfers"
            )
            connection.execute("DELETE FROM transfers WHERE id = 1")
        (stored,) = connection.execute("SELECT count(*) FROM transfers WHERE executed_at IS NULL").fetchone()
        if stored != pending:
            raise SystemExit(f"Made {stored:,} transfers instead of {pending:,}.")


def measure(file: Path, near: int) -> ArmedFigures:
    """Start on that store."""
    return asyncio.run(measure_armed(file, near))


async def measure_armed(file: Path, near: int) -> ArmedFigures:
    """What the deadlines in this store cost; ``near`` of them are due within the hour."""
    began = time.perf_counter()
    store = await Store.open(file, {})
    await store.deadlines.recompute(durations, {})
    opened = time.perf_counter() - began
    chains, clock = {domain: _Blind() for domain in DOMAINS}, SystemClock()
    desk = AlertDesk(store.alerts, lambda _alert: (), clock)
    scheduler = AlertScheduler(store.deadlines, chains, desk, _no_causes, clock)
    spare_collections()
    running = asyncio.create_task(scheduler.run())
    stall, last = 0.0, time.perf_counter()
    while scheduler.armed < near:
        await asyncio.sleep(_BEAT)
        now = time.perf_counter()
        stall, last = max(stall, now - last - _BEAT), now
    armed = time.perf_counter() - began
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await store.close()
    return ArmedFigures(opened, armed, stall, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Measure and print."""
    parser = ArgumentParser(prog="python -m scripts.bench.deadlines", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pending", type=int, default=1_000_000, help="transfers under way (default: %(default)s)")
    parser.add_argument("--near", type=int, default=100_000, help="due within the hour (default: %(default)s)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.db"
        asyncio.run(fill(file, given.pending, given.near))
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            figures = process.submit(measure, file, given.near).result()
    print(f"{given.pending:,} transfers under way, {given.near:,} due within {timedelta(hours=1)}")
    print(f"open and deadlines set after {figures.opened:.2f} s, all near ones armed after {figures.armed:.2f} s")
    print(f"longest stall of the loop {figures.stall * 1000:.0f} ms, peak memory {figures.peak:.0f} MB")


if __name__ == "__main__":
    main()
