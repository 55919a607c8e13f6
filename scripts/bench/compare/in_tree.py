"""One tree's own observers, transfer checker and store at work on given URLs; prints `Figures` as JSON.

It is run as a file, in a process of its own, with PYTHONPATH naming the tree: all that it imports is that tree's. Of
any tree it needs `scripts.bench.watching` as it was at 16fa9aa, and no more.
"""

import asyncio
import json
import resource
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from scripts.bench.watching import watching


async def read_history(
    urls: Sequence[str],
    database: Any,  # noqa: ANN401 - as this tree's `watching` takes it
    heads: Sequence[int],
    **how: Any,  # noqa: ANN401 - as above
) -> dict[str, Any]:
    """Read all blocks up to the heads, from the first one on."""
    async with watching(urls, database, start_block=1, puts=[], **how) as parts:
        spent = Spent()
        while any(  # noqa: ASYNC110 - two observers cover by many commits each
            observer.state.covered is None or observer.state.covered.number < head
            for observer, head in zip(parts.observers, heads, strict=True)
        ):
            await asyncio.sleep(0.005)
        return spent.figures([])


async def watch_live(
    urls: Sequence[str],
    database: Any,  # noqa: ANN401 - as above
    seconds: float,
    **how: Any,  # noqa: ANN401 - as above
) -> dict[str, Any]:
    """Watch the head for so long; how many seconds passed from the push of each log to its commit."""
    puts: list[Any] = []
    async with watching(urls, database, start_block="latest", puts=puts, **how):
        spent = Spent()
        await asyncio.sleep(seconds)
        return spent.figures(puts[0].committed_after)


class Spent:
    """What this process has spent since then; to be made, and asked, on the event loop's thread."""

    def __init__(self) -> None:
        self._wall, self._all, self._loop = time.perf_counter(), time.process_time(), time.thread_time()
        self._others = _thread_seconds()

    def figures(self, delays: Sequence[float]) -> dict[str, Any]:
        """See `Figures`."""
        others = {thread: spent - self._others.get(thread, 0.0) for thread, spent in _thread_seconds().items()}
        return {
            "seconds": time.perf_counter() - self._wall,
            "cpu": time.process_time() - self._all,
            "loop": time.thread_time() - self._loop,
            "writer": max(others.values(), default=0.0),
            "peak": _peak(),
            "delays": list(delays),
        }


def _thread_seconds() -> dict[int, float]:
    """The CPU time of every thread but this one, where the system tells it of each."""
    spent = {}
    clock_of = getattr(time, "pthread_getcpuclockid", None)
    for thread in threading.enumerate():
        if clock_of is not None and thread.ident is not None and thread is not threading.current_thread():
            with suppress(OSError):  # it has just ended
                spent[thread.ident] = time.clock_gettime(clock_of(thread.ident))
    return spent


def _peak() -> float:
    """The most memory of this process, in MB; Linux's own count would begin with that of the parent."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def main(arguments: Sequence[str]) -> None:
    """``history FILE URL URL HEAD HEAD`` or ``live FILE URL URL SECONDS``."""
    what, file, *rest = arguments
    urls, numbers = rest[:2], rest[2:]
    if what == "history":
        figures = asyncio.run(read_history(urls, Path(file), [int(head) for head in numbers]))
    else:
        figures = asyncio.run(watch_live(urls, Path(file), float(numbers[0])))
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1:])
