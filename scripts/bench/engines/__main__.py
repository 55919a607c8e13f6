"""PostgreSQL beside SQLite: ``python -m scripts.bench.engines [--parts history live record] [--rounds N]``.

Both do the same work by turns, each in a process of its own, on a file or on a server that runs for this, and wait for
the same disk at each commit: SQLite with ``synchronous = FULL``, PostgreSQL with ``fsync`` and ``synchronous_commit``.
The server is written to as by the owner of the work, with its turn; its own work is in no CPU figure, but takes the
same processors. ``history`` is the monitor's whole way, from asking a loopback node to the commit; ``live`` that of
pushed logs; ``record`` is `Store.record` alone.
"""

import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from scripts.bench.bridge_node import Live
from scripts.bench.bridge_node import running as node_running
from scripts.bench.compare.disk import DiskProbe
from scripts.bench.compare.figures import HISTORY_ROWS, LIVE_ROWS, Figures, Row, percentile_ms, table
from scripts.bench.engines.recorded import LIVE, LOGS_PER_BLOCK
from scripts.bench.engines.work import Where, in_process, read, recorded, watched
from scripts.bench.ingest import check
from scripts.bench.made_up_bridge import Bridge
from scripts.postgres_server import DURABLE, Server, programs, running

_PARTS = ("history", "live", "record")
Part = Callable[[Where, Path], Figures]
"""Does the work in a database, and measures it; the folder is on the disk that both wait for."""

RECORD_ROWS = (
    *HISTORY_ROWS,
    Row("a log alone, commit p50 ms", lambda run: percentile_ms(0.5, run.delays)),
    Row("a log alone, commit p99 ms", lambda run: percentile_ms(0.99, run.delays)),
)


def history(urls: Sequence[str], bridge: Bridge, where: Where, _folder: Path) -> Figures:
    """All of a node's history, read from its first block on; nothing of it may be missing."""
    measured = in_process(read, where, urls, bridge)
    check(bridge, where)
    return Figures(3 * bridge.transfers, **measured)


def live(options: Namespace, where: Where, folder: Path) -> Figures:
    """What a node of its own pushes for so long."""
    pushed = Live(options.live_blocks, options.live_events)
    with node_running(Bridge(0, 1), live=pushed) as urls, DiskProbe(folder) as disk:
        measured = in_process(watched, where, urls, options.live_seconds)
    return Figures(len(measured["delays"]), **measured, syncs=disk.seconds)


def record(bridge: Bridge, blocks: int, where: Where, _folder: Path) -> Figures:
    """See `recorded`."""
    measured = in_process(recorded, where, bridge, blocks)
    check(bridge, where, LIVE)
    return Figures(3 * bridge.transfers, **measured)


def by_turns(rounds: int, server: Server, part: Part) -> dict[str, list[Figures]]:
    """Every round of both; one before the first does not count, in which the server makes the files of its log."""
    runs: dict[str, list[Figures]] = {"PostgreSQL": [], "SQLite": []}
    for number in range(-1, rounds):
        for name in list(runs)[:: 1 if number % 2 == 0 else -1]:
            with tempfile.TemporaryDirectory() as folder, _database(name, server, Path(folder)) as where:
                run = part(where, Path(folder))
            if number >= 0:
                runs[name].append(run)
                said = f"{run.logs} logs, {run.seconds:.1f} s, {run.cpu:.1f} s CPU"
                print(f"round {number + 1}: {name} {said}", file=sys.stderr, flush=True)
    return runs


@contextmanager
def _database(name: str, server: Server, folder: Path) -> Iterator[Where]:
    if name == "SQLite":
        yield folder / "monitor.db"
        return
    with server.database() as url:
        yield url


def tables(options: Namespace, server: Server) -> Iterator[list[str]]:
    """The parts that were asked for, each as it is ready."""
    bridge = Bridge(options.events, LOGS_PER_BLOCK)
    if "history" in options.parts:
        with node_running(bridge) as urls:
            runs = by_turns(options.rounds, server, partial(history, urls, bridge))
        yield table(f"history, {LOGS_PER_BLOCK} logs a block", HISTORY_ROWS, runs)
    if "live" in options.parts:
        runs = by_turns(options.rounds, server, partial(live, options))
        yield table(f"live, {options.live_events} events/s", LIVE_ROWS, runs)
    if "record" in options.parts:
        runs = by_turns(options.rounds, server, partial(record, bridge, options.blocks))
        yield table("Store.record alone", RECORD_ROWS, runs)


def options_of(arguments: Sequence[str] | None) -> Namespace:
    """The command line."""
    parser = ArgumentParser(prog="python -m scripts.bench.engines", description=(__doc__ or "").splitlines()[0])
    shown = "(default: %(default)s)"
    parser.add_argument("--parts", nargs="+", choices=_PARTS, default=list(_PARTS), help=f"what to measure {shown}")
    parser.add_argument("--rounds", type=int, default=3, help=f"how often each is measured {shown}")
    parser.add_argument("--events", type=int, default=100_000, help=f"logs of a history {shown}")
    parser.add_argument("--blocks", type=int, default=20, help=f"record: blocks of 100 logs in a commit {shown}")
    calm = f"how long to watch live: a calm cover comes each minute {shown}"
    parser.add_argument("--live-seconds", type=float, default=70, help=calm)
    parser.add_argument("--live-events", type=int, default=200, help=f"a second, both chains together {shown}")
    parser.add_argument("--live-blocks", type=float, default=10, help=f"a second, on each chain {shown}")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = options_of(arguments)
    installed = programs()
    if installed is None:
        raise SystemExit("PostgreSQL is not installed; scripts/postgres installs it")
    with running(installed, DURABLE) as server:
        for lines in tables(options, server):
            print("\n".join([*lines, ""]), flush=True)


if __name__ == "__main__":
    main()
