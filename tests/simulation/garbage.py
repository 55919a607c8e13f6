"""Garbage of simulated processes: collected when the story says so, and not heard of."""

import gc
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from tests.simulation.loop import ProcessLoop, Time


@contextmanager
def undisturbed() -> Iterator[None]:
    """Garbage is collected between two stories, or where the story says: not when memory happens to fill."""
    enabled = gc.isenabled()
    gc.disable()
    gc.freeze()  # What is there already is none of the story's, and takes long to look through.
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()


def collect_what_is_dead() -> None:
    """Collect garbage, coroutines of processes that are gone among it; what these still begin then, goes nowhere."""
    nowhere = ProcessLoop(Time(), Random(0))  # noqa: S311
    nowhere.die()
    # Outside of a running loop, `gather` would hand tasks to the thread's own, which keeps them for ever.
    with nowhere.running(), _ignoring_unraisable():
        gc.collect()
    nowhere.close()


@contextmanager
def _ignoring_unraisable() -> Iterator[None]:
    """Coroutines of a process that is gone are closed by the collector, and some of them object."""
    before = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of coroutines that it had not begun yet
            yield
    finally:
        sys.unraisablehook = before
