"""While the monitor runs, what is over is counted and kept."""

import asyncio
from datetime import timedelta
from pathlib import Path

from connext_monitor.reporting.kept_numbers import KeptNumbers
from connext_monitor.store.connection import Connection
from connext_monitor.store.executor import Inline
from tests.world.clocks import ManualClock
from tests.world.databases import open_store
from tests.world.two_chains import AT, NAMES, START, Sample, fill
from tests.world.waiting import until

DAYS_LATER = AT + timedelta(days=30)


def kept(connection: Connection) -> tuple[int, ...]:
    """How many quarters, spans, fills and debts are kept."""
    quarters = connection.run("SELECT count(*) FROM kept_counts").fetchone()[0]
    spans = connection.run("SELECT count(*) FROM kept_spans").fetchone()[0]
    fills = connection.run("SELECT count(asset) FROM fronted").fetchone()[0]
    return quarters, spans, fills, connection.run("SELECT count(transfers) FROM debts").fetchone()[0]


async def test_quarters_spans_fills_and_debts_are_kept_once_they_are_over(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "monitor.db", NAMES, Inline)
    await fill(store, [record for nonce in (1, 2) for record in (Sample(nonce).xcalled(), Sample(nonce).executed())])
    await fill(store, [Sample(3, START + 26 * 86_400).xcalled(), Sample(4, START + 30 * 86_400).xcalled()])
    keeping = asyncio.create_task(KeptNumbers(store.statistics, ManualClock(DAYS_LATER), first_after=0.0).run())

    async def are_kept() -> bool:
        return await store.database.read(kept) == (32 + 1, 1, 2, 1)

    await until(are_kept)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await store.close()
