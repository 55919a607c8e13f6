"""A database with a year of a million transfers: ``python -m scripts.bench.million [--transfers N] [--database FILE]``.

Every page and every answer of a running monitor, first and later, and how long an answer to /healthz took meanwhile;
its commands; a backup, and pruning of the copy. What misses its aim is marked; what has "waited" took longer only
because other programs had the processors. A million are made in some minutes, and kept where ``--database`` says so.
"""

import asyncio
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scripts.bench.answers import measure_answers
from scripts.bench.figures import HEAD, Figure
from scripts.bench.housekeeping import measure_housekeeping
from scripts.bench.year import fill

_PARTS = ("answers", "housekeeping")
_SAID_EVERY = 15.0
"""Seconds."""


def _measured(file: Path, folder: Path, options: Any) -> Iterator[Figure]:  # noqa: ANN401 - a namespace
    if "answers" in options.parts:
        yield from measure_answers(file, folder, options.rounds, min(2.0, options.seconds))
    if "housekeeping" in options.parts:
        yield from asyncio.run(_all(file, folder, options.seconds))


async def _all(file: Path, folder: Path, seconds: float) -> list[Figure]:
    return [figure async for figure in measure_housekeeping(file, folder, seconds)]


def _make(file: Path, transfers: int) -> None:
    """Make it, whole or not at all, and say how far that is."""
    began = said = time.perf_counter()

    def made(count: int) -> None:
        nonlocal said
        if time.perf_counter() - said > _SAID_EVERY:
            said = time.perf_counter()
            print(f"{count:,} of {transfers:,} made in {said - began:.0f} s", file=sys.stderr)

    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    asyncio.run(fill(unfinished, transfers, int(time.time()), made))
    unfinished.rename(file)
    size = file.stat().st_size
    took = time.perf_counter() - began
    print(f"made in {took:.0f} s, {size / 2**20:.0f} MB, {size / transfers:.0f} bytes a transfer")


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the database where there is none, measure, and print."""
    parser = ArgumentParser(prog="python -m scripts.bench.million", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--transfers", type=int, default=1_000_000, help="how many are made (default: %(default)s)")
    parser.add_argument("--database", type=Path, help="where to keep or find it (default: nowhere)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is asked again (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of pruning (default: %(default)s)")
    parser.add_argument("--parts", nargs="+", choices=_PARTS, default=_PARTS, help="what is measured (default: all)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        file = (options.database or folder / "million.db").absolute()
        if not file.exists():
            _make(file, options.transfers)
        print(HEAD)
        for figure in _measured(file, folder, options):
            print(figure.row(), flush=True)


if __name__ == "__main__":
    main()
