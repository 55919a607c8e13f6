"""How long from the push of a log to its commit: ``python -m scripts.bench.live_path [--seconds N] [--events N]``.

A loopback node in a process of its own mines blocks on two chains and pushes heads and logs; each log carries when it
was pushed, on the clock that all processes of a machine share.
"""

import asyncio
import math
import tempfile
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.bench.bridge_node import Live, running
from scripts.bench.made_up_bridge import Bridge
from scripts.bench.watching import WatchedPuts, watching


async def measure(urls: Sequence[str], file: Path, seconds: float) -> list[float]:
    """The seconds from push to commit of every log of that time."""
    puts: list[WatchedPuts] = []
    async with watching(urls, file, start_block="latest", puts=puts):
        await asyncio.sleep(seconds)
        return list(puts[0].committed_after)


def summary(seconds: Sequence[float]) -> str:
    """One line: how many, and percentiles by nearest rank."""
    ordered = sorted(seconds)

    def at(share: float) -> float:
        return 1000 * ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    return (
        f"{len(ordered)} logs, from push to commit: p50 {at(0.5):.1f} ms, p90 {at(0.9):.1f} ms, p99 {at(0.99):.1f} ms, "
        f"max {at(1):.1f} ms"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = ArgumentParser(prog="python -m scripts.bench.live_path", description=(__doc__ or "").splitlines()[0])
    long = "how long to watch; a calm cover reads all of a minute once more (default: %(default)s)"
    parser.add_argument("--seconds", type=float, default=100, help=long)
    parser.add_argument("--events", type=int, default=200, help="a second, both chains together (default: %(default)s)")
    at_once = "a second, on each chain; a block's logs come at once (default: %(default)s)"
    parser.add_argument("--blocks", type=float, default=10, help=at_once)
    options: Any = parser.parse_args(arguments)
    live = Live(options.blocks, options.events)
    with tempfile.TemporaryDirectory() as folder, running(Bridge(0, 1), live=live) as urls:
        print(summary(asyncio.run(measure(urls, Path(folder) / "live.db", options.seconds))))


if __name__ == "__main__":
    main()
