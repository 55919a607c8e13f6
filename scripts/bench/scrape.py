"""What a scrape costs: ``python -m scripts.bench.scrape [--transfers N] [--in-flight N] [--chains N] [--seconds N]``.

A store with so many transfers is made first and not measured. Then events are recorded one after the other, as at a
live bridge, for so many seconds without a scrape, and for as many while another process scrapes every second. Each
scrape looks into the database anew, since the program's own rest between two looks is passed over.
"""

import asyncio
import multiprocessing
import sqlite3
import statistics
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import aiohttp

from connext_monitor.clock import SystemClock
from connext_monitor.config import ListenAddress
from connext_monitor.core.batch import Batch
from connext_monitor.core.chain_status import ChainStatus
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.events import BlockNumber, BlockRef, ChainId, DomainId, Hash32, Timestamp
from connext_monitor.core.labels import ChainLabels, ChainNames
from connext_monitor.core.recording import record
from connext_monitor.core.transfer import EventRecord, ObservedChange, Sighting
from connext_monitor.monitoring.observation import Committed
from connext_monitor.process.garbage import spare_collections
from connext_monitor.reporting.metrics.latest_numbers import LookTimes
from connext_monitor.reporting.metrics.page import MetricsPage
from connext_monitor.reporting.metrics.sources import Sources
from connext_monitor.reporting.metrics.tally import Tally
from connext_monitor.reporting.web.server import WebServer
from connext_monitor.store.store import Store
from scripts.bench.deadlines import durations, fill
from scripts.bench.made_up_bridge import DOMAINS, xcalled

_BEAT = 0.001
_EVERY_SCRAPE_LOOKS = LookTimes(fresh_for=0.0, rest=0.0)


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds: each commit, and how much later than asked for the loop woke, each time."""

    commits: list[float] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)


def leave_in_flight(file: Path, in_flight: int) -> None:
    """Have all but so many of the transfers arrive."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "UPDATE transfers SET executed_at = xcalled_at + 60, reconciled_at = xcalled_at + 3600, "
            "status = 'CompletedFast' WHERE id > (SELECT min(id) FROM transfers) + ? - 1",
            (in_flight,),
        )


def scrape(address: str, seconds: float) -> list[float]:
    """The milliseconds that each scrape took, one a second."""
    return asyncio.run(_scrape(address, seconds))


async def _scrape(address: str, seconds: float) -> list[float]:
    took: list[float] = []
    ends = time.perf_counter() + seconds
    async with aiohttp.ClientSession() as session:
        while (began := time.perf_counter()) < ends:
            async with session.get(f"http://{address}/metrics") as response:
                response.raise_for_status()
                await response.read()
            took.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(max(0.0, 1 - (time.perf_counter() - began)))
    return took


def measure(file: Path, chains: int, seconds: float) -> tuple[Measured, Measured, list[float]]:
    """Without scrapes, with them, and the scrapes."""
    return asyncio.run(_measure(file, chains, seconds))


async def _measure(file: Path, chains: int, seconds: float) -> tuple[Measured, Measured, list[float]]:
    names = {**dict.fromkeys(DOMAINS, ""), **{DomainId(5000 + n): "" for n in range(chains - len(DOMAINS))}}
    names = {domain: f"chain-{domain}" for domain in names}
    store = await Store.open(file, names)
    tally = Tally(names, ["ops", "desk"])
    page = MetricsPage(_sources(file, names, store), tally, SystemClock(), _EVERY_SCRAPE_LOOKS)
    listen = ListenAddress("127.0.0.1", 0)
    web = WebServer(listen, store, list, [], ChainLabels({}), SystemClock(), page.routes())
    address = str(await web.start())
    spare_collections()
    quiet = await _live(store, tally, seconds, 1_000_000_000)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        scraping = asyncio.get_running_loop().run_in_executor(process, scrape, address, seconds)
        busy = await _live(store, tally, seconds, 2_000_000_000)
        took = await scraping
    await web.stop()
    await page.aclose()
    await store.close()
    return quiet, busy, took


def _sources(file: Path, names: ChainNames, store: Store) -> Sources:
    block = BlockRef(BlockNumber(1), Hash32(bytes(32)), Timestamp(int(time.time())))
    statuses = [
        ChainStatus(domain, name, ChainId(1), BlockNumber(1), Coverage(block.number, block.number, block), True, True,
                   "node.example", None)
        for domain, name in names.items()
    ]  # fmt: skip
    return Sources(
        names,
        ["ops", "desk"],
        file,
        lambda: statuses,
        store.statistics.measure,
        dict,
        int,
        list,
        None,
        lambda: None,
        int,
    )


async def _live(store: Store, tally: Tally, seconds: float, nonce: int) -> Measured:
    """Record one event after the other, and feel the loop's pulse."""
    measured = Measured()
    beating = asyncio.create_task(_beat(measured.lags))
    ends = time.perf_counter() + seconds
    while (began := time.perf_counter()) < ends:
        nonce += 1
        await _commit(store, tally, nonce)
        measured.commits.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.01)
    beating.cancel()
    return measured


async def _commit(store: Store, tally: Tally, nonce: int) -> None:
    block = BlockRef(BlockNumber(nonce), Hash32(bytes(32)), Timestamp(int(time.time())))
    step = ObservedChange(seen=(EventRecord(DOMAINS[0], xcalled(nonce), Sighting(block, Hash32(bytes(32)), 0)),))
    batch, at = Batch([step]), datetime.now(UTC)
    decide = partial(record, batch=batch, at=at, durations=durations, name=str)
    changes, _ = await store.record(batch, decide, lambda _alert: (), at)
    news = Committed(changes.effects, [], [], changes)
    tally.committed(news.changes, news.progress, news.malformed)


async def _beat(lags: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(_BEAT)
        lags.append((time.perf_counter() - began - _BEAT) * 1000)


def _spread(values: Sequence[float]) -> str:
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"median {statistics.median(ordered):.1f} ms, p99 {p99:.1f} ms, longest {ordered[-1]:.1f} ms"


def main() -> None:
    """Measure and print."""
    parser = ArgumentParser(prog="python -m scripts.bench.scrape", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--transfers", type=int, default=1_000_000, help="in the store (default: %(default)s)")
    parser.add_argument("--in-flight", type=int, default=10_000, help="not arrived yet (default: %(default)s)")
    parser.add_argument("--chains", type=int, default=10, help="configured (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement (default: %(default)s)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.db"
        asyncio.run(fill(file, given.transfers, 0))
        leave_in_flight(file, given.in_flight)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            quiet, busy, took = process.submit(measure, file, given.chains, given.seconds).result()
    print(f"{given.transfers:,} transfers, {given.in_flight:,} of them in flight, {given.chains} chains")
    print(f"{len(took)} scrapes: {_spread(took)}")
    for name, measured in (("without", quiet), ("with", busy)):
        print(f"{name} scrapes: a commit {_spread(measured.commits)}")
        print(f"{name} scrapes: the loop is late by {_spread(measured.lags)}")


if __name__ == "__main__":
    main()
