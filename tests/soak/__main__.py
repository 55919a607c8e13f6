"""``scripts/soak``: the real monitor on real chains for as long as one likes, with what goes wrong in real life."""

import asyncio
import random
import signal
import sys
import tempfile
import time
from argparse import ArgumentParser
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from scripts.devnet import DevnetError
from scripts.devnet.traffic import Pace
from tests.soak.evidence import EXECUTE, RECONCILE
from tests.soak.plan import fates, plan
from tests.soak.reorgs import plan_reorgs
from tests.soak.report import is_clean, report
from tests.soak.run import CHAINS, Course, Soak, Soaked
from tests.soak.samples import growth

_EVERY = 4.0
"""Seconds between two transfers."""
_LATE_AFTER = 75.0
"""Seconds until a late transfer is executed: long enough for it to be told of before, if nothing is wrong."""
_DURATIONS = {EXECUTE: 15, RECONCILE: 30}
"""Deadlines, in seconds."""


def course(seed: int, minutes: float) -> Course:
    """What the seed says is to happen; the same seed and length give the same."""
    seconds = 60 * minutes
    chance = random.Random(seed)  # noqa: S311 - choices of a test
    incidents = plan(chance, seconds, CHAINS)
    destinies = fates(chance, round(seconds / _EVERY))
    reorgs = plan_reorgs(chance, seconds, CHAINS)
    pace = Pace(every=_EVERY, step=2.0, late_after=_LATE_AFTER)
    return Course(incidents, destinies, pace, chance, _DURATIONS, reorgs)


def main() -> int:
    """Run, print, and return the exit code: 0 where all was as it should be, else 1."""
    parser = ArgumentParser(prog="scripts/soak", description=(__doc__ or "").partition(": ")[2])
    parser.add_argument("--minutes", type=float, default=60, help="how long there are transfers (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="what goes wrong, and when (default: drawn, and printed)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the database, logs and samples here")
    options: Any = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    say(f"seed {seed}, {options.minutes:g} minutes; Ctrl-C ends it without a verdict")
    if options.keep is not None:
        options.keep.mkdir(parents=True)
    with tempfile.TemporaryDirectory() if options.keep is None else nullcontext(options.keep) as folder:
        try:
            soaked = asyncio.run(_until_stopped(Soak(course(seed, options.minutes), Path(folder), say)))
        except DevnetError as error:
            print(f"soak: {error}", file=sys.stderr)
            return 1
        except asyncio.CancelledError:
            print("soak: stopped before its end, without a verdict", file=sys.stderr)
            return 1
    grown = growth(soaked.samples)
    print(f"\nseed {seed}, {options.minutes:g} minutes")
    for line in report(soaked, grown):
        print(line)
    return 0 if is_clean(soaked, grown) else 1


async def _until_stopped(soak: Soak) -> Soaked:
    """Run it to its end. SIGINT and SIGTERM end what it started, too, and raise `asyncio.CancelledError`."""
    running = asyncio.ensure_future(soak.run())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    return await running


def say(line: str) -> None:
    """What goes on, on stderr."""
    print(f"{time.strftime('%H:%M:%S', time.gmtime())} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
