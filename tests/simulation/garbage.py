"""Garbage of simulated processes: collected when the story says so, and not heard of."""

import gc
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


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


@contextmanager
def ignoring_unraisable() -> Iterator[None]:
    """Coroutines of a process that is gone are closed by the collector, and some of them object."""
    before = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of coroutines that it had not begun yet
            yield
    finally:
        sys.unraisablehook = before
