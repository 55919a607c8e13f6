"""From a node's answer to committed rows: ``python -m scripts.bench.ingest [--events N] [--rounds N]``.

A loopback node in a process of its own serves the events of two chains in answers of 2,000 logs, made beforehand. In
one run, by turns: (a) the bare fetch and parse of the same answers, (b) the bare batched inserts of the same rows into
a database with the same tables, indexes and durability, and (c) the program's own path: the coverer of each chain, the
transfer checker and the store, the checkpoint in the same transaction. The figure is c against a and b in series. All
are measured with the garbage collector set as the program sets it.
"""

import asyncio
import gc
import logging
import resource
import statistics
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import aiosqlite
import msgspec
import structlog
from websockets.asyncio.client import connect

from connext_monitor.app import collect_rarely
from connext_monitor.clock import SystemClock
from connext_monitor.config import ChainConfig
from connext_monitor.core.coverage import Aim
from connext_monitor.core.deadline import Durations
from connext_monitor.core.events import DomainId
from connext_monitor.core.labels import ChainLabel, ChainLabels
from connext_monitor.monitoring.chain_state import ChainState
from connext_monitor.monitoring.coverer import Coverer
from connext_monitor.monitoring.endpoint import open_endpoint
from connext_monitor.monitoring.endpoint_pool import EndpointPool
from connext_monitor.monitoring.observation import Committed
from connext_monitor.monitoring.transfer_checker import TransferChecker
from connext_monitor.store.store import Store
from scripts.bench.events_node import CONTRACT, DESTINATION, MOST_BLOCKS, ORIGIN, blocks_of

_CHAINS = {ORIGIN: "here", DESTINATION: "there"}
_ROWS_AT_ONCE = 2_000


class _Log(msgspec.Struct, rename="camel"):
    address: str
    topics: list[str]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    log_index: str


class _Answer(msgspec.Struct):
    result: list[_Log]


@asynccontextmanager
async def node(transfers: int, *, keep: bool) -> AsyncIterator[int]:
    """The port of a node in a process of its own, once its answers are ready."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "scripts.bench.events_node", str(transfers), "keep" if keep else "make"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        yield int(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


async def fetch_and_parse(port: int, transfers: int) -> float:
    """(a): seconds for all answers, each asked for when the one before has come."""
    decode = msgspec.json.Decoder(_Answer).decode
    began = time.perf_counter()
    for chain in _CHAINS:
        async with connect(f"ws://127.0.0.1:{port}/{chain}", max_size=None, compression=None) as socket:
            for first in range(1, blocks_of(transfers, chain) + 1, MOST_BLOCKS):
                asked = {"fromBlock": hex(first), "toBlock": hex(first + MOST_BLOCKS - 1)}
                request = {"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [asked]}
                await socket.send(msgspec.json.encode(request), text=True)
                decode(await socket.recv(decode=False))
    return time.perf_counter() - began


async def bare_inserts(filled: Path, folder: Path) -> float:
    """(b): seconds for the rows of a database, in batches, into an empty one with the same tables."""
    empty = folder / "bare.db"
    await (await Store.open(empty, {})).close()
    async with aiosqlite.connect(filled) as source:
        tables = {
            table: (
                [column[1] for column in await source.execute_fetchall(f"PRAGMA table_info({table})")],
                list(await source.execute_fetchall(f"SELECT * FROM {table}")),  # noqa: S608 - one of two names of ours
            )
            for table in ("events", "transfers")
        }
    async with aiosqlite.connect(empty, isolation_level=None) as target:
        await target.execute("PRAGMA journal_mode=WAL")
        await target.execute("PRAGMA synchronous=FULL")
        began = time.perf_counter()
        for table, (columns, rows) in tables.items():
            insert = f"INSERT INTO {table} VALUES ({','.join('?' * len(columns))})"  # noqa: S608 - as above
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                await target.execute("BEGIN IMMEDIATE")
                await target.executemany(insert, rows[start : start + _ROWS_AT_ONCE])
                await target.execute("COMMIT")
        return time.perf_counter() - began


class _Nobody:
    """Hears of commits and does nothing."""

    def committed(self, news: Committed) -> None:
        """See `CommitListener`."""


async def our_path(port: int, database: Path) -> float:
    """(c): seconds until everything is covered and committed."""
    clock = SystemClock()
    labels = ChainLabels({DomainId(domain): ChainLabel(name, None) for domain, name in _CHAINS.items()})
    store = await Store.open(database, {DomainId(domain): name for domain, name in _CHAINS.items()})
    checker = TransferChecker(
        store, lambda _origin, _to: Durations(300, 10_800), _Nobody(), labels, clock, lambda _: []
    )
    running = asyncio.create_task(checker.run())
    began = time.perf_counter()
    await asyncio.gather(*(_cover(port, domain, store, checker, clock) for domain in _CHAINS))
    seconds = time.perf_counter() - began
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await store.close()
    return seconds


async def _cover(port: int, domain: int, store: Store, checker: TransferChecker, clock: SystemClock) -> None:
    config = ChainConfig.model_validate(
        {
            "name": _CHAINS[domain],
            "chain_id": domain,
            "domain_id": domain,
            "contract": "0x" + CONTRACT.hex(),
            "endpoints": [f"ws://127.0.0.1:{port}/{domain}"],
            "block_time": "PT1S",
            "finality": 5,
            "start_block": 1,
        }
    )
    state = ChainState(config, clock, 60)
    pool = EndpointPool(config, open_endpoint, clock, Random(1))  # noqa: S311 - spreads retries
    async with pool.open(0) as endpoint:
        state.connected(endpoint)
        coverer = Coverer(state, endpoint, store, checker, pool, 0)
        await coverer.begin()
        await coverer.cover(Aim.CONFIRM)


async def measure(events: int, rounds: int) -> None:
    """Measure and print."""
    transfers = events // 3
    keep = events <= 300_000
    peak = 0.0
    collect_rarely()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    async with node(transfers, keep=keep) as port:
        seconds: dict[str, list[float]] = {"a": [], "b": [], "c": []}
        for number in range(1, rounds + 1):
            with tempfile.TemporaryDirectory() as folder:
                database = Path(folder) / "ours.db"
                gc.collect()
                seconds["c"].append(await our_path(port, database))
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                if not keep:
                    print(f"{3 * transfers / seconds['c'][-1]:,.0f} logs/s; peak memory {peak:.0f} MB")
                    continue
                gc.collect()
                seconds["a"].append(await fetch_and_parse(port, transfers))
                seconds["b"].append(await bare_inserts(database, Path(folder)))
            print(f"round {number}: {_rates(3 * transfers, {k: v[-1:] for k, v in seconds.items()})}", flush=True)
        if keep:
            print(f"medians: {_rates(3 * transfers, seconds)}; peak memory after the first of ours {peak:.0f} MB")


def _rates(logs: int, seconds: Mapping[str, Sequence[float]]) -> str:
    a, b, c = (statistics.median(seconds[key]) for key in "abc")
    return (
        f"(a) fetch and parse {logs / a:,.0f}, (b) inserts {logs / b:,.0f}, both in series {logs / (a + b):,.0f}, "
        f"(c) ours {logs / c:,.0f} logs/s; c is {(a + b) / c:.2f} of a and b in series"
    )


def main() -> None:
    """Read the command line and measure."""
    parser = ArgumentParser(prog="python -m scripts.bench.ingest", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=100_000, help="how many; above 300,000 only memory is measured")
    parser.add_argument("--rounds", type=int, default=3, help="(default: %(default)s)")
    asked = parser.parse_args()
    asyncio.run(measure(asked.events, asked.rounds))


if __name__ == "__main__":
    main()
