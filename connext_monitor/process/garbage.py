"""How often Python collects garbage."""

import asyncio
import gc
from typing import Final

from connext_monitor.process.allocator import give_back

_EVERY: Final = 60.0


def spare_what_is_loaded() -> None:
    """Collect garbage from now on, of what is made from now on, and less often than Python by itself.

    What works on many small objects goes through all of them, and through all modules, again and again otherwise: the
    first collection alone took a twentieth of a command's time.
    """
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
    gc.enable()


def spare_collections() -> None:
    """Leave what has been built so far out of garbage collections, and have fewer of them.

    Reading history makes many small objects that live for one batch; with Python's own thresholds a sixth of the time
    went into going through them, and through all modules, again and again (measured by ``scripts.bench.ingest``).
    """
    gc.collect()
    spare_what_is_loaded()


def collect_by_time() -> None:
    """Do the same, and collect each minute in the running event loop.

    Connections that have ended are garbage that only a collection finds. Where little happens the thresholds are
    reached once in an hour or two, and until then ten megabytes of it would have come together.
    """
    spare_collections()
    collect_each_minute(asyncio.get_running_loop())


def collect_each_minute(loop: asyncio.AbstractEventLoop) -> None:
    """Collect all garbage each minute for as long as the loop runs, and give back what is free then.

    That takes a few milliseconds. Where what had long been there was collected every ten minutes only,
    new objects were placed around it meanwhile, and memory grew with all that went wrong.
    """

    def collect() -> None:
        gc.collect()
        give_back()
        collect_each_minute(loop)

    loop.call_later(_EVERY, collect)
