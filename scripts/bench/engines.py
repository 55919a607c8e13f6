"""PostgreSQL beside SQLite: ``python -m scripts.bench.engines [--events N] [--rounds N] [--folder FOLDER]``.

The same made-up history, and then single logs, are recorded by `Store.record` in a file and on a server of its own, by
turns, each in a process of its own; both wait for the same disk at each commit. What is printed are medians of the
rounds, and the ratio of the server's logs a second to the file's.
"""

import asyncio
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from itertools import zip_longest
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles

from connext_monitor.config import DatabaseUrl
from connext_monitor.core.batch import Batch, ChainProgress
from connext_monitor.core.coverage import Coverage
from connext_monitor.core.deadline import Durations
from connext_monitor.core.events import BlockNumber, BlockRef, DomainId, Hash32, Timestamp
from connext_monitor.core.recording import record
from connext_monitor.core.transfer import EventRecord, ObservedChange, Sighting
from connext_monitor.store.store import Store
from scripts.bench.made_up_bridge import DOMAINS, GENESIS_TIME, Bridge, block_hash, xcalled
from scripts.postgres_server import DURABLE, Server, programs, running

_NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LOGS_PER_BLOCK = 100
LIVE = 300
"""Single logs, each a commit."""


@dataclass(frozen=True, slots=True)
class Run:
    """History's logs a second, µs of CPU for each of them, and ms of each live commit."""

    rate: float
    cpu: float
    live: Sequence[float]


def batches(bridge: Bridge, blocks: int) -> Iterator[Batch]:
    """The history in commits of so many blocks with logs, the chains by turns."""
    by_chain = [_of_chain(bridge, chain, blocks) for chain in (0, 1)]
    for of_both in zip_longest(*by_chain):
        yield from filter(None, of_both)


def _of_chain(bridge: Bridge, chain: int, blocks: int) -> Iterator[Batch]:
    numbers = bridge.blocks_with_logs(1, bridge.head(chain))
    since: Coverage | None = None
    for start in range(0, len(numbers), blocks):
        part = numbers[start : start + blocks]
        seen = [record for number in part for record in _seen_in(bridge, chain, number)]
        block = _block(chain, part[-1])
        coverage = Coverage(BlockNumber(0), block.number, block)
        progress = ChainProgress(
            DOMAINS[chain], coverage, 0, bridge.nonce_after(block.number), anchor=block, since=since
        )
        since = coverage
        yield Batch([ObservedChange(seen=tuple(seen))], [progress])


def _seen_in(bridge: Bridge, chain: int, number: int) -> Iterator[EventRecord]:
    block = _block(chain, number)
    for index, event in enumerate(bridge.events_in(chain, number)):
        tx_hash = sha256(b"%d %d %d" % (chain, number, index)).digest()
        yield EventRecord(DOMAINS[chain], event, Sighting(block, Hash32(tx_hash), index))


def _block(chain: int, number: int) -> BlockRef:
    return BlockRef(BlockNumber(number), block_hash(chain, number), Timestamp(GENESIS_TIME + number))


async def play(where: Path | DatabaseUrl, events: int, blocks: int) -> Run:
    """Record it all, and single logs behind it."""
    store = await Store.open(where, {})
    try:
        made = list(batches(Bridge(events, LOGS_PER_BLOCK), blocks))
        began, cpu = time.perf_counter(), time.process_time()
        for batch in made:
            await _record(store, batch)
        took, worked = time.perf_counter() - began, time.process_time() - cpu
        live = []
        for nonce in range(events, events + LIVE):
            event = EventRecord(DOMAINS[0], xcalled(nonce), Sighting(_block(0, 10**8 + nonce), Hash32(bytes(32)), 0))
            at = time.perf_counter()
            await _record(store, Batch([ObservedChange(seen=(event,))], ()))
            live.append((time.perf_counter() - at) * 1e3)
    finally:
        await store.close()
    return Run(events / took, worked / events * 1e6, live)


async def _record(store: Store, batch: Batch) -> None:
    decide = partial(record, batch=batch, at=_NOW, durations=_durations, name=str)
    await store.record(batch, decide, lambda _alert: (), _NOW)


def _durations(_origin: DomainId, _destination: DomainId) -> Durations:
    return Durations(300, 10_800)


def played(where: Path | DatabaseUrl, events: int, blocks: int) -> Run:
    """The same in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_play, where, events, blocks).result()


def _play(where: Path | DatabaseUrl, events: int, blocks: int) -> Run:
    return asyncio.run(play(where, events, blocks))


def by_turns(options: Namespace, server: Server, folder: Path) -> dict[str, list[Run]]:
    """Every round of both, and one before that does not count."""
    runs: dict[str, list[Run]] = {"SQLite": [], "PostgreSQL": []}
    for number in range(options.rounds + 1):
        runs["SQLite"].append(played(folder / f"{number}.db", options.events, options.blocks))
        with server.empty_database() as url:
            runs["PostgreSQL"].append(played(url, options.events, options.blocks))
        if number == 0:
            runs = {name: [] for name in runs}  # the server has made the files of its log since
            continue
        shown = (f"{name} {every[-1].rate:,.0f}" for name, every in runs.items())
        print(f"round {number}: {', '.join(shown)} logs/s", file=sys.stderr, flush=True)
    return runs


def rows(runs: dict[str, list[Run]]) -> Iterator[str]:
    """The table."""
    yield f"{'':34}{'SQLite':>24}{'PostgreSQL':>24}{'ratio':>8}"
    figures: dict[str, Callable[[Run], float]] = {
        "history, logs/s": lambda run: run.rate,
        "history, CPU µs a log, without server": lambda run: run.cpu,
        "a log alone, commit p50 ms": lambda run: quantiles(run.live, n=100)[49],
        "a log alone, commit p99 ms": lambda run: quantiles(run.live, n=100)[98],
    }
    for name, figure in figures.items():
        every = [[figure(run) for run in of_engine] for of_engine in runs.values()]
        cells = "".join(f"{f'{median(of):,.1f} ({min(of):,.1f}-{max(of):,.1f})':>24}" for of in every)
        yield f"{name:<40}{cells}{median(every[1]) / median(every[0]):8.2f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = ArgumentParser(prog="python -m scripts.bench.engines", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=60_000, help="logs of the history (default: %(default)s)")
    parser.add_argument("--blocks", type=int, default=20, help="blocks of 100 logs in a commit (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default: %(default)s)")
    options = parser.parse_args(arguments)
    installed = programs()
    if installed is None:
        raise SystemExit("PostgreSQL is not installed; scripts/postgres installs it")
    with tempfile.TemporaryDirectory() as folder, running(installed, DURABLE) as server:
        runs = by_turns(options, server, Path(folder))
    print("\n".join(rows(runs)))


if __name__ == "__main__":
    main()
