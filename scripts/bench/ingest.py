"""How fast history is read: ``python -m scripts.bench.ingest [--events N] [--rounds N] [--ours-only]``.

In one run, by turns, each in a process of its own: (a) the bare fetch and parse of a loopback node's answers, (b) the
bare inserts of the rows that they amount to, and ours: observers, transfer checker and store, each commit with its
checkpoint. The ratio compares ours with (a) and (b) in series.
"""

import multiprocessing
import resource
import statistics
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connext_monitor.config import DatabaseUrl
from connext_monitor.store.connection import transact
from connext_monitor.store.engine import engine_of
from scripts.bench.bare import fetch_and_parse, insert
from scripts.bench.bridge_node import running
from scripts.bench.made_up_bridge import Bridge
from scripts.bench.watching import watch_history

_STORED = (
    "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM transfers WHERE status = 'CompletedFast'),"
    " (SELECT max(contiguous_nonce) FROM chains)"
)


@dataclass(frozen=True, slots=True)
class Measured:
    """Logs a second, logs in a usual batch, and the peak memory of the process in MB."""

    rate: float
    batch: int
    peak: float


def measured(work: Callable[..., tuple[float, int]], bridge: Bridge, *args: object) -> Measured:
    """What ``work`` says of itself (seconds, logs in a batch), run in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        seconds, batch = process.submit(work, *args).result()
        peak = process.submit(_peak).result()
    return Measured(3 * bridge.transfers / seconds, batch, peak)


def _peak() -> float:
    # Linux counts in KiB, macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def run(bridge: Bridge, rounds: int, *, ours_only: bool, prepared: bool) -> dict[str, list[Measured]]:
    """Every round of every way."""
    rounds_of: dict[str, list[Measured]] = {"ours": []} if ours_only else {"fetch": [], "insert": [], "ours": []}
    with tempfile.TemporaryDirectory() as folder, running(bridge, prepared=prepared) as urls:
        for number in range(rounds):
            file = Path(folder) / f"{number}.db"
            if not ours_only:
                rounds_of["fetch"].append(measured(fetch_and_parse, bridge, bridge, urls))
            rounds_of["ours"].append(measured(watch_history, bridge, bridge, urls, file))
            check(bridge, file)
            if not ours_only:
                batch = rounds_of["ours"][-1].batch
                rounds_of["insert"].append(measured(insert, bridge, file, Path(folder) / f"{number}-bare.db", batch))
            print(" ".join(f"{name} {every[-1].rate:,.0f}" for name, every in rounds_of.items()), "logs/s", flush=True)
    return rounds_of


def check(bridge: Bridge, where: Path | DatabaseUrl, more: int = 0) -> None:
    """Nothing is missing, nor is there more than so many new transfers: a benchmark of a lossy way is worth nothing."""
    reader = engine_of(where).reader()
    stored = transact(reader, lambda connection: connection.run(_STORED).fetchone())
    reader.close()
    expected = (3 * bridge.transfers + more, bridge.transfers, bridge.transfers)
    if tuple(stored) != expected:
        raise SystemExit(f"Stored {stored} events, transfers, nonces instead of {expected}.")


def summary(rounds_of: dict[str, list[Measured]]) -> list[str]:
    """The medians, and the ratio where there is what to compare with."""
    names = {"fetch": "(a) fetch and parse", "insert": "(b) inserts", "ours": "ours"}
    rates = {name: statistics.median(round_.rate for round_ in every) for name, every in rounds_of.items()}
    lines = [
        f"{names[name]:22}{rates[name]:10,.0f} logs/s in batches of about {every[-1].batch}, "
        f"peak memory {max(round_.peak for round_ in every):.0f} MB"
        for name, every in rounds_of.items()
    ]
    if "fetch" in rounds_of:
        series = 1 / (1 / rates["fetch"] + 1 / rates["insert"])
        lines.append(f"{'(a) and (b) in series':22}{series:10,.0f} logs/s; ours is {rates['ours'] / series:.2f} of it")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = ArgumentParser(prog="python -m scripts.bench.ingest", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=100_000, help="how many logs (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each way is measured (default: %(default)s)")
    parser.add_argument("--logs-per-block", type=int, default=100, help="in a block with any (default: %(default)s)")
    parser.add_argument("--ours-only", action="store_true", help="ours alone; the node makes its answers on the spot")
    options: Any = parser.parse_args(arguments)
    bridge = Bridge(options.events, options.logs_per_block)
    rounds_of = run(bridge, options.rounds, ours_only=options.ours_only, prepared=not options.ours_only)
    print("\n".join(summary(rounds_of)))


if __name__ == "__main__":
    main()
