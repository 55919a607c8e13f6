"""This tree against another commit, and ponder: ``python -m scripts.bench.compare [--against COMMIT] [--ponder]``.

All read the same made-up bridge from the same loopback node, by turns, each in a process of its own. What is printed
are medians of the rounds, the least and the most, and the ratio of this tree's to each other's (above 1 is better for
logs a second, below 1 for all else). CPU time is the steady figure; wall clock is the machine's too.
"""

import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from scripts.bench.bridge_node import Live, running
from scripts.bench.compare.disk import DiskProbe
from scripts.bench.compare.figures import HISTORY_ROWS, LIVE_ROWS, Figures, table
from scripts.bench.compare.ponder import Ponder
from scripts.bench.compare.trees import CannotCompareError, Tree, remove, this_tree, tree_of
from scripts.bench.ingest import check
from scripts.bench.made_up_bridge import Bridge

Runs = dict[str, list[Figures]]
_PARTS = ("dense", "sparse", "live")


def history_of_tree(tree: Tree, bridge: Bridge, urls: Sequence[str], folder: Path) -> Figures:
    """Have a tree's monitor read all history, and make sure that it has."""
    file = folder / "history.db"
    measured = tree.run("history", file, *urls, bridge.head(0), bridge.head(1))
    check(bridge, file)
    return Figures(3 * bridge.transfers, **measured)


def live_of_tree(tree: Tree, urls: Sequence[str], folder: Path, seconds: float) -> Figures:
    """Have a tree's monitor watch the head for so long, beside a probe of its disk."""
    with DiskProbe(folder) as disk:
        measured = tree.run("live", folder / "live.db", *urls, seconds)
    return Figures(len(measured["delays"]), **measured, syncs=disk.seconds)


def by_turns(rounds: int, programs: dict[str, Callable[[Path], Figures]]) -> Runs:
    """Every round of every program, each in a new folder; every other round begins with the last one."""
    runs: Runs = {name: [] for name in programs}
    for number in range(rounds):
        for name in list(programs)[:: 1 if number % 2 == 0 else -1]:
            with tempfile.TemporaryDirectory() as folder:
                runs[name].append(programs[name](Path(folder)))
            print(f"round {number + 1}: {name} {_in_short(runs[name][-1])}", file=sys.stderr, flush=True)
    return runs


def _in_short(run: Figures) -> str:
    return f"{run.logs} logs, {run.seconds:.1f} s, {run.cpu:.1f} s CPU"


def history(options: Namespace, trees: Sequence[Tree], ponder: Ponder | None, logs_per_block: int) -> list[str]:
    """The table of a history with so many logs in a block."""
    bridge = Bridge(options.events, logs_per_block)
    with running(bridge) as urls:
        programs: dict[str, Callable[[Path], Figures]] = {
            tree.name: partial(history_of_tree, tree, bridge, urls) for tree in trees
        }
        if ponder is not None:
            programs[ponder.name] = partial(ponder.read_history, bridge, urls)
        runs = by_turns(options.rounds, programs)
    return table(f"history, {logs_per_block} logs a block", HISTORY_ROWS, runs)


def live(options: Namespace, trees: Sequence[Tree]) -> list[str]:
    """The table of the live path; each run has a node to itself, whose chains begin anew."""

    def watch(tree: Tree, folder: Path) -> Figures:
        with running(Bridge(0, 1), live=Live(options.live_blocks, options.live_events)) as urls:
            return live_of_tree(tree, urls, folder, options.live_seconds)

    programs: dict[str, Callable[[Path], Figures]] = {tree.name: partial(watch, tree) for tree in trees}
    return table(f"live, {options.live_events} events/s", LIVE_ROWS, by_turns(options.rounds, programs))


def tables(options: Namespace, trees: Sequence[Tree], ponder: Ponder | None) -> Iterator[list[str]]:
    """The parts that were asked for, each as it is ready."""
    if "dense" in options.parts:
        yield history(options, trees, ponder, 100)
    if "sparse" in options.parts:
        yield history(options, trees, ponder, 1)
    if "live" in options.parts:
        yield live(options, trees)


def options_of(arguments: Sequence[str] | None) -> Namespace:
    """The command line."""
    parser = ArgumentParser(prog="python -m scripts.bench.compare", description=(__doc__ or "").splitlines()[0])
    shown = "(default: %(default)s)"
    parser.add_argument("--against", metavar="COMMIT", default="16fa9aa", help=f"the other tree; '' for none {shown}")
    parser.add_argument("--ponder", action="store_true", help="measure ponder too; npm fetches it once")
    parser.add_argument("--rounds", type=int, default=3, help=f"how often each is measured {shown}")
    parser.add_argument("--events", type=int, default=100_000, help=f"logs of a history {shown}")
    what = f"history at 100 logs a block, at 1 log a block, live {shown}"
    parser.add_argument("--parts", nargs="+", choices=_PARTS, default=list(_PARTS), help=what)
    calm = f"how long to watch live: a calm cover comes each minute {shown}"
    parser.add_argument("--live-seconds", type=float, default=130, help=calm)
    parser.add_argument("--live-events", type=int, default=200, help=f"a second, both chains together {shown}")
    parser.add_argument("--live-blocks", type=float, default=10, help=f"a second, on each chain {shown}")
    parser.add_argument("--remove", action="store_true", help="delete the other tree's worktree afterwards")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = options_of(arguments)
    try:
        other = tree_of(options.against) if options.against else None
        ponder = Ponder.installed() if options.ponder else None
        trees = [this_tree()] if other is None else [this_tree(), other]
        print(f"Each tree on Python {sys.version}, of {sys.base_prefix}\n", flush=True)
        for lines in tables(options, trees, ponder):
            print("\n".join([*lines, ""]), flush=True)
        if options.remove and other is not None:
            remove(other)
    except CannotCompareError as error:
        raise SystemExit(f"compare: {error}") from None


if __name__ == "__main__":
    main()
